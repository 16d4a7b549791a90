"""Hosts that are cut off and healed while customers come: `python -m tests.faults.cut_off --seconds 30 --seed 7`.

Two APIs, three workers, the studio, and PostgreSQL with Valkey, each in a network namespace of its own. A worker's host
and an API's host lose their links and get them back, longer than a lease; then the independent checker reads what is left.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from tasks_service.embedded import Postgres, Valkey
from tests.faults.chaos import settles, summed
from tests.faults.checker import figures, violations
from tests.faults.customers import Customers
from tests.faults.dump import dump
from tests.faults.hosts import ADDRESSES, CUSTOMERS, Hosts
from tests.faults.mix import Mix
from tests.faults.nemesis import NOTHING
from tests.faults.record import load
from tests.faults.stage import LEASE_S, Stage

_TAG = "CREATIVE_TASKS_TEST_HOSTS"
_POSTGRES_PORT, _VALKEY_PORT, _PORT = 5432, 6379, 8787


@dataclass(frozen=True, slots=True)
class Cut:
    """One host without its link."""

    at_s: float
    host: str
    seconds: float


class Spread(Stage):
    """The stage, each process on a host of its own."""

    hosts: Hosts

    def __init__(self, folder: Path, postgres: Postgres, valkey: Valkey | None, armed: Any):
        super().__init__(folder, postgres, valkey, armed)
        self.hosts = Hosts(os.environ[_TAG])
        engines = ADDRESSES["engines"]
        self.environment |= {
            "DATABASE_URL": f"postgresql://postgres@{engines}:{_POSTGRES_PORT}/creative_tasks",
            "REDIS_URL": f"redis://{engines}:{_VALKEY_PORT}/0" if valkey else "",
        }
        self.ports = dict.fromkeys(self.ports, _PORT)

    @property
    def addresses(self) -> list[str]:
        """Of the APIs."""
        return [f"http://{ADDRESSES[name]}:{port}" for name, port in self.ports.items()]

    def start(self, name: str, *arguments: str, **environment: str) -> None:
        """Start a process on the host of its name."""
        log = (self.folder / f"{name}.log").open("ab")
        command = self.hosts.command(name, [sys.executable, "-m", *arguments])
        # A worker's data folder is its own host's; the store is everybody's.
        own = {"CREATIVE_TASKS_HOST": ADDRESSES[name], "CREATIVE_TASKS_DATA_FOLDER": str(self.folder / name)}
        self.processes[name] = subprocess.Popen(
            command, env=self.environment | own | environment, stdout=log, stderr=log
        )
        log.close()

    async def start_studio(self) -> None:
        """The studio, after the relay that the others need as well."""
        ports = [f"{_POSTGRES_PORT}={_socket(self.postgres)}"]
        if self.valkey is not None:
            ports.append(f"{_VALKEY_PORT}={self.valkey.url.removeprefix('unix://')}")
        self.start("engines", "tests.faults.relay", ADDRESSES["engines"], *ports)
        await self.start_studio_at(ADDRESSES["studio"], _PORT)


async def run(seconds: float, seed: int, rate_s: float, folder: Path) -> dict[str, Any]:
    """The whole run, from inside the customers' namespace; what it came to."""
    stage = await Spread.build(folder, NOTHING)
    try:
        told = await _play(stage, seconds, seed, rate_s)
        await stage.close()
        await dump(stage.postgres.dsn, folder / "tables")
    finally:
        await asyncio.to_thread(stage.stop)
    record = await asyncio.to_thread(load, folder, stage.canaries)
    return told | figures(record) | summed(await asyncio.to_thread(violations, record))


def cuts(seconds: float) -> list[Cut]:
    """A worker's host, then an API's and another worker's at once; each for longer than a lease."""
    long = max(LEASE_S * 2.0, seconds / 4)
    return [
        Cut(seconds * 0.1, "worker-1", long),
        Cut(seconds * 0.4, "api-2", long),
        Cut(seconds * 0.5, "worker-3", long),
    ]


async def _play(stage: Spread, seconds: float, seed: int, rate_s: float) -> dict[str, Any]:
    rng, closed = Random(seed), asyncio.Event()
    mix = Mix(Random(rng.random()), seed, troubled=0.2)
    history = stage.folder / "history.jsonl"
    async with Customers(stage.addresses, stage.key, history, mix, Random(rng.random())) as customers:
        arriving = asyncio.create_task(customers.come(rate_s, closed))
        async with asyncio.TaskGroup() as lasting:
            for cut in cuts(seconds):
                lasting.create_task(_cut(stage.hosts, cut))
            lasting.create_task(asyncio.sleep(seconds))
        closed.set()
        await arriving
        healed = time.time()
        settled = await settles(stage, customers, healed + 120)
    return {
        "seed": seed,
        "cut": [cut.host for cut in cuts(seconds)],
        "settle_s": round(settled - healed, 1) if settled else None,
        "starts": dict(stage.starts),
    }


async def _cut(hosts: Hosts, cut: Cut) -> None:
    await asyncio.sleep(cut.at_s)
    hosts.cut(cut.host)
    try:
        await asyncio.sleep(cut.seconds)
    finally:
        hosts.heal(cut.host)


def _socket(postgres: Postgres) -> str:
    folder, _, port = postgres.dsn.partition("?host=")[2].partition("&port=")
    return f"{folder}/.s.PGSQL.{port}"


def apart(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Make the hosts, and run this module on that of the customers; they are gone afterwards."""
    tag = f"{os.getpid():x}"
    with Hosts(tag) as hosts:
        command = hosts.command(CUSTOMERS, [sys.executable, "-m", "tests.faults.cut_off", *arguments])
        return subprocess.run(
            command, env=os.environ | {_TAG: tag}, stdout=subprocess.PIPE, text=True, check=False
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="cut_off", description="Cut hosts off and count what was lost.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rate", type=float, default=6, help="tasks a second")
    given = parser.parse_args(arguments)
    if _TAG not in os.environ:
        done = apart(sys.argv[1:] if arguments is None else arguments)
        print(done.stdout, end="")
        return done.returncode
    with tempfile.TemporaryDirectory(prefix="creative-tasks-hosts-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)  # PostgreSQL's own user has to get through
        result = asyncio.run(run(given.seconds, given.seed, given.rate, Path(folder)))
    print(json.dumps(result, indent=2, ensure_ascii=False))
    return 1 if result["violations"] or result["settle_s"] is None else 0


if __name__ == "__main__":
    sys.exit(main())
