"""Many press the same button at once at two API processes, and an API is killed while it accepts."""

import asyncio
import copy

import asyncpg
import httpx
import pytest

from tests.faults.contention import KINDS, broken, contend
from tests.journeys.conftest import Fleet

pytestmark = pytest.mark.journey

ROUNDS = 4
BOAT = {"model": "sandbox-image-1-fast", "prompt": "a boat", "options": {"behaviour": "queue=0 run=0"}}


async def test_of_48_at_once_at_two_apis_one_makes_a_task_and_all_others_are_told(fleet: Fleet):
    result = await contend(fleet, ROUNDS)

    assert broken(result) == [], result


def test_the_counting_sees_what_is_wrong():
    good = {"rounds": 2} | {
        name: {"created": 2, kind.told: 2 * 47, "unexpected": 0} for name, kind in KINDS.items()
    }
    good |= dict.fromkeys(("tasks", "keys", "downloaded", "creations"), 6) | {"made_twice": 0}
    assert broken(good) == []
    for name in good.keys() - {"rounds"}:
        bad = copy.deepcopy(good)
        if name in KINDS:
            bad[name]["created"] += 1
        else:
            bad[name] += 1
        assert len(broken(bad)) == 1


@pytest.mark.parametrize(("point", "written"), [("accept.before", 0), ("accept.committed", 1)])
@pytest.mark.parametrize("key", ["boat-1", None], ids=["with a key", "without a key"])
async def test_an_api_that_is_killed_while_it_accepts_leaves_all_or_nothing(
    fleet: Fleet, point: str, written: int, key: str | None
):
    noted = fleet.folder / "firings"
    armed = {"CREATIVE_TASKS_FAILPOINTS": f"{point}=kill", "CREATIVE_TASKS_FAILPOINTS_LOG": str(noted)}
    fleet.environment |= armed
    doomed = await fleet.start_api("doomed")
    fleet.environment |= dict.fromkeys(armed, "")
    whole = await fleet.start_api("whole")
    headers = {"Idempotency-Key": key} if key else {}
    async with fleet.client(doomed) as client:
        with pytest.raises(httpx.TransportError):
            await client.post("/v1/tasks", json=BOAT, headers=headers)
    assert fleet.processes["doomed"].wait() == -9
    assert noted.read_text().split() == [point], "a failpoint that never fired has proved nothing"

    async with fleet.client(whole) as client:
        before = (await client.get("/v1/tasks")).json()["data"]
        # What a library does by itself when the line breaks.
        retry = headers | {"x-stainless-retry-count": "1"}
        again = await client.post("/v1/tasks", json=BOAT, headers=retry)
        after = (await client.get("/v1/tasks")).json()["data"]

    assert len(before) == written
    assert again.status_code == 202
    assert ("idempotent-replayed" in again.headers) == bool(written)
    assert [task["id"] for task in after] == [again.json()["id"]]


@pytest.mark.parametrize("noticed", [True, False], ids=["rolled back", "committed unseen"])
async def test_an_api_that_is_killed_between_insert_and_commit_leaves_its_key_free_or_kept(
    fleet: Fleet, dsn: str, noticed: bool
):
    """Another's uncommitted key holds the statement up when its first row is written, and then lets it go."""
    doomed, whole = await fleet.start_api("doomed"), await fleet.start_api("whole")
    headers = {"Idempotency-Key": "boat-1"}
    holder, onlooker = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    holding = holder.transaction()
    await holding.start()
    await holder.execute(
        "INSERT INTO idempotency_key SELECT id, 'boat-1', gen_random_uuid() FROM account WHERE name = 'acme'"
    )
    async with fleet.client(doomed) as client:
        sending = asyncio.create_task(client.post("/v1/tasks", json=BOAT, headers=headers))
        stuck = await _waiting_for_a_lock(onlooker)
        fleet.kill("doomed")
        with pytest.raises(httpx.TransportError):
            await sending
    if noticed:
        # What PostgreSQL does by itself as soon as it sees that nobody is there any more.
        await onlooker.execute("SELECT pg_terminate_backend($1)", stuck)
        await _gone(onlooker, stuck)
        assert await onlooker.fetchval("SELECT count(*) FROM live_work") == 0
    await holding.rollback()
    if not noticed:
        await _gone(onlooker, stuck)

    async with fleet.client(whole) as client:
        again = await client.post("/v1/tasks", json=BOAT, headers=headers)
        tasks = (await client.get("/v1/tasks")).json()["data"]
    for connection in (holder, onlooker):
        await connection.close()

    assert again.status_code == 202
    assert ("idempotent-replayed" in again.headers) == (not noticed)
    assert [task["id"] for task in tasks] == [again.json()["id"]]


async def _waiting_for_a_lock(connection: asyncpg.Connection) -> int:
    """The server process that is held up."""
    query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with asyncio.timeout(50):
        while (pid := await connection.fetchval(query)) is None:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)
    return pid


async def _gone(connection: asyncpg.Connection, pid: int) -> None:
    """Return when a server process has ended."""
    async with asyncio.timeout(50):
        while await connection.fetchval("SELECT pid FROM pg_stat_activity WHERE pid = $1", pid):  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.02)
