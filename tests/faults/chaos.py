"""The nemesis run: `python -m tests.faults.chaos --minutes 8 --seed 7`.

Customers come all the time while a seeded nemesis breaks things; then there is peace, everything settles and
stops, and the independent checker reads what is left. Prints one JSON; the exit code is 1 where a promise broke.
What a seed decides is who asks for what and when the nemesis strikes; which task a blow meets is up to the machine.
"""

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from tests.faults.checker import figures, violations
from tests.faults.customers import Customers
from tests.faults.dump import dump
from tests.faults.mix import Mix
from tests.faults.nemesis import ARMED, NOTHING, Nemesis, schedule
from tests.faults.record import load
from tests.faults.stage import SEND_WINDOW, Stage
from tests.faults.violation import Violation

_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Plan:
    """One run: how long it rages, how long it is calm, and how much is asked for."""

    seed: int
    rage_s: float
    calm_s: float = 30
    settle_s: float = 120  # from the end of the faults
    rate_s: float = 15
    every_s: float = 3  # between two deeds of the nemesis
    with_valkey: bool = True
    troubled: float = 0.4  # how many tasks meet a misbehaving upstream
    armed: Mapping[str, str] = field(default_factory=lambda: ARMED)  # failpoints, by process


async def run(plan: Plan, folder: Path) -> dict[str, Any]:
    """The whole run in a folder; what it came to."""
    stage = await Stage.build(folder, plan.armed, with_valkey=plan.with_valkey)
    try:
        told = await _play(plan, stage)
        await stage.close()
        await dump(stage.postgres.dsn, folder / "tables")
    finally:
        await asyncio.to_thread(stage.stop)
    calm_since, calm_until = told.pop("calm")
    record = await asyncio.to_thread(load, folder, stage.canaries)
    found = await asyncio.to_thread(violations, record)
    return told | figures(record, calm_since, calm_until) | summed(found)


async def _play(plan: Plan, stage: Stage) -> dict[str, Any]:
    rng = Random(plan.seed)
    deeds = schedule(Random(rng.random()), plan.rage_s, plan.every_s)
    print(f"seed {plan.seed}:", *deeds, sep="\n", file=sys.stderr)
    nemesis = Nemesis(stage, deeds)
    mix = Mix(Random(rng.random()), plan.seed, troubled=plan.troubled)
    history = stage.folder / "history.jsonl"
    async with Customers(stage.addresses, stage.key, history, mix, Random(rng.random())) as customers:
        progress = asyncio.create_task(_show(stage, customers))
        closed = asyncio.Event()
        arriving = asyncio.create_task(customers.come(plan.rate_s, closed))
        await nemesis.rage()
        raged = time.time()
        await stage.roll(NOTHING)
        peace = time.time()
        # The first seconds of the calm still work off what the faults held up.
        calm_since = peace + plan.calm_s / 3
        mix.troubled = 0
        await asyncio.sleep(plan.calm_s)
        closed.set()
        await arriving
        calm_until = time.time()
        settled = await settles(stage, customers, peace + plan.settle_s)
        progress.cancel()
    return {
        "seed": plan.seed,
        "minutes": round(plan.rage_s / 60, 2),
        "valkey": plan.with_valkey and stage.valkey is not None,
        "deeds": dict(nemesis.done),
        "failpoint_kills": dict(stage.firings()),
        "kills_inside_send_window": sum(n for at, n in stage.firings().items() if at in SEND_WINDOW),
        "starts": dict(stage.starts),
        "rolled_s": round(peace - raged, 1),
        "settle_s": round(settled - peace, 1) if settled else None,
        "calm": (calm_since, calm_until),
    }


async def settles(stage: Stage, customers: Customers, deadline: float) -> float | None:
    """When everybody was answered and everything was over; None where that did not happen in time."""
    await customers.are_served(max(deadline - time.time(), 0))
    while time.time() < deadline:
        if not customers.waiting and not await stage.under_way():
            settled = time.time()
            await stage.rest()
            # What waits for a person is asked about all the while, and may have been found in that moment.
            if not await stage.under_way():
                return settled
            stage.go_on()
        await asyncio.sleep(0.25)
    return None


async def _show(stage: Stage, customers: Customers) -> None:
    """One line that a terminal keeps writing over."""
    began = time.monotonic()
    while sys.stderr.isatty():
        with suppress(Exception):  # the ledger may be away
            live = await stage.under_way()
            kills = sum(stage.firings().values())
            line = f"{time.monotonic() - began:5.0f} s  acked {customers.acked}  waiting {customers.waiting}"
            print(f"\r{line}  under way {live}  failpoint kills {kills}   ", end="", file=sys.stderr)
        await asyncio.sleep(1)


def summed(found: Sequence[Violation]) -> dict[str, Any]:
    names = [violation.name for violation in found]
    return {
        "doubles": names.count("doubled"),
        "lost": names.count("lost"),
        "violations": {name: names.count(name) for name in sorted(set(names))},
        "seen": [str(violation) for violation in found[:_SHOWN]],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="chaos", description="Break things and count what was lost.")
    parser.add_argument("--minutes", type=float, default=8, help="with faults; some calm follows")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rate", type=float, default=12, help="tasks a second")
    parser.add_argument("--no-valkey", action="store_true", help="never start the doorbell")
    parser.add_argument("--json", type=Path, help="write the result here too")
    parser.add_argument("--folder", type=Path, help="leave the evidence here")
    given = parser.parse_args(arguments)
    plan = Plan(given.seed, given.minutes * 60, rate_s=given.rate, with_valkey=not given.no_valkey)
    folder = given.folder or Path(tempfile.mkdtemp(prefix="creative-tasks-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    result = asyncio.run(run(plan, folder))
    text = json.dumps(result, indent=2, ensure_ascii=False)
    print(text)
    if given.json:
        given.json.write_text(text + "\n")
    if result["violations"] or result["settle_s"] is None:
        print(f"a promise broke; the evidence is in {folder}", file=sys.stderr)
        return 1
    if not given.folder:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
