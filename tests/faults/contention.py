"""Many press the button at the same moment, round after round, at two API processes: one task each round.

`make duplicates` runs 500 rounds of each kind with a worker and a studio behind them, so that what is counted in the
end are the jobs in the upstream's own books. A test runs a few rounds.
"""

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import asyncpg
import httpx

from tasks_service.embedded import start_postgres
from tasks_service.ledger.ledger import Ledger
from tasks_service.ledger.migrate import migrate
from tests.journeys.conftest import Fleet

AT_ONCE = 48
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Kind:
    """What is alike about the submissions of a round, and what all but one of them must be told."""

    told: str
    key: Callable[[int, int], str]
    prompt: Callable[[int, int], str]


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "same_key_same_body": Kind("replayed", lambda turn, _: f"k{turn}", lambda turn, _: f"boat {turn}"),
        "same_content_other_keys": Kind(
            "duplicate_task", lambda turn, who: f"c{turn}-{who}", lambda turn, _: f"kite {turn}"
        ),
        "same_key_other_bodies": Kind(
            "idempotency_key_reused", lambda turn, _: f"b{turn}", lambda turn, who: f"raft {turn} of {who}"
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Said:
    """An answer, in one word, and the task that it names."""

    word: str
    task: str | None


async def contend(fleet: Fleet, rounds: int) -> dict[str, Any]:
    """Play all rounds of all kinds, wait until everything is made, and count."""
    addresses = [await fleet.start_api(name) for name in ("api-1", "api-2")]
    # The lease of production: with a short one a busy machine is itself the fault.
    fleet.start_worker(CREATIVE_TASKS_LEASE_S="20")
    clients = [fleet.client(address) for address in addresses]
    result: dict[str, Any] = {"rounds": rounds, "at_once": AT_ONCE, "apis": len(addresses)}
    created: list[str] = []
    try:
        for name, kind in KINDS.items():
            result[name], made = await _play(clients, kind, rounds)
            created += made
        ended = await fleet.ended(clients[0], created, within_s=120 + rounds)
    finally:
        for client in clients:
            await client.aclose()
    made_of = Counter(creation["prompt"] for creation in (await fleet.books())["creations"])
    return result | {
        "unexpected": sum(result[name]["unexpected"] for name in KINDS),
        "tasks": await _count(fleet, "task"),
        "keys": await _count(fleet, "idempotency_key"),
        "downloaded": sum(task["state"] == "downloaded" for task in ended),
        "creations": made_of.total(),
        "made_twice": sum(times > 1 for times in made_of.values()),
    }


def broken(result: Mapping[str, Any]) -> list[str]:
    """Which promises the counts of a run contradict."""
    rounds, others = result["rounds"], result["rounds"] * (AT_ONCE - 1)
    expected = {name: {"created": rounds, kind.told: others, "unexpected": 0} for name, kind in KINDS.items()}
    wrong = [
        f"{name}: {word} {result[name].get(word, 0)}, not {number}"
        for name, counts in expected.items()
        for word, number in counts.items()
        if result[name].get(word, 0) != number
    ]
    totals = dict.fromkeys(("tasks", "keys", "downloaded", "creations"), rounds * len(KINDS)) | {
        "made_twice": 0
    }
    return wrong + [
        f"{name} {result[name]}, not {number}" for name, number in totals.items() if result[name] != number
    ]


async def _play(
    clients: Sequence[httpx.AsyncClient], kind: Kind, rounds: int
) -> tuple[dict[str, Any], list[str]]:
    began, words, created = time.monotonic(), Counter[str](), list[str]()
    seen: list[str] = []
    for turn in range(rounds):
        sending = [_press(clients[who % len(clients)], kind, turn, who) for who in range(AT_ONCE)]
        answers = await asyncio.gather(*sending)
        first = [said.task for said in answers if said.word == "created"]
        created += [task for task in first if task]
        for said in answers:
            right = said.word in ("created", kind.told) and first == [said.task]
            words[said.word if right else "unexpected"] += 1
            if not right and len(seen) < _SHOWN:
                seen.append(f"round {turn}: {said} where {first} was created")
    counts = {"created": 0, kind.told: 0, "unexpected": 0} | dict(words)
    counts["seconds"] = round(time.monotonic() - began, 1)
    return counts | ({"seen": seen} if seen else {}), created


async def _press(client: httpx.AsyncClient, kind: Kind, turn: int, who: int) -> Said:
    body = {
        "model": "sandbox-image-1-fast",
        "prompt": kind.prompt(turn, who),
        "options": {"behaviour": "queue=0 run=0"},
    }
    try:
        reply = await client.post("/v1/tasks", json=body, headers={"Idempotency-Key": kind.key(turn, who)})
        told = reply.json()
    except (httpx.HTTPError, ValueError) as error:
        return Said(repr(error), None)
    match reply.status_code:
        case 202:
            replayed = "idempotent-replayed" in reply.headers
            return Said("replayed" if replayed else "created", told["id"])
        case 409:
            return Said(told["code"], told["duplicate_of"]["id"])
        case 422 if told.get("differs") == ["/prompt"]:
            return Said(told["code"], told["task_id"])
        case _:
            return Said(f"{reply.status_code} {told}", None)


async def _count(fleet: Fleet, table: str) -> int:
    connection = await asyncpg.connect(fleet.environment["DATABASE_URL"])
    try:
        return await connection.fetchval(f"SELECT count(*) FROM {table}")
    finally:
        await connection.close()


async def run(rounds: int, folder: Path) -> dict[str, Any]:
    """The same on a PostgreSQL of its own that writes through to the disk."""
    folder.chmod(0o711)  # PostgreSQL's own user has to get through
    postgres = await asyncio.to_thread(start_postgres, folder / "postgres")
    fleet = Fleet(folder, postgres.dsn, None)
    try:
        await migrate(postgres.dsn)
        ledger = await Ledger.connect(postgres.dsn, size=1)
        fleet.key = await ledger.keys.new("acme")
        await ledger.close()
        await fleet.start_studio()
        return await contend(fleet, rounds)
    finally:
        await asyncio.to_thread(fleet.stop)
        postgres.discard()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        prog="duplicates", description="Press the same button many times at once."
    )
    parser.add_argument("--rounds", type=int, default=500, help="of each kind")
    given = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="creative-tasks-duplicates-"))
    result = asyncio.run(run(given.rounds, folder))
    print(json.dumps(result, indent=2, ensure_ascii=False))
    if wrong := broken(result):
        print("; ".join(wrong), f"the logs are in {folder}", sep="\n", file=sys.stderr)
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
