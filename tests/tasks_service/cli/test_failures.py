"""`creative-tasks failures` on a real database."""

import json
import pwd
from os import getuid

from schemas.failures import Failure, FailureKind
from schemas.ids import task_id_text
from schemas.lifecycle import Spend, State
from schemas.task import Task
from tasks_service.cli.screen import plain
from tasks_service.ledger.ledger import Ledger
from tasks_service.ledger.tasks import Move
from tests.tasks_service.cli.conftest import Run, one_sentence
from tests.tasks_service.cli.test_lookups import Opened, opened

__all__ = ["opened"]

REASON = "--reason=上游后台查过"


async def failed(ledger: Ledger, opened: Opened, words: str = "no kites", code: str = "E451") -> Task:
    task = await opened(prompt=words)
    await ledger.spends.settle(task, 1, Spend.NOT_CREATED, None)
    failure = Failure(FailureKind.CONTENT_POLICY_INPUT, words, code, 451, "req_7")
    return await ledger.tasks.advance(task, Move(State.FAILED, "provider", "refused", failure=failure))


async def test_groups_are_listed_shown_and_filtered(run: Run, dsn: str, ledger: Ledger, opened: Opened):
    task = await failed(ledger, opened)
    other = await failed(ledger, opened, "\x1b[2Jevil", "E452")
    group = str(task.failure_group)

    listed = run("failures", DATABASE_URL=dsn)
    assert listed.returncode == 0, listed.stderr
    head, last, first = listed.stdout.splitlines()
    assert head.split()[:3] == ["group", "cases", "state"]
    assert (last.split()[0], first.split()[:3]) == (other.failure_group, [group, "1", "new"])
    assert plain(listed.stdout) == listed.stdout

    found = json.loads(
        run("failures", "--since=1h", "--kind=content_policy_input", "--json", DATABASE_URL=dsn).stdout
    )
    assert [one["group"] for one in found] == [other.failure_group, group]
    assert len(run("failures", "--state=muted", DATABASE_URL=dsn).stdout.splitlines()) == 1

    shown = run("failures", "show", group, DATABASE_URL=dsn).stdout
    assert task_id_text(task.id) in shown
    assert "charged        yes 0, no 1, not known 0" in shown
    whole = json.loads(run("failures", "show", group, "--json", DATABASE_URL=dsn).stdout)
    assert whole["affected"] == [{"account": "acme", "cases": 1}]


async def test_a_mark_is_on_record_with_name_and_reason(run: Run, dsn: str, ledger: Ledger, opened: Opened):
    group = str((await failed(ledger, opened)).failure_group)

    muted = run("failures", "mark", group, "muted", "--until=12h", REASON, DATABASE_URL=dsn)
    assert muted.stdout.startswith(f"{group}  muted until 20"), muted.stderr
    done = run("failures", "mark", group, "resolved", REASON, DATABASE_URL=dsn)
    assert done.stdout.split() == [group, "resolved"]

    [last, first] = await ledger.failures.changes(group)
    assert (last["actor"], last["reason"]) == (f"person:{pwd.getpwuid(getuid()).pw_name}", "上游后台查过")
    assert (first["from_state"], first["to_state"], last["to_state"]) == ("new", "muted", "resolved")
    again = one_sentence(run("failures", "mark", group, "resolved", REASON, DATABASE_URL=dsn))
    assert "The group is resolved already; nothing was written." in again


async def test_what_cannot_be_marked_is_one_sentence(run: Run, dsn: str, ledger: Ledger, opened: Opened):
    group = str((await failed(ledger, opened)).failure_group)

    for words, told in (
        (("new", REASON), "state: a person says known, muted or resolved."),
        (("muted", REASON), "until: muted needs a time"),
        (("muted", "--until=soon", REASON), "--until takes a span such as 12h"),
        (("known", "--reason=x"), "reason: String should have at least 3 characters"),
        (("muted", "--until=2020-01-01T00:00:00Z", REASON), "the quiet ends in the future"),
    ):
        assert told in one_sentence(run("failures", "mark", group, *words, DATABASE_URL=dsn))
    said = one_sentence(run("failures", "show", "v1:none", DATABASE_URL=dsn))
    assert "There is no group of failures v1:none" in said
    assert await ledger.failures.changes(group) == []


async def test_an_article_is_printed_as_markdown(run: Run, dsn: str, ledger: Ledger, opened: Opened):
    group = str((await failed(ledger, opened, "acme may not draw kites")).failure_group)

    drafted = run("failures", "article", group, "--lang=zh", DATABASE_URL=dsn)

    assert drafted.stdout.startswith("# "), drafted.stderr
    assert "## 上游原话" in drafted.stdout
    assert "acme" not in drafted.stdout
