"""How fast a task is found among many: by every id that people paste, and by Chinese and English words.

Tasks with six events each, half of them with a Chinese prompt and one in ten failed, on a PostgreSQL of its own.
"""

import random
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import asyncpg

from schemas.ids import parse_task_id
from schemas.redaction import Redactor
from schemas.task import Task
from tasks_service.ledger.filters import Filters
from tasks_service.ledger.ledger import Ledger
from tasks_service.search import search
from tests.benchmarks.people import Asked, asked_by
from tests.benchmarks.rig.bench import Bench
from tests.benchmarks.rig.result import Figure, Result

NAME = "search"
TASKS, SEED = 200_000, 7
MOST_MS_OF_IDS, MOST_MS_OF_WORDS = 5, 100
OF_WORDS = frozenset(
    {
        "rare English word",
        "rare Chinese word",
        "common English word",
        "common Chinese word",
        "two words",
        "two common words",
        "a customer's words",
        "nobody's word",
    }
)
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


async def load(dsn: str, tasks: int, seed: int, *, constrained: bool = True) -> list[Asked]:
    """Fill a ledger, and say what was asked. Constraints cost most of the time; the tests load with them."""
    chance = random.Random(seed)
    made: list[Asked] = []
    connection = await asyncpg.connect(dsn)
    if not constrained:
        await connection.execute("SET session_replication_role = replica; SET synchronous_commit = off")
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


async def measure(bench: Bench) -> Result:
    """The same kinds of questions in every round, beside a bare read by id; each about other tasks."""
    tasks, each = (300, 2) if bench.quick else (TASKS, 40)
    dsn = await bench.engines.database()
    bench.tell(f"making {tasks} tasks")
    made = await load(dsn, tasks, SEED, constrained=bench.quick)
    ledger = await Ledger.connect(dsn)
    try:
        bench.tell("taking up their words")
        await ledger.search.take_up(Redactor())
        sizes = await _sizes(dsn, tasks)
        numbers = count(SEED)

        async def asked() -> dict[str, float]:
            taken = await ask(ledger, questions(made, each, next(numbers)))
            return {kind: statistics.median(some) for kind, some in taken.items()}

        found = (await bench.in_turns({"questions": asked}))["questions"]
    finally:
        await ledger.close()
    return Result(
        f"search over {tasks} tasks, one question at a time; medians of {each} questions of a kind",
        [*_figures(found), *_bytes(sizes)],
    )


def _figures(found: list[dict[str, float]]) -> Iterator[Figure]:
    for kind in found[0]:
        most = None if kind == _BARE else MOST_MS_OF_WORDS if kind in OF_WORDS else MOST_MS_OF_IDS
        yield Figure(kind, "ms", [one[kind] for one in found], at_most=most)


def _bytes(sizes: dict[str, int]) -> Iterator[Figure]:
    for what, size in sizes.items():
        yield Figure(f"of a task: {what}", "B", [size])


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
