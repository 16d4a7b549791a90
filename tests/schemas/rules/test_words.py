"""Names, addresses, lengths and prices."""

from decimal import Decimal

import pytest

from schemas.capabilities import Kind, Model, Price, PromptUnit
from schemas.providers import PROVIDERS, model_of
from schemas.quote import estimate
from schemas.rules import check, nearest_models, not_checked, with_defaults
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


def test_no_price_is_made_up():
    model = model_of("kling", "kling-v2-6")
    loud = TaskRequest(model=model.name, prompt="x", duration_s=10.0, audio=True, options={"mode": "pro"})

    assert estimate(loud, model) is None


def test_images_are_counted_in_their_price():
    price = Price(amount=Decimal("0.02"), currency="USD", per="image", source="a page")
    model = Model(name="m", kind=Kind.IMAGE, n_max=4, prices=(price,))

    assert estimate(TaskRequest(model="m", prompt="x", n=3), model).amount == Decimal("0.06")
