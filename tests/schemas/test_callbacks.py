"""Which dialects are told where to ring, under which name; and that the address is known as a secret."""

import json
from urllib.parse import quote

import pytest

from schemas.providers import PROVIDERS
from schemas.redaction import HIDDEN, Redactor
from schemas.task import TaskRequest
from schemas.upstream import Submission
from tests.schemas.test_providers import answer, run

TOKEN = "ct_bell_AZrK-kq2cG6Xh3_bT0nQeAAAAAFq8Zr2LmT5vXw9KpB3nYc7"
BELL = f"https://tasks.example.com/v1/callbacks/{{}}/{TOKEN}"


def asked(provider, model, bell: str | None, **parameters) -> dict:
    """The body of the paid request."""
    given = {
        "model": model.name,
        "prompt": "a boat",
        "callback_url": "https://customer.test/hook",
    } | parameters
    request = TaskRequest.model_validate(given, strict=False)
    asks, _ = run(provider.submit(Submission(request, model, "tsk_x", bell)), answer({}))
    return asks[0].json or dict(asks[0].form or {})


def cases() -> list:
    return [
        pytest.param(provider, model, id=model.name)
        for provider in PROVIDERS.values()
        if provider.calls_back
        for model in provider.models
    ]


def test_the_dialects_that_have_a_place_for_an_address_say_so():
    assert {name for name, one in PROVIDERS.items() if one.calls_back} == {"sandbox", "kling", "ark_seedance"}


@pytest.mark.parametrize(("provider", "model"), cases())
def test_the_address_is_named_as_the_vendors_pages_say(provider, model):
    bell = BELL.format(provider.name)
    without = asked(provider, model, None)

    assert "callback_url" not in without
    assert asked(provider, model, bell) == without | {"callback_url": bell}


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_the_customers_own_address_goes_to_no_upstream(name: str):
    provider = PROVIDERS[name]

    assert "customer.test" not in json.dumps(asked(provider, provider.models[0], None))


@pytest.mark.parametrize("name", sorted(name for name, one in PROVIDERS.items() if one.calls_back))
def test_what_a_customer_slips_into_the_options_does_not_take_the_place_of_ours(name: str):
    provider, bell = PROVIDERS[name], BELL.format(name)
    body = asked(provider, provider.models[0], bell, options={"callback_url": "http://evil.test/"})

    assert body["callback_url"] == bell


def test_the_address_is_not_in_the_words_of_a_submission():
    provider = PROVIDERS["kling"]
    request = TaskRequest.model_validate({"model": provider.models[0].name, "prompt": "x"}, strict=False)

    assert "ct_bell_" not in repr(Submission(request, provider.models[0], "tsk_x", BELL))


@pytest.mark.parametrize(
    "around", ["{}", "cannot reach {}.", '{{"callback_url": "{}"}}', "回调失败：{}，请检查"]
)
def test_an_address_that_an_upstream_repeats_is_hidden(around: str):
    text = around.format(BELL.format("kling"))
    for _ in range(3):
        clean = Redactor()(text)

        assert TOKEN[8:20] not in clean
        assert HIDDEN in clean
        text = json.dumps({"message": text.replace("/", "\\/")})


def test_an_address_that_an_upstream_repeats_inside_another_is_hidden():
    text = BELL.format("kling")
    for _ in range(3):
        text = f"https://kling.test/?callback_url={quote(text, safe='')}"
        clean = Redactor()(text)

        assert TOKEN[8:20] not in clean
        assert HIDDEN in clean
