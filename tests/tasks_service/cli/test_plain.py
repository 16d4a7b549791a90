"""What strangers wrote cannot move the cursor of who reads it."""

import json

import pytest

from schemas.failures import Failure, FailureKind
from schemas.ids import task_id_text
from schemas.lifecycle import Spend, State
from tasks_service.cli.screen import as_json, plain
from tasks_service.ledger.ledger import Ledger
from tasks_service.ledger.tasks import Move
from tests.tasks_service.cli.conftest import Run
from tests.tasks_service.cli.test_lookups import Opened, opened

__all__ = ["opened"]

EVIL = "a\x1b[2J\x1b]0;title\x07\x9b31m\x1bcb\x08\x7f\u202ec"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (EVIL, "abc"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b[38;5;1mred\x1b[0m 画\n二", "red 画\n二"),
        ("cut off \x1b[", "cut off "),
        ("one\rtwo\tthree", "onetwo three"),
        ("\ud800", ""),
    ],
)
def test_escapes_and_controls_are_taken_out(text: str, seen: str):
    assert plain(text) == seen


def test_json_keeps_them_as_escapes():
    told = as_json({"prompt": EVIL + "画"})

    assert json.loads(told) == {"prompt": EVIL + "画"}
    assert "画" in told
    assert plain(told) == told


async def test_no_command_prints_them(run: Run, dsn: str, ledger: Ledger, opened: Opened):
    await ledger.keys.new("acme", label=EVIL)
    task = await opened(prompt=f"a {EVIL}\nstate downloaded")
    await ledger.spends.settle(task, 1, Spend.NOT_CREATED, None)
    failure = Failure(FailureKind.CONTENT_POLICY_INPUT, f"no {EVIL}", "E451", 451, "req_7")
    await ledger.tasks.advance(task, Move(State.FAILED, "provider", "refused", failure=failure))
    task_id = task_id_text(task.id)

    for words in (("keys", "list"), ("list",), ("show", task_id), ("history", task_id), ("why", task_id)):
        told = run(*words, DATABASE_URL=dsn)
        assert told.returncode == 0, told.stderr
        assert told.stdout
        assert plain(told.stdout) == told.stdout
    assert "\nstate downloaded" not in run("show", task_id, DATABASE_URL=dsn).stdout
