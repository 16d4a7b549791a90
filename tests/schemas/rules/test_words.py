"""Names, addresses, lengths and prices."""

from datetime import date
from decimal import Decimal

import pytest

from schemas.capabilities import Kind, Model, Price, PromptUnit
from schemas.providers import PROVIDERS, model_of
from schemas.quote import estimate
from schemas.rules import check, ending, judge, nearest_models, not_checked, unknown_model, with_defaults
from schemas.rules.filing import callback_is_an_address
from schemas.task import TaskRequest


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        (" Sora-2 ", "sora-2"),
        ("sora2", "sora-2"),
        ("sandbox-vidoe-1", "sandbox-video-1"),
        ("kling_v1_6", "kling-v1-6"),
        ("zzz", None),
    ],
)
def test_the_model_that_was_probably_meant_comes_first(name, nearest):
    names = [model.name for provider in PROVIDERS.values() for model in provider.models]
    found = nearest_models(name, names)

    assert (found[0] if found else None) == nearest


@pytest.mark.parametrize(
    ("name", "slip"),
    [
        ("Sora-2 ", "it has white space at its end and other capitals than sora-2"),
        (" sora-2", "it has white space at its beginning, unlike sora-2"),
        ("SORA-2", "it has other capitals than sora-2"),
        ("sora\u200b-2", "it has white space or unseen characters in it, unlike sora-2"),
        ("sora2", "Did you mean sora-2?"),
    ],
)
def test_a_slip_in_a_name_is_called_what_it_is(name, slip):
    said = unknown_model(name, ("sora-2", "sora-2-pro"))

    assert slip in said.detail
    assert said.nearest[0] == "sora-2"


OLD = Model(name="film-1", kind=Kind.VIDEO, retires_on=date(2026, 9, 15))
NEW = Model(name="film-2", kind=Kind.VIDEO)
STILL = Model(name="film-3", kind=Kind.IMAGE)
ABROAD = OLD.model_copy(update={"lives_on": True})


def judged(model: Model, today: date, **parameters):
    known = {one.name: one for one in (model, NEW, STILL)}
    return judge(TaskRequest.model_validate({"model": model.name, "prompt": "x"} | parameters), known, today)


def test_a_retired_model_is_refused_and_living_ones_of_its_kind_are_named():
    [wrong] = judged(OLD, date(2026, 9, 15))

    assert (wrong.pointer, wrong.code, wrong.nearest) == ("/model", "model_retired", ["film-2"])
    assert wrong.detail == "film-1 was retired by its vendor on 2026-09-15; film-2 is still there."


@pytest.mark.parametrize(
    ("model", "today", "said"),
    [
        (OLD, date(2026, 9, 14), "film-1 will be retired by its vendor on 2026-09-15."),
        (ABROAD, date(2026, 9, 15), "lives on at other upstreams"),
        (NEW, date(2030, 1, 1), None),
    ],
)
def test_a_model_that_lives_is_taken_and_its_end_is_told(model, today, said):
    assert judged(model, today) == []
    found = ending(model, today)
    assert found is said is None or said in found


def test_what_is_wrong_whatever_the_model_is_said_beside_an_unknown_one():
    body = {"model": "nope", "prompt": " ", "metadata": {"a": "\x07"}, "callback_url": "http://x"}
    found = judge(TaskRequest.model_validate(body), {"film-2": NEW}, date(2026, 1, 1))

    assert [(one.pointer, one.code) for one in found] == [
        ("/model", "model_unknown"),
        ("/prompt", "prompt_empty"),
        ("/metadata/a", "control_character"),
        ("/callback_url", "not_an_address"),
        ("/callback_url", "not_supported"),
    ]


TEXTS = [
    "\u3000全角",
    "a\u00a0b",
    "👨\u200d👩\u200d👧",
    "می\u200cخواهم",
    "\U0001fae9\U0001f6d8",
    "\u200fעברית",
    "\ufeffx",
]


@pytest.mark.parametrize("text", [*TEXTS, "a\tb\nc", "\U0001f3f4\U000e0067\U000e0062\U000e007f"])
def test_people_s_writing_is_text(text):
    request = TaskRequest(model="film-2", prompt=f"x{text}", metadata={"name": text}, external_id=text)

    assert check(request, NEW) == []


@pytest.mark.parametrize(
    "letter", ["\x00", "\x07", "\x1b", "\x7f", "\x9b", "\u202a", "\u202e", "\u2066", "\u2069"]
)
def test_what_steers_terminals_and_readers_is_not(letter):
    request = TaskRequest(
        model="film-2",
        prompt=f"a{letter}b",
        metadata={"k": f"a{letter}b", f"k{letter}": ""},
        external_id=letter,
    )

    found = check(request, NEW)
    assert [one.code for one in found] == ["control_character"] * 4
    assert {one.got for one in found} == {f"U+{ord(letter):04X}"}


@pytest.mark.parametrize(
    "prompt", ["", " \n", "\u200b", "\u3000\u00a0", "\u2800\ufe0f", "\u3164", "\u200d\u2060"]
)
def test_a_prompt_of_which_nothing_is_seen_is_empty(prompt):
    assert [one.code for one in check(TaskRequest(model="film-2", prompt=prompt), NEW)] == ["prompt_empty"]


def test_a_prompt_may_be_needed_in_one_way_of_using_a_model_only():
    film = model_of("kling", "kling-v2-6")
    frame = {"role": "first_frame", "url": "https://example.com/a.png"}
    body = {"model": film.name, "reference_images": [frame]}

    assert check(TaskRequest.model_validate(body, strict=False), film) == []
    assert [one.code for one in check(TaskRequest(model=film.name), film)] == ["prompt_empty"]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "https://user:pass@example.com/",
        "https://example.com:8443/",
        "https://localhost/hook",
        "https://example.com/#part",
        "https://exa mple.com/",
        "https://例え.com/",
        "ftp://example.com",
        "https://[::1",
        "hook",
    ],
)
def test_what_is_no_callback_address_is_named(url):
    model = model_of("sandbox", "sandbox-image-1")
    request = TaskRequest(model=model.name, prompt="x", callback_url=url)

    assert [one.code for one in callback_is_an_address(request, model)] == ["not_an_address"]


def test_a_callback_address_passes_the_check_of_its_form():
    model = model_of("sandbox", "sandbox-image-1")
    request = TaskRequest(model=model.name, prompt="x", callback_url="https://example.com/hooks/1?a=b")

    assert list(callback_is_an_address(request, model)) == []


@pytest.mark.parametrize(
    ("unit", "fits", "too_long"),
    [
        (PromptUnit.CHARACTERS, "画" * 10, "画" * 11),
        (PromptUnit.BYTES, "画" * 3, "画" * 4),
        (PromptUnit.UTF16_UNITS, "😀" * 5, "😀" * 6),
    ],
)
def test_a_prompt_is_counted_as_its_vendor_counts(unit, fits, too_long):
    model = Model(name="m", kind=Kind.IMAGE, prompt_max=10, prompt_unit=unit)

    assert check(TaskRequest(model="m", prompt=fits), model) == []
    assert [one.code for one in check(TaskRequest(model="m", prompt=too_long), model)] == ["too_long"]


def test_tokens_are_the_vendor_s_own_and_so_not_checked():
    model = Model(name="m", kind=Kind.IMAGE, prompt_max=10, prompt_unit=PromptUnit.TOKENS)
    request = TaskRequest(model="m", prompt="x" * 999)

    assert check(request, model) == []
    assert not_checked(request, model) == ("prompt",)


@pytest.mark.parametrize(
    ("options", "amount"), [({"mode": "pro"}, "0.70"), ({"mode": "std"}, "0.420"), ({}, "0.420")]
)
def test_a_price_is_quoted_where_it_is_known(options, amount):
    model = model_of("kling", "kling-v2-6")
    request = with_defaults(
        TaskRequest(model=model.name, prompt="x", duration_s=10.0, options=options), model
    )

    quote = estimate(request, model)

    assert (quote.amount, quote.currency) == (Decimal(amount), "USD")


def test_a_length_that_is_left_to_the_upstream_has_no_price():
    price = Price(amount=Decimal("0.1"), currency="USD", per="second", source="a page")
    film = Model(name="m", kind=Kind.VIDEO, durations_s=(-1, 5), prices=(price,))

    assert estimate(TaskRequest(model="m", prompt="x", duration_s=-1.0), film) is None


def test_no_price_is_made_up():
    model = model_of("kling", "kling-v2-6")
    loud = TaskRequest(model=model.name, prompt="x", duration_s=10.0, audio=True, options={"mode": "pro"})

    assert estimate(loud, model) is None


def test_images_are_counted_in_their_price():
    price = Price(amount=Decimal("0.02"), currency="USD", per="image", source="a page")
    model = Model(name="m", kind=Kind.IMAGE, n_max=4, prices=(price,))

    assert estimate(TaskRequest(model="m", prompt="x", n=3), model).amount == Decimal("0.06")
