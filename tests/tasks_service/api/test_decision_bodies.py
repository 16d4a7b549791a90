"""What a decision looks like; whatever is wrong with one is refused where it is wrong."""

from typing import Any

import httpx
import pytest

from tasks_service.decisions import Decision
from tests.tasks_service.api.conftest import InDoubt, World, refused
from tests.tasks_service.api.person import REASON, decide, told


async def test_everything_wrong_with_a_decision_is_said_at_once(
    operator: httpx.AsyncClient, in_doubt: InDoubt
) -> None:
    name = await in_doubt()

    reply = await decide(operator, name, "attach", reason=" x ", reasons="typo")

    found = {one["pointer"]: one["code"] for one in refused(reply, 400, "malformed_request")["problems"]}
    assert found == {"/reason": "too_short", "/upstream_id": "required", "/reasons": "unknown_field"}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"decision": "not-created", "reason": REASON}, "/decision"),
        ({"decision": 1, "reason": REASON}, "/decision"),
        ({"reason": REASON}, "/decision"),
        ({"decision": "close"}, "/reason"),
        ({"decision": "close", "reason": "    "}, "/reason"),
        ({"decision": "close", "reason": "a\nb\nc"}, "/reason"),
        ({"decision": "close", "reason": "\u202eabc"}, "/reason"),
        ({"decision": "close", "reason": "x" * 501}, "/reason"),
        ({"decision": "close", "reason": 123}, "/reason"),
        ({"decision": "close", "reason": REASON, "upstream_id": "vid_1"}, "/upstream_id"),
        ({"decision": "attach", "reason": REASON, "upstream_id": " "}, "/upstream_id"),
        ({"decision": "attach", "reason": REASON, "upstream_id": "a\x1b[2Jb"}, "/upstream_id"),
        ({"decision": "attach", "reason": REASON, "upstream_id": "x" * 256}, "/upstream_id"),
    ],
)
async def test_what_is_no_decision_is_refused_where_it_is_wrong(
    world: World, operator: httpx.AsyncClient, in_doubt: InDoubt, body: dict[str, Any], pointer: str
) -> None:
    name = await in_doubt()
    before = await world.task(name)

    reply = await operator.post(f"/v1/tasks/{name}/decisions", json=body)

    [problem] = refused(reply, 400, "malformed_request")["problems"]
    assert problem["pointer"] == pointer
    if body.get("decision") == "not-created":
        assert problem["allowed"] == [decision.value for decision in Decision]
    assert await world.task(name) == before


@pytest.mark.parametrize("reason", ["上游后台查无此任务", "查过，　没有", "don't 👍"])
async def test_a_reason_may_be_in_any_language(
    operator: httpx.AsyncClient, in_doubt: InDoubt, reason: str
) -> None:
    name = await in_doubt()

    assert (await decide(operator, name, "close", reason=f"  {reason} ")).status_code == 200
    assert [detail for _, _, detail in await told(operator, name)] == [reason]
