"""What a task is doing, or why it failed, in plain words: English and Chinese.

Pure: the same task gives the same sentences. A waiting task is told since when, never until when: nobody
but the upstream knows.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from schemas.failures import MEANINGS, FailureKind, Mover, may_send_again, was_spent
from schemas.lifecycle import Spend, State
from schemas.task import Task
from tasks_service.advice import advice, instead_of_sending, quoted, said, whether_spent
from tasks_service.diagnosis import by_words
from tasks_service.words import EN, ZH, Words

_LONGEST = 300
_BEFORE_THE_QUEUE = {
    Spend.NONE: "submitted",
    Spend.INTENDED: "sending",
    Spend.CONFIRMED: "sending",
    Spend.NOT_CREATED: "trying",
    Spend.UNKNOWN: "asking",
}

# The upstream never said that these are over, so it may still finish them.
_OUR_GIVING_UP = frozenset(
    {
        FailureKind.TIMED_OUT,
        FailureKind.TASK_NOT_FOUND,
        FailureKind.ARTIFACT_LOST,
        FailureKind.OUTCOME_UNKNOWN,
    }
)
_LATE_LOOKS = timedelta(days=7)


class Language(StrEnum):
    """What people read."""

    EN = "en"
    ZH = "zh"


@dataclass(frozen=True, slots=True)
class Point:
    """One question that people have, and the answer."""

    question: str
    answer: str


def explain(
    task: Task,
    files: int,
    last: str,
    now: datetime,
    language: Language,
    notes: Sequence[Mapping[str, Any]] = (),
) -> list[Point]:
    """Everything that support would ask about a task, in the order in which they ask it.

    `last` is what `last_words` found in its calls; `notes` are its own, for what a person decided last.
    """
    words = words_of(language)
    asked = {
        "happens": words.joint.join([*_sentences(task, files, now, words), *_decided(notes, words)]),
        "upstream_said": _upstream_said(task, words) or last,
        "spent": words.spent[_spent(task, files)],
        "whose_move": words.movers[_whose_move(task, files)],
        "send_again": words.send_again[_send_again(task, files)],
        **_advice(task, files, words),
        "next": words.next[_next(task, files, now)].format(due=_clock(task.due_at)),
    }
    return [Point(words.questions[name], answer) for name, answer in asked.items() if answer]


def words_of(language: Language) -> Words:
    """Everything that is said in a language."""
    return ZH if language is Language.ZH else EN


def last_words(calls: Sequence[Mapping[str, Any]]) -> str:
    """What went wrong at the last exchange with the upstream; nothing where it went well."""
    last = calls[-1] if calls else None
    if last is None or (last["status"] or 0) in range(200, 400):
        return ""
    body = " ".join((last["body"] or "").split())
    return ": ".join(str(part) for part in (last["status"] or last["trouble"], body[:_LONGEST]) if part)


def _sentences(task: Task, files: int, now: datetime, words: Words) -> Iterator[str]:
    since = _since(task)
    yield words.states[_stage(task)].format(
        at=_clock(since),
        age=_age(now - since, words),
        files=files,
        progress=task.progress or 0,
        attempts=task.attempt,
    )
    if task.failure:
        yield f"{said(MEANINGS[task.failure.kind].words, words)} ({task.failure.kind.value})"
        if seems := by_words(task.failure):
            yield words.by_words.format(said=said(MEANINGS[seems].words, words), kind=seems.value)
    if _came_late(task, files):
        yield words.late.format(files=files)
    if task.parked:
        since = task.parked_at or since
        yield words.parked[task.parked].format(at=_clock(since), age=_age(now - since, words))
    if task.cancel_requested_at and not task.state.final:
        yield words.cancel_requested.format(at=_clock(task.cancel_requested_at))


def _advice(task: Task, files: int, words: Words) -> Mapping[str, str]:
    if task.failure is None or _came_late(task, files):
        return {}
    return advice(by_words(task.failure) or task.failure.kind, words)


def _decided(notes: Sequence[Mapping[str, Any]], words: Words) -> Iterator[str]:
    """The latest decision: the ones before it are in the history."""
    decided = [note for note in notes if note["type"] == "decision" and note["reason"] in words.decisions]
    for note in decided[-1:]:
        sentence = words.decisions[note["reason"]]
        yield sentence.format(at=_clock(note["at"]), actor=note["actor"], why=note["detail"] or "")


def _came_late(task: Task, files: int) -> bool:
    """Whether we had given up, and the upstream delivered after all."""
    return task.state is State.FAILED and files > 0


def _upstream_said(task: Task, words: Words) -> str:
    failure = task.failure
    if failure is None or not (failure.message or failure.code or failure.status):
        return ""
    facts = {
        words.status: failure.status,
        words.code: failure.code,
        words.request_id: failure.request_id,
    }
    return quoted(failure.message, facts, words)


def _stage(task: Task) -> str:
    if task.state is not State.SUBMITTED:
        return task.state.value
    return _BEFORE_THE_QUEUE[task.spend]


def _since(task: Task) -> datetime:
    reached = {
        State.SUBMITTED: task.created_at,
        State.QUEUED: task.queued_at,
        State.RUNNING: task.running_at,
        State.DONE: task.finished_at,
        State.DOWNLOADED: task.downloaded_at,
        State.FAILED: task.finished_at,
    }
    return reached[task.state] or task.created_at


def _spent(task: Task, files: int) -> str:
    if _came_late(task, files):
        return "yes"
    if task.failure:
        spent = was_spent(task.failure.kind, task.spend)
        return whether_spent(spent, accepted=task.spend is Spend.CONFIRMED)
    if task.spend is Spend.CONFIRMED:
        return "accepted"
    return "no" if task.spend in (Spend.NONE, Spend.NOT_CREATED) else "unknown"


def _whose_move(task: Task, files: int) -> Mover:
    if _came_late(task, files):
        return Mover.NOBODY
    if task.failure:
        return MEANINGS[task.failure.kind].whose_move
    return Mover.OPERATOR if task.parked else Mover.NOBODY


def _send_again(task: Task, files: int) -> str:
    if _came_late(task, files):
        return "came_late"
    if task.failure is None and task.spend is Spend.UNKNOWN:
        return "not_before_it_is_settled"
    if task.failure is None:
        return "finished" if task.state.final else "on_its_way"
    if may_send_again(task.failure.kind, task.spend):
        return "yes"
    kind, accepted = task.failure.kind, task.spend is Spend.CONFIRMED
    return instead_of_sending(kind, was_spent(kind, task.spend), accepted=accepted)


def _next(task: Task, files: int, now: datetime) -> str:
    if task.state.final:
        return _after_the_end(task, files, now)
    if task.parked:
        return task.parked.value
    asking = task.state is State.SUBMITTED and task.spend is Spend.UNKNOWN
    return "asking" if asking else task.state.value


def _after_the_end(task: Task, files: int, now: datetime) -> str:
    if task.failure is None or files > 0:
        return "fetch"
    looked_at = task.upstream_id is not None and now - (task.finished_at or now) < _LATE_LOOKS
    return "late" if looked_at and task.failure.kind in _OUR_GIVING_UP else "over"


def _clock(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else ""


def _age(span: timedelta, words: Words) -> str:
    seconds = max(int(span.total_seconds()), 0)
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, seconds = divmod(rest, 60)
    parts = [(days, words.day), (hours, words.hour), (minutes, words.minute), (seconds, words.second)]
    told = [f"{number} {unit}" for number, unit in parts if number]
    return " ".join(told[:2]) or f"0 {words.second}"
