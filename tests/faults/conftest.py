"""The small world of the workers' tests, and what the checker says of it."""

import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import asyncpg
import pytest

from schemas.ids import task_id_text
from schemas.task import Task
from tests.faults.checker import violations
from tests.faults.dump import dump
from tests.faults.record import load
from tests.workers.conftest import KEY
from tests.workers.conftest import backups as backups
from tests.workers.conftest import world as world

# Tasks of this world are opened without a key; the API would have written one.
_KEYS = "INSERT INTO idempotency_key SELECT account_id, id::text, id FROM task ON CONFLICT DO NOTHING"

Found = Callable[[Sequence[Task]], Awaitable[set[str]]]


@pytest.fixture
def found(dsn: str, tmp_path: Path) -> Found:
    """Which promises are broken, for customers who were told these tasks: the checker's word, from files."""

    async def look(told: Sequence[Task]) -> set[str]:
        connection = await asyncpg.connect(dsn)
        await connection.execute(_KEYS)
        await connection.close()
        await dump(dsn, tmp_path / "tables")
        with (tmp_path / "history.jsonl").open("w") as history:
            for task in told:
                asked = {"model": task.request.model, "prompt": task.request.prompt, "key": str(task.id)}
                history.write(json.dumps(asked | {"outcome": "ok", "id": task_id_text(task.id)}) + "\n")
        return {violation.name for violation in violations(load(tmp_path, (KEY,)))}

    return look
