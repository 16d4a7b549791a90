"""How many tasks one API process accepts: validated, durable, guarded, rung for; and what one alone waits for."""

import json
import statistics
import time
from functools import partial

import asyncpg
from uuid_utils.compat import uuid7

from tasks_service.ledger.ledger import Ledger
from tests.benchmarks.rig.bare import INSERT
from tests.benchmarks.rig.bench import Bench
from tests.benchmarks.rig.load import UNIQUE, Job, request
from tests.benchmarks.rig.result import Figure, Result
from tests.benchmarks.rig.served import Loaded, Server, api, bare

NAME = "submit"
CONNECTIONS = 64
_PROMPT = "a paper boat in the rain, seen from above, slow camera, warm light 雨中的纸船 " * 4


def body() -> str:
    """About 600 bytes, and no two alike."""
    wish = {
        "model": "sandbox-video-1",
        "prompt": f"{_PROMPT}{UNIQUE}",
        "ratio": "9:16",
        "duration_s": 5,
        "seed": 7,
    }
    return json.dumps(wish | {"metadata": {"campaign": "autumn", "shot": "12"}}, ensure_ascii=False)


async def measure(bench: Bench) -> Result:
    """Ours and bare routes, in turns: many at once, and one after the other."""
    dsn = await bench.engines.database()
    ledger = await Ledger.connect(dsn, size=1)
    key = await ledger.keys.new("bench")
    await ledger.close()
    headers = {"authorization": f"Bearer {key}", "idempotency-key": UNIQUE}
    async with api(bench.engines, dsn) as ours, bare(bench.engines, dsn) as beside:
        submit = partial(_load, bench, ours, request("POST", "/v1/tasks", headers, body()))
        take = partial(_load, bench, beside, request("POST", "/bare", {}, body()))
        insert = partial(_load, bench, beside, request("POST", "/insert", {}, body()))
        found = await bench.in_turns(
            {
                "bare": partial(take, CONNECTIONS),
                "insert": partial(insert, CONNECTIONS),
                "ours": partial(submit, CONNECTIONS),
                "naked insert": partial(_naked_p50_ms, dsn, bench.seconds),
                "insert, alone": partial(insert, 1),
                "ours, alone": partial(submit, 1),
            }
        )
    return Result(
        f"POST /v1/tasks with an Idempotency-Key, {CONNECTIONS} connections and one, one API process",
        [
            Figure("bare route", "req/s", _rates(found["bare"])),
            Figure("route with one INSERT", "req/s", _rates(found["insert"]), beside="bare route"),
            Figure("ours", "req/s", _rates(found["ours"]), beside="bare route", at_least=0.45),
            Figure("bare route, processor", "µs", [one.app_us for one in found["bare"]]),
            Figure(
                "ours, processor", "µs", [one.app_us for one in found["ours"]], beside="bare route, processor"
            ),
            Figure("ours, PostgreSQL's processor", "µs", [one.postgres_us for one in found["ours"]]),
            Figure("ours, p99", "ms", [one.seen.p99_ms for one in found["ours"]]),
            Figure("alone: an INSERT without a server, p50", "ms", found["naked insert"]),
            Figure(
                "alone: route with one INSERT, p50",
                "ms",
                [one.seen.p50_ms for one in found["insert, alone"]],
                beside="alone: an INSERT without a server, p50",
            ),
            Figure(
                "alone: ours, p50",
                "ms",
                [one.seen.p50_ms for one in found["ours, alone"]],
                beside="alone: route with one INSERT, p50",
                at_most=1.1,
            ),
        ],
    )


async def _naked_p50_ms(dsn: str, seconds: float) -> float:
    """One transaction after the other with the same rows, and nothing around them."""
    connection, took = await asyncpg.connect(dsn), list[float]()
    account, text = await connection.fetchval("SELECT min(id) FROM account"), body()
    until = time.perf_counter() + seconds
    while (began := time.perf_counter()) < until or not took:
        made = uuid7()
        await connection.fetchrow(INSERT, made, account, made.bytes * 2, text)
        took.append((time.perf_counter() - began) * 1000)
    await connection.close()
    return statistics.median(took)


async def _load(bench: Bench, server: Server, sent: str, connections: int) -> Loaded:
    return await server.load(Job(server.port, [sent], bench.seconds, connections))


def _rates(found: list[Loaded]) -> list[float]:
    return [one.seen.per_s for one in found]
