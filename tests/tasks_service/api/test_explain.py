"""Errors that somebody has in hand, explained over HTTP."""

import httpx
import pytest

from tests.tasks_service.api.conftest import World, refused

KEY = "sk-q8Zr2LmT5vXw9KpB3nYc7HdF"
MONEY = {
    "body": "{'error': {'message': '[sk-abc***Yz9] RemainQuota = 0 (request id: 2026010203f4JzK)'}}",
    "http_status": 401,
    "provider": "dmxapi",
}


async def test_a_pasted_error_is_explained(acme: httpx.AsyncClient) -> None:
    told = (await acme.post("/v1/explain", json=MONEY)).json()

    assert told["kind"] == "quota_exhausted"
    assert (told["retryable"], told["spent"], told["whose_move"]) == (False, "no", "operator")
    assert told["upstream"]["request_ids"] == ["2026010203f4JzK"]
    assert told["upstream"]["key"] == {"head": "sk-abc", "tail": "Yz9"}
    assert told["rule"] == {"name": "words:money", "version": 1}
    assert told["diagnosis"]["check"]["zh"].endswith("。")
    assert told["hidden"] == []


async def test_the_phase_and_the_status_are_heard(acme: httpx.AsyncClient) -> None:
    poll = await acme.post("/v1/explain", json={"body": "", "http_status": 502, "phase": "poll"})
    submit = await acme.post("/v1/explain", json={"body": "", "http_status": 502})

    assert (poll.json()["retryable"], submit.json()["retryable"]) == (True, False)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"body": f"first\nIncorrect key {KEY}"}, "/body"),
        ({"exception": f"Illegal header value b'Bearer {KEY}'"}, "/exception"),
        ({"headers": {"authorization": f"Bearer {KEY}"}}, "/headers"),
        ({"body": [KEY]}, ""),
        ({KEY: 1}, ""),
    ],
)
async def test_a_whole_key_is_refused_named_and_never_repeated(
    acme: httpx.AsyncClient, body: dict[str, object], pointer: str
) -> None:
    reply = await acme.post("/v1/explain", json=body)

    problem = refused(reply, 422, "secret_pasted")["problems"][0]
    assert (problem["pointer"], problem["code"]) == (pointer, "whole_key")
    assert "line" in problem["detail"]
    assert KEY not in reply.text
    assert KEY[8:] not in reply.text


async def test_signed_links_are_hidden_and_what_is_too_long_is_refused(acme: httpx.AsyncClient) -> None:
    link = "cannot fetch https://h/f?Signature=abcdefghijklmnop&x=1"
    told = await acme.post("/v1/explain", json={"body": link})
    long = await acme.post("/v1/explain", json={"body": "x" * 70_000})
    huge = await acme.post("/v1/explain", json={"body": "x" * 300_000})

    assert "abcdefghijklmnop" not in told.text
    refused(long, 400, "malformed_request")
    refused(huge, 413, "body_too_large")


async def test_nothing_of_it_is_kept(world: World, acme: httpx.AsyncClient) -> None:
    before = (await acme.get("/v1/tasks")).json()

    await acme.post("/v1/explain", json=MONEY)

    assert (await acme.get("/v1/tasks")).json() == before
