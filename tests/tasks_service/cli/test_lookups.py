"""`list`, `find`, `show`, `history` and `why`, straight from the ledger."""

import hashlib
import json
import zipfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from schemas.capabilities import Kind
from schemas.failures import Failure, FailureKind
from schemas.fingerprint import fingerprint
from schemas.ids import task_id_text
from schemas.lifecycle import Parked, Spend, State
from schemas.task import Task, TaskRequest
from tasks_service.ledger.history import Call
from tasks_service.ledger.ledger import Ledger
from tasks_service.ledger.tasks import Move, NewTask
from tests.tasks_service.cli.conftest import Run, one_sentence

LEASE = timedelta(minutes=5)
Opened = Callable[..., Awaitable[Task]]


@pytest.fixture
def opened(ledger: Ledger) -> Opened:
    """A claimed task whose request has been sent."""

    async def open_task(**request: Any) -> Task:
        caller = await ledger.keys.find(await ledger.keys.new("acme"))
        assert caller is not None
        asked = TaskRequest.model_validate(
            {"model": "sandbox-image-1", "prompt": "a paper boat"} | request, strict=False
        )
        new = NewTask(
            id=uuid7(),
            account_id=caller.account_id,
            key_id=caller.key_id,
            model=asked.model,
            kind=Kind.IMAGE,
            provider="sandbox",
            route="sandbox",
            request=asked,
            request_sha256=bytes(32),
            fingerprint=fingerprint(asked),
            checked=("prompt_is_given", "prompt_fits"),
            not_checked=("audio",),
        )
        await ledger.tasks.open(new, caller.actor, None)
        [task] = await ledger.tasks.claim([State.SUBMITTED], 1, LEASE)
        await ledger.spends.intend(task)
        return task

    return open_task


async def record(ledger: Ledger, task: Task, status: int, body: str) -> None:
    call = Call(
        id=uuid7(),
        purpose="submit",
        attempt=1,
        route="sandbox",
        method="POST",
        path="/sandbox/v1/jobs",
        sent_at=datetime.now(UTC),
        latency_ms=12,
        status=status,
        trouble=None,
        upstream_request_id="req_7",
        answer_sha256=hashlib.sha256(body.encode()).digest(),
        body=body,
    )
    await ledger.history.record(task.id, [call])


async def refused(ledger: Ledger, task: Task) -> str:
    await record(ledger, task, 451, "rejected")
    await ledger.spends.settle(task, 1, Spend.NOT_CREATED, None)
    failure = Failure(FailureKind.CONTENT_POLICY_INPUT, "no knives 违规", "E451", 451, "req_7")
    await ledger.tasks.advance(task, Move(State.FAILED, "provider", "refused", failure=failure))
    return task_id_text(task.id)


async def test_history_tells_the_whole_story_in_order(run: Run, dsn: str, ledger: Ledger, opened: Opened):
    task_id = await refused(ledger, await opened(seed=7))

    lines = run("history", task_id, DATABASE_URL=dsn).stdout.splitlines()

    kinds = [line[25:].split()[0] for line in lines if line[:4].isdigit()]
    assert kinds == ["request", "check", "check", "state", "call", "state"]
    assert "prompt='a paper boat' seed=7" in lines[0]
    assert "2 passed: prompt_is_given, prompt_fits" in lines[1]
    assert "audio: not_checked" in lines[2]
    assert "nothing → submitted (accepted)" in lines[3]
    assert "submit POST /sandbox/v1/jobs → 451 in 12 ms" in lines[4]
    assert "submitted → failed (refused)" in lines[-1]


async def test_history_as_json_counts_without_gaps(run: Run, dsn: str, ledger: Ledger, opened: Opened):
    task_id = await refused(ledger, await opened())

    entries = json.loads(run("history", task_id, "--json", DATABASE_URL=dsn).stdout)

    assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
    assert {entry["type"] for entry in entries} == {"check", "state", "call"}


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            ["content rules refused", "no knives 违规", "E451", "No: nothing was created", "The customer's"],
        ),
        ("zh", ["未通过上游的内容审核", "no knives 违规", "E451", "没有创建任何任务", "客户"]),
    ],
)
async def test_why_answers_support_s_questions(
    run: Run, dsn: str, ledger: Ledger, opened: Opened, language: str, words: list[str]
):
    task_id = await refused(ledger, await opened())

    told = run("why", task_id, "--lang", language, DATABASE_URL=dsn).stdout

    assert [word for word in words if word not in told] == []


async def test_why_never_invites_to_pay_twice(run: Run, dsn: str, ledger: Ledger, opened: Opened):
    task = await opened()
    await record(ledger, task, 500, "oops")
    await ledger.spends.settle(task, 1, Spend.UNKNOWN, None)
    await ledger.tasks.park(task, Parked.OUTCOME_UNKNOWN, LEASE, "worker", "oops")

    told = run("why", task_id_text(task.id), DATABASE_URL=dsn).stdout

    assert "parked: outcome_unknown" in told
    assert "500: oops" in told
    assert "Not known" in told
    assert "Not yet" in told
    assert "The operator's" in told


async def test_why_says_since_when_a_task_waits_and_promises_nothing(
    run: Run, dsn: str, ledger: Ledger, opened: Opened
):
    task = await opened()
    await ledger.spends.settle(task, 1, Spend.CONFIRMED, "u-1")
    await ledger.tasks.advance(task, Move(State.QUEUED, "worker", "accepted", LEASE, upstream_id="u-1"))

    told = run("why", task_id_text(task.id), DATABASE_URL=dsn).stdout

    assert "queue since 20" in told
    assert "only the provider knows" in told
    assert "No: it is on its way" in told


async def test_show_holds_what_the_api_shows(run: Run, dsn: str, ledger: Ledger, opened: Opened):
    task_id = await refused(ledger, await opened(external_id="order-9"))

    plain = run("show", task_id, DATABASE_URL=dsn).stdout
    told = json.loads(run("show", task_id, "--json", DATABASE_URL=dsn).stdout)

    assert "order-9" in plain
    assert "content_policy_input E451 451" in plain
    assert told["failure"]["whose_move"] == "customer"
    assert told["upstream"]["route"] == "sandbox"


async def test_inline_pictures_do_not_fill_the_screen(run: Run, dsn: str, opened: Opened):
    picture = "data:image/png;base64," + "iVBORw0K" * 4000
    task = await opened(reference_images=[{"data": picture, "role": "reference"}])

    for command in ("show", "history"):
        told = run(command, task_id_text(task.id), DATABASE_URL=dsn)
        assert told.returncode == 0, told.stderr
        assert len(told.stdout) < 4000


@pytest.mark.parametrize("text", ["{id}", "{ID}", "u-77", "order-9", "paper BOAT", "knives"])
async def test_find_takes_whatever_was_pasted(run: Run, dsn: str, ledger: Ledger, opened: Opened, text: str):
    task = await opened(external_id="order-9")
    await ledger.spends.settle(task, 1, Spend.CONFIRMED, "u-77")
    task = await ledger.tasks.advance(
        task, Move(State.QUEUED, "worker", "accepted", LEASE, upstream_id="u-77")
    )
    failure = Failure(FailureKind.CONTENT_POLICY_OUTPUT, "no knives")
    await ledger.tasks.advance(task, Move(State.FAILED, "provider", "said", failure=failure))
    name = task_id_text(task.id)

    told = run("find", text.format(id=name, ID=name.upper()), DATABASE_URL=dsn)

    assert name in told.stdout


async def test_words_are_not_patterns(run: Run, dsn: str, opened: Opened):
    await opened(prompt="one hundred")

    assert "No task" in one_sentence(run("find", "one_hundred%", DATABASE_URL=dsn))


async def test_list_narrows(run: Run, dsn: str, ledger: Ledger, opened: Opened):
    failed = await refused(ledger, await opened())
    waiting = task_id_text((await opened(prompt="another")).id)

    everything = run("list", DATABASE_URL=dsn).stdout
    only_failed = json.loads(run("list", "--state", "failed", "--json", DATABASE_URL=dsn).stdout)

    assert everything.index(waiting) < everything.index(failed)
    assert [task["id"] for task in only_failed] == [failed]
    assert failed not in run("list", "--parked", DATABASE_URL=dsn).stdout
    assert failed not in run("list", "--account", "nobody", DATABASE_URL=dsn).stdout


@pytest.mark.parametrize("command", ["show", "history", "why", "bundle"])
@pytest.mark.parametrize("text", ["tsk_x", "order-9", "tsk_00000000000000000000000000"])
def test_an_unknown_id_is_one_sentence(run: Run, dsn: str, command: str, text: str):
    assert f"There is no task {text}" in one_sentence(run(command, text, DATABASE_URL=dsn))


def test_a_database_without_a_ledger_is_one_sentence(run: Run, server_dsn: str):
    empty = server_dsn.replace("/creative_tasks?", "/postgres?")

    assert "creative-tasks migrate" in one_sentence(run("list", DATABASE_URL=empty))


async def test_find_says_how_a_whole_error_text_was_read(run: Run, dsn: str, ledger: Ledger, opened: Opened):
    task_id = await refused(ledger, await opened())
    pasted = '{"error": {"message": "it broke somewhere",\n "request_id": "req_7"}}'

    told = run("find", pasted, DATABASE_URL=dsn).stdout
    found = json.loads(run("find", pasted, "--json", DATABASE_URL=dsn).stdout)

    assert "understood as the provider's request id 'req_7'" in told
    assert task_id in told
    assert found["understood"] == [{"as": "upstream_request_id", "value": "req_7"}]
    assert [task["id"] for task in found["data"]] == [task_id]


def test_find_refuses_a_complete_key(run: Run, dsn: str):
    said = one_sentence(run("find", "sk-abcdefghijklmnopqrstuv", DATABASE_URL=dsn))

    assert "complete key, sk-a…stuv" in said


async def test_bundle_leaves_one_file_here_or_says_it_all(
    run: Run, dsn: str, folder: Path, ledger: Ledger, opened: Opened
):
    task_id = await refused(ledger, await opened())

    told = run("bundle", task_id, DATABASE_URL=dsn)
    text = run("bundle", task_id, "--format", "md", "--output", "-", DATABASE_URL=dsn).stdout
    whole = json.loads(run("bundle", task_id, "--format", "json", "-o", "-", DATABASE_URL=dsn).stdout)

    assert told.stdout.strip() == f"{task_id}.zip"
    with zipfile.ZipFile(folder / f"{task_id}.zip") as packed:
        assert packed.read(f"{task_id}/{task_id}.md").decode() == text
        assert json.loads(packed.read(f"{task_id}/{task_id}.json")) == whole
    assert whole["task"]["upstream"]["route"] == "sandbox"
    assert "no knives 违规" in text


async def test_a_bundle_that_cannot_be_written_is_one_sentence(
    run: Run, dsn: str, ledger: Ledger, opened: Opened
):
    task_id = await refused(ledger, await opened())

    assert "cannot be written to nowhere/x.zip" in one_sentence(
        run("bundle", task_id, "-o", "nowhere/x.zip", DATABASE_URL=dsn)
    )
