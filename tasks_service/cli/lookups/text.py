"""One task, and one line of its history, as text."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from schemas.ids import task_id_text
from schemas.redaction import Redactor
from schemas.task import Artifact, Task
from tasks_service.api.views import TaskView, rfc3339, task_view
from tasks_service.cli.configuration import read_settings
from tasks_service.story import Entry

_LONGEST = 300
# Said in a sentence, or on a line of their own.
_APART = frozenset(
    {
        "from",
        "to",
        "cause",
        "rule",
        "outcome",
        "purpose",
        "method",
        "path",
        "status",
        "trouble",
        "latency_ms",
        "reason",
        "body",
        "answer_digest",
        "last_at",
    }
)
_TIMES = ("created_at", "queued_at", "running_at", "finished_at", "downloaded_at")
# Pictures that came inline would fill the screen.
_without_pictures = Redactor()


def state_of(task: Task) -> str:
    """Where a task is, and why it waits where it is parked."""
    return f"{task.state.value} · parked: {task.parked.value}" if task.parked else task.state.value


def sheet(task: Task, files: Sequence[Artifact]) -> Iterator[tuple[str, str]]:
    """Names and values, without those that say nothing."""
    request = task.request.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    yield "task", task_id_text(task.id)
    yield "state", state_of(task)
    yield "account", f"{task.account} (key {task.key_id})"
    yield "model", f"{task.model} ({task.provider}, route {task.route})"
    yield from ((name, _without_pictures(str(value))) for name, value in request.items() if name != "model")
    if task.upstream_id:
        yield "upstream id", task.upstream_id
    yield "paid request", f"{task.spend.value}, attempt {task.attempt}"
    if task.progress is not None:
        yield "progress", f"{task.progress} %"
    for name in _TIMES:
        if at := getattr(task, name):
            yield name, f"{at:%Y-%m-%d %H:%M:%S.%f}"[:-3] + " UTC"
    if task.failure:
        failure = task.failure
        yield (
            "failure",
            " ".join(str(part) for part in (failure.kind.value, failure.code, failure.status) if part),
        )
        yield "", failure.message
    for file in files:
        size = f", {file.width}x{file.height}" if file.width else ""
        length = f", {file.duration_s:g} s" if file.duration_s else ""
        yield f"file {file.n}", f"{file.type}, {file.bytes} bytes{size}{length}, sha256 {file.sha256}"


def task_as_json(task: Task, files: Sequence[Artifact]) -> TaskView:
    """The same for programs: what the API shows to staff."""
    return task_view(task, files, staff=True, base_url=read_settings().base_url)


def entry_as_json(entry: Entry) -> dict[str, Any]:
    """One entry of a history for programs, without the facts that say nothing."""
    facts = {name: _plain(value) for name, value in entry.facts.items() if value is not None}
    return {"at": rfc3339(entry.at), "seq": entry.seq, "type": entry.type, "actor": entry.actor, **facts}


def told(task: Task, entries: Sequence[Entry]) -> Iterator[str]:
    """A whole history for people: what was asked, then a line for everything that happened."""
    asked = task.request.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    words = " ".join(f"{name}={_one_line(repr(value))}" for name, value in asked.items())
    yield _line(task.created_at, "request", entries[0].actor if entries else "", words)
    passed = [entry for entry in entries if entry.type == "check" and entry.facts["outcome"] == "passed"]
    if passed:
        rules = ", ".join(entry.facts["rule"] for entry in passed)
        yield _line(passed[0].at, "check", passed[0].actor, f"{len(passed)} passed: {rules}")
    for entry in entries:
        if entry not in passed:
            yield from _lines(entry)


def _lines(entry: Entry) -> Iterator[str]:
    more = {name: value for name, value in entry.facts.items() if name not in _APART and value}
    words = [_sentence(entry), *(f"{name}={_one_line(str(_plain(value)))}" for name, value in more.items())]
    yield _line(entry.at, entry.type, entry.actor, " ".join(filter(None, words)))
    if body := entry.facts.get("body"):
        yield f"{'':<25}{_one_line(body)}"


def _line(at: datetime, kind: str, actor: str, words: str) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S.%f}"[:-3] + f"  {kind:<9} {actor:<18} {words}"


def _sentence(entry: Entry) -> str:
    """What is read first, without its name."""
    facts = entry.facts
    if entry.type == "state":
        return f"{facts['from'] or 'nothing'} → {facts['to']} ({facts['cause']})"
    if entry.type == "check":
        return f"{facts['rule']}: {facts['outcome']}"
    if entry.type == "call":
        answer = facts["status"] or facts["trouble"]
        return f"{facts['purpose']} {facts['method']} {facts['path']} → {answer} in {facts['latency_ms']} ms"
    return str(facts.get("reason") or "")


def _plain(value: Any) -> Any:
    return rfc3339(value) if isinstance(value, datetime) else value


def _one_line(text: str) -> str:
    line = " ".join(_without_pictures(text).split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
