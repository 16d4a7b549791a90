"""A worker that was stopped across its lease wakes up in a world that has gone on without it."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.journeys.conftest import Fleet, fleet  # noqa: F401 - a fixture

pytestmark = pytest.mark.journey


async def until_stopped(fleet: Fleet, name: str, within_s: float = 120) -> None:  # noqa: F811
    """Returns when a process has stopped itself."""
    stat = Path(f"/proc/{fleet.processes[name].pid}/stat")
    async with asyncio.timeout(within_s):
        while stat.read_text().rpartition(")")[2].split()[0] != "T":  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


async def until_parked(client, task_id: str, within_s: float = 120) -> None:
    async with asyncio.timeout(within_s):
        while (await client.get(f"/v1/tasks/{task_id}")).json()["parked"] is None:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs procfs to see a stopped process")
@pytest.mark.parametrize("point", ["submit.intent_committed", "submit.covered", "submit.connected"])
async def test_a_zombie_does_not_send_what_a_person_has_let_go_again(fleet, ledger, point):  # noqa: F811
    fleet.environment |= {"CREATIVE_TASKS_SUBMIT_TIMEOUT_S": "1", "CREATIVE_TASKS_LEASE_S": "1.5"}
    await fleet.start_api()
    operator = await ledger.keys.new("ops", "operator")
    async with fleet.client() as client:
        fleet.start_worker("zombie", CREATIVE_TASKS_FAILPOINTS=f"{point}=stop")
        body = {"model": "sora-2", "prompt": "a boat [sandbox: queue=0.1 run=0.1]"}
        task_id = (await client.post("/v1/tasks", json=body)).json()["id"]
        await until_stopped(fleet, "zombie")
        fleet.start_worker("living")
        await until_parked(client, task_id)
        decision = {"decision": "not_created", "reason": "the upstream's console shows nothing"}
        headers = {"authorization": f"Bearer {operator}"}
        async with asyncio.timeout(60):
            while True:
                reply = await client.post(f"/v1/tasks/{task_id}/decisions", json=decision, headers=headers)
                if reply.status_code == 200:
                    break
                assert reply.status_code == 409, reply.text
                await asyncio.sleep(0.3)
        [ended] = await fleet.ended(client, [task_id], within_s=120)
        fleet.processes["zombie"].send_signal(signal.SIGCONT)
        await asyncio.sleep(1.5)

    assert ended["state"] == "downloaded"
    assert (await fleet.books())["count"] == 1
    told = (fleet.folder / "zombie.log").read_text()
    assert "TooLate" in told or "answered_late" in told or "sending_broke_off" in told
