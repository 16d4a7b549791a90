"""What happened to a task, in order."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from schemas.failures import Failure, FailureKind
from schemas.lifecycle import Parked, State
from schemas.providers import CATALOGUE
from schemas.rules import CHECKS
from tasks_service.ledger.tasks import Move
from tasks_service.story import entries, story
from tests.tasks_service.api.conftest import World, submit


async def test_a_history_tells_everything_in_order(
    world: World, acme: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    task = await submit(acme)
    await world.record(task["id"], purpose="submit", method="POST", status=201)
    queued = await world.move(task["id"], State.QUEUED)
    await world.ledger.tasks.park(queued, Parked.STALLED, timedelta(minutes=5), "worker", "slow today")
    await acme.post(f"/v1/tasks/{task['id']}/cancel")
    await world.record(task["id"])
    await world.move(task["id"], State.RUNNING, State.DONE)
    await world.ledger.history.keep(queued.id, [])
    told = (await staff.get(f"/v1/tasks/{task['id']}/history")).json()["data"]

    assert [entry["seq"] for entry in told] == list(range(1, len(told) + 1))
    assert [entry["at"] for entry in told] == sorted(entry["at"] for entry in told)
    checks, rest = told[: len(CHECKS)], told[len(CHECKS) :]
    assert [entry["rule"] for entry in checks] == list(CHECKS)
    assert {(one["type"], one["outcome"], one["catalogue"]) for one in checks} == {
        ("check", "passed", CATALOGUE)
    }
    assert [entry["type"] for entry in rest] == [
        "state",
        "call",
        "state",
        "parked",
        "note",
        "call",
        "state",
        "state",
    ]
    moves = [(entry["from"], entry["to"]) for entry in rest if entry["type"] == "state"]
    assert moves == [(None, "submitted"), ("submitted", "queued"), ("queued", "running"), ("running", "done")]
    assert rest[0]["actor"] == f"customer:{task['key']}"
    assert (rest[3]["reason"], rest[3]["detail"]) == ("stalled", "slow today")
    call = rest[5]
    assert (call["purpose"], call["status"], call["latency_ms"], call["repeats"]) == ("poll", 200, 12, 0)
    assert call["answer_digest"] == (b"x" * 32).hex()
    assert (call["route"], call["path"]) == ("sandbox", "/sandbox/v1/jobs/1")
    assert "https://cdn.upstream.test/film.mp4" in call["body"]


async def test_customers_read_the_upstreams_words_without_its_addresses(
    world: World, acme: httpx.AsyncClient
) -> None:
    task = await submit(acme)
    await world.record(task["id"])
    await world.record(task["id"], body='{"a": "https:\\/\\/cdn.upstream.test\\/film.mp4"}')
    text = (await acme.get(f"/v1/tasks/{task['id']}/history")).text
    assert "ready" in text
    assert "address withheld" in text
    for hidden in ("cdn.upstream", "/sandbox/v1", '"route"'):
        assert hidden not in text


@pytest.mark.parametrize(
    "address",
    [
        "https://cdn.upstream.test/film.mp4?sig=1",
        "HTTP://cdn.upstream.test",
        "s3://cdn.upstream.test/film",
        "https:\\/\\/cdn.upstream.test",
        "https:\\\\\\/\\\\\\/cdn.upstream.test",
        "https:\\u002f\\u002Fcdn.upstream.test",
        "https%3A%2F%2Fcdn.upstream.test",
    ],
)
async def test_no_words_of_an_upstream_give_its_addresses_away(
    world: World, acme: httpx.AsyncClient, staff: httpx.AsyncClient, address: str
) -> None:
    task = await submit(acme)
    await world.record(task["id"], body=f"see {address} now", trouble=f"lost {address}")
    queued = await world.move(task["id"], State.QUEUED)
    await world.ledger.tasks.park(queued, Parked.STALLED, timedelta(minutes=5), "worker", f"at {address}")
    failure = Failure(FailureKind.UNKNOWN, f"look at {address} please", "E1", 400, "up-1")
    move = Move(State.FAILED, "worker", "polled", None, failure=failure, detail=f"was at {address}")
    await world.ledger.tasks.advance(await world.task(task["id"]), move)
    for path in (f"/v1/tasks/{task['id']}", f"/v1/tasks/{task['id']}/history", "/v1/tasks"):
        seen, whole = (await acme.get(path)).text, (await staff.get(path)).text
        assert "cdn.upstream" not in seen
        assert "[address withheld]" in seen
        assert "cdn.upstream" in whole
    shown = (await acme.get(f"/v1/tasks/{task['id']}")).json()["failure"]["upstream"]["message"]
    assert shown == "look at [address withheld] please"


async def test_files_and_failures_are_part_of_it(world: World, acme: httpx.AsyncClient) -> None:
    task = await submit(acme)
    artifact = await world.finish(task["id"])
    told = (await acme.get(f"/v1/tasks/{task['id']}/history")).json()["data"]
    assert [entry["type"] for entry in told][-2:] == ["artifact", "state"]
    assert (told[-2]["sha256"], told[-2]["n"]) == (artifact.sha256, 0)
    other = await submit(acme, prompt="other")
    await world.move(other["id"], State.FAILED)
    told = (await acme.get(f"/v1/tasks/{other['id']}/history")).json()["data"]
    assert told[-1]["to"] == "failed"


async def test_an_unchanged_history_is_304(world: World, acme: httpx.AsyncClient) -> None:
    task = await submit(acme)
    tag = (await acme.get(f"/v1/tasks/{task['id']}/history")).headers["etag"]
    same = await acme.get(f"/v1/tasks/{task['id']}/history", headers={"If-None-Match": tag})
    assert same.status_code == 304
    await world.move(task["id"], State.QUEUED)
    same = await acme.get(f"/v1/tasks/{task['id']}/history", headers={"If-None-Match": tag})
    assert same.status_code == 200


async def test_what_was_not_checked_is_said(world: World, acme: httpx.AsyncClient) -> None:
    still = {"model": "kling-image-v3", "prompt": "a boat", "watermark": True}
    task = (await acme.post("/v1/tasks", json=still)).json()
    told = await story(world.ledger, await world.task(task["id"]))
    assert [dict(entry.facts) for entry in told if entry.facts.get("outcome") == "not_checked"] == [
        {"rule": "watermark", "outcome": "not_checked", "catalogue": CATALOGUE}
    ]


async def test_a_clock_that_was_set_back_does_not_turn_moves_round(
    world: World, acme: httpx.AsyncClient
) -> None:
    task = await world.task((await submit(acme))["id"])
    now = datetime.now(UTC)
    rows = [("queued", "running", 3, -60), (None, "submitted", 1, 0), ("submitted", "queued", 2, 5)]
    events = [
        {
            "from_state": a,
            "to_state": b,
            "seq": seq,
            "at": now + timedelta(seconds=s),
            "actor": "w",
            "cause": "c",
            "detail": None,
        }
        for a, b, seq, s in sorted(rows, key=lambda row: row[2])
    ]
    told = entries(task, events=events, calls=[], notes=[], artifacts=[])
    assert [entry.facts["to"] for entry in told if entry.type == "state"] == [
        "submitted",
        "queued",
        "running",
    ]
    assert [entry.at for entry in told] == sorted(entry.at for entry in told)
