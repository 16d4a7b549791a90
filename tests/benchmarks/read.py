"""A task and its history by its id, beside a bare GET: what support and customers ask for most."""

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import httpx
from uuid_utils.compat import uuid7

from schemas.ids import parse_task_id
from schemas.lifecycle import State
from schemas.task import Artifact
from tasks_service.ledger.history import Call
from tasks_service.ledger.ledger import Ledger
from tasks_service.ledger.tasks import Move
from tests.benchmarks import submit
from tests.benchmarks.rig.bench import Bench
from tests.benchmarks.rig.load import UNIQUE, Job, request
from tests.benchmarks.rig.result import Figure, Result
from tests.benchmarks.rig.served import Loaded, Server, api, bare

NAME = "read"
CONNECTIONS = 32
TASKS = 100
_SOON = timedelta(hours=1)
_ANSWER = b'{"id":"job-1","status":"running","progress":40}'


async def measure(bench: Bench) -> Result:
    """Ours and a bare GET, in turns."""
    dsn = await bench.engines.database()
    ledger = await Ledger.connect(dsn, size=4)
    key = await ledger.keys.new("bench")
    headers = {"authorization": f"Bearer {key}"}
    async with api(bench.engines, dsn) as ours, bare(bench.engines, dsn) as beside:
        bench.tell("making tasks")
        names = [await _lived(ledger, ours, headers) for _ in range(4 if bench.quick else TASKS)]
        asked = {
            "bare route": (beside, [request("GET", f"/bare/{names[0]}", {})]),
            "task": (ours, [request("GET", f"/v1/tasks/{name}", headers) for name in names]),
            "history": (ours, [request("GET", f"/v1/tasks/{name}/history", headers) for name in names]),
        }
        candidates = {name: partial(_load, bench, *what) for name, what in asked.items()}
        found = await bench.in_turns(candidates)
    await ledger.close()
    return Result(
        f"GET by id over {CONNECTIONS} connections to one API process; tasks that were made, five events and a file",
        [*_figures("task", found), *_figures("history", found)],
    )


def _figures(name: str, found: dict[str, list[Loaded]]) -> list[Figure]:
    ours, bare_name = found[name], "bare route"
    own = [
        Figure(bare_name, "req/s", [one.seen.per_s for one in found[bare_name]]),
        Figure(f"{bare_name}, processor", "µs", [one.app_us for one in found[bare_name]]),
    ]
    return (own if name == "task" else []) + [
        Figure(name, "req/s", [one.seen.per_s for one in ours], beside=bare_name, at_least=0.35),
        Figure(f"{name}, processor", "µs", [one.app_us for one in ours], beside=f"{bare_name}, processor"),
        Figure(f"{name}, PostgreSQL's processor", "µs", [one.postgres_us for one in ours]),
        Figure(f"{name}, p99", "ms", [one.seen.p99_ms for one in ours]),
    ]


async def _lived(ledger: Ledger, ours: Server, headers: dict[str, str]) -> str:
    """The name of a task that went all the way, as the API says it."""
    wish = submit.body().replace(UNIQUE, uuid4().hex)
    async with httpx.AsyncClient(headers=headers, timeout=30) as client:
        name = (await client.post(f"http://127.0.0.1:{ours.port}/v1/tasks", json=json.loads(wish))).json()[
            "id"
        ]
    found = parse_task_id(name)
    task = await ledger.tasks.get(found) if found else None
    assert task is not None
    for state in (State.QUEUED, State.RUNNING, State.DONE, State.DOWNLOADED):
        await ledger.history.record(task.id, [_call()])
        wait = None if state.final else _SOON
        task = await ledger.tasks.advance(
            task, Move(state, "worker", "polled", wait, upstream_id=f"up-{task.id}")
        )
    kept = Artifact(0, f"bench/{task.id}", "video/mp4", 9, task.id.hex * 2, 640, 360, 5.0)
    await ledger.history.keep(task.id, [kept])
    return name


def _call() -> Call:
    at, words = datetime.now(UTC), _ANSWER.decode()
    path = "/sandbox/v1/jobs/1"
    return Call(uuid7(), "poll", 1, "sandbox", "GET", path, at, 12, 200, None, "up-1", bytes(32), words)


async def _load(bench: Bench, server: Server, sent: list[str]) -> Loaded:
    return await server.load(Job(server.port, sent, bench.seconds, CONNECTIONS))
