"""Real processes, killed without warning: nothing accepted is lost, nothing is made twice."""

import asyncio
import hashlib
import os
import signal
from collections import Counter

import httpx
import pytest

from schemas.ids import parse_task_id

pytestmark = pytest.mark.journey

FAST = {"options": {"behaviour": "queue=0.2 run=0.3"}}


def boat(number: int, **more) -> dict:
    return (
        {"model": "sandbox-image-1-fast", "prompt": f"boat number {number:04}", "seed": number} | FAST | more
    )


async def accepted(client: httpx.AsyncClient, number: int, **more) -> str:
    """Submits as a patient customer does: the same key until there is an answer."""
    while True:
        try:
            reply = await client.post(
                "/v1/tasks", json=boat(number, **more), headers={"idempotency-key": f"boat-{number}"}
            )
        except httpx.TransportError:
            await asyncio.sleep(0.2)
            continue
        if reply.status_code == 202:
            return reply.json()["id"]
        assert reply.status_code == 503, reply.text
        await asyncio.sleep(0.2)


async def accepted_film(client: httpx.AsyncClient, number: int) -> str:
    """A task for an upstream where a lost submission cannot be found again."""
    script = "[sandbox: queue=0.2 run=0.3 latency=0.3]"
    body = {"model": "sora-2", "prompt": f"film number {number:04} {script}"}
    reply = await client.post("/v1/tasks", json=body)
    assert reply.status_code == 202, reply.text
    return reply.json()["id"]


async def made_by_prompt(fleet) -> Counter[str]:
    return Counter(creation["prompt"] for creation in (await fleet.books())["creations"])


async def test_500_tasks_of_20_clients_are_downloaded_whole_and_made_once(fleet):
    await fleet.start_api()
    for name in ("worker-1", "worker-2"):
        # The lease of production: with a short one a busy machine is itself the fault.
        fleet.start_worker(name, CREATIVE_TASKS_LEASE_S="20")

    async def customer(which: int) -> list[str]:
        async with fleet.client() as client:
            return [await accepted(client, number) for number in range(which, 500, 20)]

    ids = [task_id for found in await asyncio.gather(*map(customer, range(20))) for task_id in found]
    async with fleet.client() as client:
        tasks = await fleet.ended(client, ids, within_s=150)
        full = [(await client.get(f"/v1/tasks/{task_id}")).json() for task_id in ids]

        assert len(set(ids)) == 500
        assert Counter(task["state"] for task in tasks) == {"downloaded": 500}
        for task in full:
            [artifact] = task["artifacts"]
            content = (await client.get(artifact["url"])).content
            assert hashlib.sha256(content).hexdigest() == artifact["sha256"]
    books = await fleet.books()
    assert books["count"] == 500
    assert max((await made_by_prompt(fleet)).values()) == 1
    assert books["calls"]["sandbox"]["submit"] == 500, "without faults nothing is even sent twice"


def sent(fleet, name: str) -> int:
    """How many paid requests of a worker were answered, by its log."""
    log = fleet.folder / f"{name}.log"
    return log.read_text().count('"event":"submitted"') if log.exists() else 0


async def killed_at_work(fleet, name: str, within_s: float = 60) -> None:
    """A new worker, killed as soon as it has been seen to send; what it sends beside that is cut off."""
    before = sent(fleet, name)
    fleet.start_worker(name)
    async with asyncio.timeout(within_s):
        while sent(fleet, name) == before:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)
    assert fleet.processes[name].poll() is None, "it has not ended by itself"
    fleet.kill(name)


async def test_workers_that_are_killed_all_the_time_lose_nothing_and_pay_once(fleet):
    await fleet.start_api()
    ids: list[str] = []
    unfindable: list[str] = []
    async with fleet.client() as client:
        for life in range(4):
            for n in range(10):
                # Some are answered at once, and the others are on their way then.
                latency = 0.05 if n < 2 else 0.4
                script = f"queue=0.3 run=0.5 latency={latency}"
                ids.append(await accepted(client, life * 10 + n, options={"behaviour": script}))
            unfindable += [await accepted_film(client, life * 2 + n) for n in range(2)]
            await killed_at_work(fleet, "doomed")
        fleet.start_worker("last")
        tasks = await fleet.ended(client, ids, within_s=120)
        films = await fleet.ended(client, unfindable, within_s=120, or_parked=True)

        assert Counter(task["state"] for task in tasks) == {"downloaded": 40}
        assert {task["state"] for task in films if not task["parked"]} <= {"downloaded"}
        assert {task["parked"] for task in films if task["parked"]} <= {"outcome_unknown"}
    made = await made_by_prompt(fleet)
    assert len([prompt for prompt in made if prompt.startswith("boat number")]) == 40
    assert max(made.values()) == 1, "an upstream that finds nothing again was paid twice"


async def test_an_api_that_is_killed_while_it_accepts_loses_nothing_that_it_answered(fleet):
    address = await fleet.start_api()
    fleet.start_worker()

    async def customer(which: int) -> list[str]:
        async with fleet.client() as client:
            return [await accepted(client, number) for number in range(which, 200, 10)]

    customers = asyncio.gather(*map(customer, range(10)))
    for _ in range(3):
        await asyncio.sleep(0.3)
        fleet.kill("api")
        await fleet.start_api(port=int(address.rpartition(":")[2]))
    ids = [task_id for found in await customers for task_id in found]

    async with fleet.client() as client:
        tasks = await fleet.ended(client, ids, within_s=150)
        assert len(set(ids)) == 200
        assert Counter(task["state"] for task in tasks) == {"downloaded": 200}
        listed = (await client.get("/v1/tasks", params={"limit": 200})).json()
    assert {task["id"] for task in listed["data"]} == set(ids), "a retried submission made no second task"
    assert (await fleet.books())["count"] == 200


async def test_with_valkey_killed_in_the_middle_everything_still_ends(fleet):
    if fleet.valkey is None:
        pytest.skip("no Valkey or Redis is installed here, so there is none to kill")
    await fleet.start_api()
    fleet.start_worker()
    async with fleet.client() as client:
        ids = [await accepted(client, number) for number in range(10)]
        os.kill(fleet.valkey.pid, signal.SIGKILL)
        ids += [await accepted(client, number) for number in range(10, 30)]
        tasks = await fleet.ended(client, ids)
        assert Counter(task["state"] for task in tasks) == {"downloaded": 30}

        fleet.valkey.restart()
        ids = [await accepted(client, number) for number in range(30, 40)]
        await fleet.ended(client, ids)
    assert fleet.processes["worker"].poll() is None, "the worker outlived the doorbell"


async def test_without_any_redis_everything_ends(fleet):
    fleet.environment["REDIS_URL"] = ""
    await fleet.start_api()
    fleet.start_worker()
    async with fleet.client() as client:
        ids = [await accepted(client, number) for number in range(20)]
        tasks = await fleet.ended(client, ids)

    assert Counter(task["state"] for task in tasks) == {"downloaded": 20}


async def test_a_worker_that_is_paused_and_wakes_up_writes_nothing_false(fleet):
    await fleet.start_api()
    fleet.start_worker("sleeper")
    async with fleet.client() as client:
        ids = [
            await accepted(client, n, options={"behaviour": "queue=0.2 run=0.4 latency=0.4"})
            for n in range(30)
        ]
        unfindable = [await accepted_film(client, n) for n in range(4)]
        await asyncio.sleep(0.6)
        fleet.processes["sleeper"].send_signal(signal.SIGSTOP)
        fleet.start_worker("awake")
        await asyncio.sleep(4)
        fleet.processes["sleeper"].send_signal(signal.SIGCONT)
        tasks = await fleet.ended(client, ids)
        await fleet.ended(client, unfindable, or_parked=True)

        assert Counter(task["state"] for task in tasks) == {"downloaded": 30}
    assert max((await made_by_prompt(fleet)).values()) == 1


async def test_several_apis_and_workers_at_once_are_one_service(fleet, ledger):
    first, second = await fleet.start_api("api-1"), await fleet.start_api("api-2")
    for number in range(3):
        fleet.start_worker(f"worker-{number}")
    async with fleet.client(first) as one, fleet.client(second) as other:
        replies = await asyncio.gather(
            *(accepted(client, number) for number in range(20) for client in (one, other))
        )
        ids = sorted(set(replies))
        assert len(ids) == 20, "the same key at two APIs is the same task"
        await fleet.ended(other, ids)
    for task_id in ids:
        events = await ledger.history.events(parse_task_id(task_id))
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert (await fleet.books())["count"] == 20
