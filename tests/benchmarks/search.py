"""How fast a task is found among many: by every id that people paste, and by Chinese and English words.

Tasks with six events each, half of them with a Chinese prompt and one in ten failed, on a PostgreSQL of its own.
Medians over different questions are shown, as a table for people and as JSON for programs.
"""

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
from rich.console import Console
from rich.table import Table

from schemas.ids import parse_task_id
from schemas.redaction import Redactor
from schemas.task import Task
from tasks_service.embedded import start_postgres
from tasks_service.ledger.filters import Filters
from tasks_service.ledger.ledger import Ledger
from tasks_service.ledger.migrate import migrate
from tasks_service.search import search
from tests.benchmarks.people import Asked, asked_by

_LOAD = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
_AT_ONCE = 5000
# The bare equivalent, asked in between: on a busy machine only the ratio to it says something.
_BARE = "bare read by id"
_COLUMNS = (
    "id", "account_id", "key_id", "request", "fingerprint", "upstream_id", "external_id", "request_id",
    "upstream_request_id", "key", "digest", "failure_kind", "failure_status", "failure_message", "shown",
)  # fmt: skip
_TABLE = """
    CREATE TEMP TABLE asked (
        id uuid, account_id bigint, key_id text, request text, fingerprint bytea, upstream_id text,
        external_id text, request_id text, upstream_request_id text, key text, digest text, failure_kind text,
        failure_status integer, failure_message text, shown text
    )
"""
_PAGE = 51


@dataclass(frozen=True, slots=True)
class Question:
    """What is pasted, of which kind, and whose account asks; None: staff."""

    kind: str
    text: str
    account_id: int | None = None


async def load(dsn: str, tasks: int, seed: int) -> list[Asked]:
    """Fill a ledger, and say what was asked."""
    chance = random.Random(seed)
    made: list[Asked] = []
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "INSERT INTO account (name) SELECT 'customer-' || n FROM generate_series(1, 20) AS n"
    )
    await connection.execute(
        """INSERT INTO api_key (id, account_id, role, secret_sha256, head, tail)
           SELECT lpad(n::text, 8, 'k'), n, 'customer', sha256(n::text::bytea), 'ct_live_' || lpad(n::text, 8, 'k'),
                  lpad(n::text, 4, 'w') FROM generate_series(1, 20) AS n"""
    )
    await connection.execute(_TABLE)
    for start in range(0, tasks, _AT_ONCE):
        some = [asked_by(chance, start + n) for n in range(min(_AT_ONCE, tasks - start))]
        rows = [tuple(getattr(one, name) for name in _COLUMNS) for one in some]
        async with connection.transaction():
            await connection.execute("TRUNCATE asked")
            await connection.copy_records_to_table("asked", records=rows, columns=_COLUMNS)
            await connection.execute(_LOAD)
        made += some
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
    return made


def questions(made: list[Asked], each: int, seed: int) -> list[Question]:
    """What support pastes, of every kind so many; every task has an equal chance."""
    chance = random.Random(seed)
    kinds: dict[str, Callable[[Asked], str]] = {
        _BARE: lambda one: one.shown,
        "our id": lambda one: one.shown,
        "upstream id": lambda one: one.upstream_id,
        "request id": lambda one: one.request_id,
        "upstream request id": lambda one: one.upstream_request_id,
        "idempotency key": lambda one: one.key,
        "external id": lambda one: one.external_id,
        "artifact digest": lambda one: one.digest,
        "error text": lambda one: one.error_text,
        "key": lambda one: f"ct_live_{one.key_id}***{one.key_tail}",
        "rare English word": lambda one: one.rare_en,
        "rare Chinese word": lambda one: one.rare_zh,
        "common English word": lambda one: one.common_en,
        "common Chinese word": lambda one: one.common_zh,
        "two words": lambda one: f"{one.common_en} {one.rare_en}",
        "two common words": lambda one: f"{one.common_en} {one.other_en}",
    }
    found = [Question(kind, text(chance.choice(made))) for kind, text in kinds.items() for _ in range(each)]
    theirs = [chance.choice(made) for _ in range(each)]
    found += [Question("a customer's words", one.rare_en, one.account_id) for one in theirs]
    found += [Question("nobody's word", f"zq{chance.randrange(10**9)}xv") for _ in range(each)]
    chance.shuffle(found)
    return found


async def ask(ledger: Ledger, asked: list[Question]) -> dict[str, list[float]]:
    """Milliseconds of every question, by kind; each is asked once, after a round to warm up."""
    taken: dict[str, list[float]] = {}
    for number, question in enumerate(asked[: len(asked) // 4] + asked):
        began = time.perf_counter()
        found = await _answer(ledger, question)
        spent = (time.perf_counter() - began) * 1000
        if not found and question.kind not in ("nobody's word", "two common words"):
            raise ValueError(f"the benchmark's own question finds nothing: {question}")
        if number >= len(asked) // 4:
            taken.setdefault(question.kind, []).append(spent)
    return taken


async def _answer(ledger: Ledger, question: Question) -> list[Task]:
    if question.kind == _BARE:
        task_id = parse_task_id(question.text)
        task = await ledger.tasks.get(task_id) if task_id else None
        return [task] if task else []
    filters = Filters(account_id=question.account_id)
    return (await search(ledger, question.text, filters, None, _PAGE)).tasks


async def run(dsn: str, tasks: int, each: int, seed: int) -> dict[str, Any]:
    """Load, take up the words, ask."""
    await migrate(dsn)
    made = await load(dsn, tasks, seed)
    ledger = await Ledger.connect(dsn)
    try:
        began = time.perf_counter()
        taken_up = await ledger.search.take_up(Redactor())
        took = time.perf_counter() - began
        sizes = await _sizes(dsn, tasks)
        taken = await ask(ledger, questions(made, each, seed + 1))
    finally:
        await ledger.close()
    median = {kind: round(statistics.median(some), 2) for kind, some in taken.items()}
    return {
        "benchmark": "search",
        "unit": "milliseconds",
        "tasks": tasks,
        "words_taken_up_per_s": round(taken_up / took),
        "bytes_per_task": sizes,
        "median": median,
        "ratio_to_bare": {kind: round(one / median[_BARE], 1) for kind, one in median.items()},
        "p95": {kind: round(sorted(some)[int(len(some) * 0.95)], 2) for kind, some in taken.items()},
    }


async def _sizes(dsn: str, tasks: int) -> dict[str, int]:
    """Bytes of one task: all of it, and what search adds."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("VACUUM ANALYZE")
    rows = await connection.fetch(
        """SELECT c.relname AS name, pg_relation_size(c.oid) AS bytes FROM pg_class c
           JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname IN ('public', 'pg_toast')
           AND c.relkind IN ('r', 'i', 't')"""
    )
    await connection.close()
    ours = ("task_words", "request_id", "key_id_id", "sha256", "of_any_account", "spend_by_upstream")
    names = {row["name"]: row["bytes"] for row in rows}
    of_search = sum(size for name, size in names.items() if any(part in name for part in ours))
    words = sum(size for name, size in names.items() if name.startswith("task_words"))
    return {
        "all": sum(names.values()) // tasks,
        "search": of_search // tasks,
        "words": words // tasks,
        "words_index": sum(size for name, size in names.items() if "grams" in name) // tasks,
    }


def measure(tasks: int = 200_000, each: int = 40, seed: int = 7) -> dict[str, Any]:
    """The whole of it, on a PostgreSQL that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="creative-tasks-bench-") as folder:
        Path(folder).chmod(0o711)
        server = start_postgres(Path(folder) / "postgres", throwaway=True)
        try:
            return asyncio.run(run(server.dsn, tasks, each, seed))
        finally:
            server.discard()


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="bench-search", description=__doc__)
    parser.add_argument("--tasks", type=int, default=200_000)
    parser.add_argument("--each", type=int, default=40)
    given = parser.parse_args()
    found = measure(given.tasks, given.each)
    table = Table("question", "median ms", "p95 ms", "× bare", title=f"search over {found['tasks']} tasks")
    for kind, median in found["median"].items():
        table.add_row(kind, str(median), str(found["p95"][kind]), str(found["ratio_to_bare"][kind]))
    Console(stderr=True).print(table)
    json.dump(found, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
