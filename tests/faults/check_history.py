"""What is on record, against itself: events, rows, dates, guards."""

import json
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from tests.faults.record import Record, Row, moment, number, text, uuid_text
from tests.faults.violation import Violation

# Written down once more on purpose: the checker believes nothing that the code under test says of itself.
EDGES = frozenset(
    {
        ("submitted", "queued"),
        ("submitted", "running"),
        ("submitted", "done"),
        ("submitted", "failed"),
        ("queued", "running"),
        ("queued", "done"),
        ("queued", "failed"),
        ("running", "done"),
        ("running", "failed"),
        ("done", "downloaded"),
        ("done", "failed"),
    }
)
ENDS = frozenset({"downloaded", "failed"})
_STAGES = ("created_at", "queued_at", "running_at", "finished_at", "downloaded_at")


def history_is_whole(record: Record) -> Iterator[Violation]:
    """Numbers without a gap from one, beginning with the acceptance, along legal edges, and in time."""
    for task_id in record.tasks:
        events = record.events.get(task_id, [])
        if not events or (events[0]["from_state"], events[0]["to_state"]) != (None, "submitted"):
            yield Violation("no_beginning", task_id)
        if [number(event, "seq") for event in events] != list(range(1, len(events) + 1)):
            yield Violation("gap_in_history", task_id, [event["seq"] for event in events])
        for event in events[1:]:
            if (event["from_state"], event["to_state"]) not in EDGES:
                yield Violation("illegal_move", task_id, f"{event['from_state']} -> {event['to_state']}")
        for earlier, later in pairwise(events):
            if earlier["to_state"] != later["from_state"]:
                yield Violation("broken_chain", task_id, later["seq"])


def history_explains_the_row(record: Record) -> Iterator[Violation]:
    """Nothing moves without an event, and no event without a move."""
    for task_id, row in record.tasks.items():
        events = record.events.get(task_id, [])
        told = (events[-1]["to_state"], events[-1]["seq"]) if events else None
        if told != (row["state"], row["seq"]):
            yield Violation("row_without_history", task_id, f"{told}, row {row['state']} {row['seq']}")
    for task_id in record.events.keys() - record.tasks.keys():
        yield Violation("history_of_nothing", task_id)


def time_runs_forward(record: Record) -> Iterator[Violation]:
    """All of these dates come from one clock."""
    for task_id, row in record.tasks.items():
        events = [moment(event, "at") for event in record.events.get(task_id, [])]
        stages = [moment(row, stage) for stage in _STAGES]
        for dates in (events, stages):
            known = [date for date in dates if date]
            if known != sorted(known):
                yield Violation("time_ran_backwards", task_id, [str(date) for date in known])
    for spend in record.tables["spend"]:
        began, ended = moment(spend, "intended_at"), moment(spend, "settled_at")
        if began and ended and ended < began:
            yield Violation("time_ran_backwards", text(spend, "reference"), f"{began} {ended}")


def live_tasks_are_due(record: Record) -> Iterator[Violation]:
    """A live task without a date is forgotten; an ended one with a date is worked on for ever."""
    for task_id, row in record.tasks.items():
        ended = row["state"] in ENDS
        if not ended and row["due_at"] is None:
            yield Violation("live_and_never_due", task_id, row["state"])
        if ended and row["due_at"] is not None:
            yield Violation("ended_and_due", task_id, row["due_at"])


def everything_ended_or_waits_for_a_person(record: Record) -> Iterator[Violation]:
    """Once the faults are over and time has passed; and whoever is asked for eyes is told why."""
    reasons = {(note["task_id"], note["reason"]) for note in record.tables["task_note"]}
    for task_id, row in record.tasks.items():
        if record.settled and row["state"] not in ENDS and row["parked"] is None:
            seen = f"{row['provider']} {row['state']} spend={row['spend']} due={row['due_at']}"
            yield Violation("unfinished", task_id, seen)
        if row["parked"] is not None and (
            row["parked_at"] is None or (task_id, row["parked"]) not in reasons
        ):
            yield Violation("parked_without_reason", task_id, row["parked"])


def failures_have_a_kind(record: Record) -> Iterator[Violation]:
    """And only failures have one."""
    for task_id, row in record.tasks.items():
        if (row["state"] == "failed") != bool(row["failure_kind"]):
            yield Violation("failed_without_kind", task_id, row["failure_kind"])


def live_work_is_counted(record: Record) -> Iterator[Violation]:
    """The guard against twins counts exactly the tasks that live."""
    live = Counter(_work(row) for row in record.tasks.values() if row["state"] not in ENDS)
    noted = {_work(row): number(row, "live") for row in record.tables["live_work"]}
    for work in live.keys() | noted.keys():
        if live[work] != noted.get(work, 0):
            yield Violation("live_work_miscounted", work[1], f"{live[work]} live, {noted.get(work, 0)} noted")


def requests_stay_readable(record: Record) -> Iterator[Violation]:
    """What was asked is kept as it was asked."""
    asked = {op["id"]: op for op in record.history if op["outcome"] == "ok"}
    kept = {text(row, "id"): json.loads(text(row, "request")) for row in record.tasks.values()}
    for public_id, op in asked.items():
        request = kept.get(uuid_text(public_id))
        if request is not None and (request["prompt"], request["model"]) != (op["prompt"], op["model"]):
            yield Violation("request_changed", public_id, request["prompt"])


def _work(row: Row) -> tuple[str, str]:
    return text(row, "account_id"), text(row, "fingerprint")


CHECKS = (
    history_is_whole,
    history_explains_the_row,
    time_runs_forward,
    live_tasks_are_due,
    everything_ended_or_waits_for_a_person,
    failures_have_a_kind,
    live_work_is_counted,
    requests_stay_readable,
)
