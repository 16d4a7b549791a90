"""How fast files come home, what a megabyte costs, and how much memory that takes, beside a bare client."""

from datetime import timedelta
from functools import partial
from tempfile import TemporaryDirectory

from schemas.lifecycle import State
from tasks_service.ledger.ledger import Ledger
from tasks_service.ledger.tasks import Move
from tests.benchmarks.polling import studio
from tests.benchmarks.rig.bench import Bench
from tests.benchmarks.rig.bringing import Brought, Errand, bring
from tests.benchmarks.rig.crowd import crowd
from tests.benchmarks.rig.result import Figure, Result

NAME = "downloads"
FILES, MB, AT_ONCE = 32, 16, 8
_BARE = "bare: written to a folder"
_SOON = timedelta(0)


async def measure(bench: Bench) -> Result:
    """A bare aiohttp that writes what comes, and our step: link asked for, digest, type, store, record."""
    files, mb = (3, 1) if bench.quick else (FILES, MB)
    async with studio(bench, file_mb=mb) as url:

        async def ours() -> Brought:
            dsn = await _done(bench, files)
            with TemporaryDirectory(dir=bench.engines.folder) as folder:
                return await bring("ours", Errand(url, files, folder, AT_ONCE, dsn))

        bare = partial(bring, "aiohttp", Errand(url, files, str(bench.engines.folder), AT_ONCE))
        found = await bench.in_turns({"bare": bare, "ours": ours})
    beside, brought = found["bare"], found["ours"]
    return Result(
        f"{files} pictures of {mb} MB from loopback, {AT_ONCE} at once, one process",
        [
            Figure(_BARE, "MB/s", [one.mb_per_s for one in beside]),
            Figure(
                "ours: digest, type, store, record", "MB/s", [one.mb_per_s for one in brought], beside=_BARE
            ),
            Figure("bare: processor of a MB", "µs", [one.us_per_mb for one in beside]),
            Figure(
                "ours: processor of a MB",
                "µs",
                [one.us_per_mb for one in brought],
                beside="bare: processor of a MB",
            ),
            Figure("bare: memory at the most", "MB", [one.memory_mb for one in beside]),
            Figure("ours: memory at the most", "MB", [one.memory_mb for one in brought]),
        ],
        ["Memory is what the process grew by; a file of any size takes the same."],
    )


async def _done(bench: Bench, tasks: int) -> str:
    """A database with so many tasks that the upstream is done with."""
    dsn = await bench.engines.database()
    await crowd(dsn, tasks, ready_ms=0)
    ledger = await Ledger.connect(dsn, size=1)
    for task in await ledger.tasks.claim([State.QUEUED], tasks, timedelta(minutes=1)):
        await ledger.tasks.advance(task, Move(State.DONE, "provider", "upstream_said:ready", _SOON))
    await ledger.close()
    return dsn
