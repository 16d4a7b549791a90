"""Submissions a second beside the proxy that most people would take instead: LiteLLM's, with its `/v1/videos`."""

import json
from functools import partial

from tasks_service.ledger.ledger import Ledger
from tests.benchmarks import submit
from tests.benchmarks.polling import studio
from tests.benchmarks.rig.bench import Bench
from tests.benchmarks.rig.litellm import KEY, MODEL, VERSION, NotHere, proxy
from tests.benchmarks.rig.load import UNIQUE, Job, request
from tests.benchmarks.rig.result import Figure, Result
from tests.benchmarks.rig.served import Loaded, Server, api

NAME = "peer"
CONNECTIONS = 64
_ABOUT = f"submissions over {CONNECTIONS} connections to one process: POST /v1/tasks, and LiteLLM {VERSION}'s POST /v1/videos"

_TOLD = (
    "LiteLLM asks the upstream before it answers, and keeps no record. Ours checks and records durably, answers, and"
    " leaves the upstream to a worker: this compares what a customer waits for, not equal work."
)


async def measure(bench: Bench) -> Result:
    """Both in turns, on this machine, with the same upstream."""
    dsn = await bench.engines.database()
    ledger = await Ledger.connect(dsn, size=1)
    key = await ledger.keys.new("bench")
    await ledger.close()
    asked = request(
        "POST", "/v1/tasks", {"authorization": f"Bearer {key}", "idempotency-key": UNIQUE}, submit.body()
    )
    video = json.dumps({"model": MODEL, "prompt": f"a paper boat in the rain {UNIQUE}", "seconds": "4"})
    theirs = request("POST", "/v1/videos", {"authorization": f"Bearer {KEY}"}, video)
    try:
        async with studio(bench) as url, proxy(bench.engines, url) as peer, api(bench.engines, dsn) as ours:
            found = await bench.in_turns(
                {"LiteLLM": partial(_load, bench, peer, theirs), "ours": partial(_load, bench, ours, asked)}
            )
    except NotHere as error:
        return Result(_ABOUT, [], [f"LiteLLM could not be installed here: {error}"])
    beside, own = found["LiteLLM"], found["ours"]
    return Result(
        _ABOUT,
        [
            Figure("LiteLLM", "req/s", [one.seen.per_s for one in beside]),
            Figure("ours", "req/s", [one.seen.per_s for one in own], beside="LiteLLM", at_least=20),
            Figure("LiteLLM, processor", "µs", [one.app_us for one in beside]),
            Figure("ours, processor", "µs", [one.app_us for one in own], beside="LiteLLM, processor"),
            Figure("LiteLLM, p99", "ms", [one.seen.p99_ms for one in beside]),
            Figure("ours, p99", "ms", [one.seen.p99_ms for one in own], beside="LiteLLM, p99"),
        ],
        [_TOLD],
    )


async def _load(bench: Bench, server: Server, sent: str) -> Loaded:
    return await server.load(Job(server.port, [sent], bench.seconds, CONNECTIONS))
