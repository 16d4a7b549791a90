"""What we say we paid for, against the books of whoever was paid."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

from tests.faults.check_history import ENDS
from tests.faults.record import Record, Row, moment, number, text
from tests.faults.violation import Violation

# Where our reference is an idempotency key: sent again it creates nothing new, and may be.
_NOTHING_NEW = frozenset({"sandbox"})
# What else than its own clear refusal says that a request made nothing.
_PROOFS = frozenset({("note", "never_arrived"), ("decision", "not_created")})
# The upstream and PostgreSQL read the same clock of one machine, in different units.
_CLOCK_SLACK_S = 0.005
# A task whose outcome nobody knows is looked up again within this time, or it is forgotten.
_LONGEST_SLEEP = timedelta(hours=1)
# These ends say openly that something may have been paid for.
_HONEST_ENDS = frozenset({"outcome_unknown", "timed_out"})


def nothing_is_made_twice(record: Record) -> Iterator[Violation]:
    """One task, one creation; one reference, one creation."""
    for task_id, made in record.made_for.items():
        if len(made) > 1:
            outcomes = [row["outcome"] for row in record.spends.get(task_id, [])]
            yield Violation("doubled", task_id, f"{[one['id'] for one in made]} with attempts {outcomes}")
    for reference, times in Counter(c["reference"] for c in record.creations if c.get("reference")).items():
        if times > 1:
            yield Violation("reference_used_twice", reference, times)


def nothing_is_sent_twice(record: Record) -> Iterator[Violation]:
    """A second request follows on proof that the first made nothing, even where its upstream would refuse it."""
    for task_id, arrivals in record.asked_for.items():
        if record.tasks.get(task_id, {}).get("provider") in _NOTHING_NEW:
            continue
        for first, second in pairwise(arrivals):
            if not first["refused"] and not _proved_between(record, task_id, first["at"], second["at"]):
                yield Violation("sent_twice", task_id, f"at {first['at']:.3f} and {second['at']:.3f}")


def _proved_between(record: Record, task_id: str, since: float, until: float) -> bool:
    said = [
        date.timestamp()
        for note in record.notes.get(task_id, [])
        if (note["type"], note["reason"]) in _PROOFS and (date := moment(note, "at"))
    ]
    return any(since - _CLOCK_SLACK_S <= at <= until + _CLOCK_SLACK_S for at in said)


def one_spend_may_have_happened(record: Record) -> Iterator[Violation]:
    """A second attempt stands on the proof that the first created nothing."""
    for task_id, rows in record.spends.items():
        possible = [row for row in rows if row["outcome"] != "not_created"]
        if len(possible) > 1:
            yield Violation("two_possible_spends", task_id, [row["attempt"] for row in possible])
        if [number(row, "attempt") for row in rows] != list(range(1, len(rows) + 1)):
            yield Violation("gap_in_attempts", task_id, [row["attempt"] for row in rows])


def not_created_is_true(record: Record) -> Iterator[Violation]:
    """The worst lie: whoever believes it pays again."""
    for task_id, made in record.made_for.items():
        for creation in made:
            behind = _attempt_behind(creation, record.spends.get(task_id, []))
            if behind is not None and behind["outcome"] == "not_created":
                yield Violation("wrongly_declared", task_id, f"{creation['id']}, attempt {behind['attempt']}")


def _attempt_behind(creation: dict[str, Any], rows: list[Row]) -> Row | None:
    """Which attempt made it: by the reference where only one attempt has it, else the latest begun by then."""
    named = [row for row in rows if row["reference"] == creation.get("reference")] or rows
    if len(named) == 1:
        return named[0]
    begun = [
        row
        for row in named
        if (date := moment(row, "intended_at")) and date.timestamp() <= creation["at"] + _CLOCK_SLACK_S
    ]
    return begun[-1] if begun else None


def confirmed_is_true(record: Record) -> Iterator[Violation]:
    """An id that we took for ours is in the books, and it is this task's."""
    for row in record.tables["spend"]:
        if row["outcome"] != "confirmed":
            continue
        task_id, upstream_id = text(row, "task_id"), text(row, "upstream_id")
        if upstream_id not in record.by_upstream_id:
            yield Violation("invented", task_id, upstream_id)
        elif upstream_id not in {creation["id"] for creation in record.made_for.get(task_id, [])}:
            yield Violation("somebody_elses", task_id, upstream_id)


def every_creation_was_intended(record: Record) -> Iterator[Violation]:
    """The intention is on record first, and nothing is made for nobody."""
    owned = {creation["id"]: task_id for task_id, made in record.made_for.items() for creation in made}
    for creation in record.creations:
        task_id = owned.get(creation["id"])
        if task_id is None:
            yield Violation("made_for_nobody", creation["id"], creation["prompt"])
            continue
        began = [moment(row, "intended_at") for row in record.spends.get(task_id, [])]
        first = min((date.timestamp() for date in began if date), default=None)
        if first is None or creation["at"] < first - _CLOCK_SLACK_S:
            yield Violation("paid_before_intended", task_id, creation["id"])


def the_row_says_what_was_spent(record: Record) -> Iterator[Violation]:
    """The task and its last attempt tell the same story."""
    for task_id, row in record.tasks.items():
        rows = record.spends.get(task_id, [])
        told = (rows[-1]["outcome"], str(len(rows))) if rows else ("none", "0")
        if (row["spend"], row["attempt"]) != told:
            yield Violation("spend_disagrees", task_id, f"row {row['spend']} {row['attempt']}, spend {told}")
        ids = {one["upstream_id"] for one in rows if one["upstream_id"]}
        if row["upstream_id"] is not None and row["upstream_id"] not in ids:
            yield Violation("unpaid_upstream_id", task_id, row["upstream_id"])


def an_upstream_id_has_one_task(record: Record) -> Iterator[Violation]:
    """Two customers never share a film that only one of them asked for."""
    used = Counter((row["route"], row["upstream_id"]) for row in record.tasks.values() if row["upstream_id"])
    for (_, upstream_id), times in used.items():
        if times > 1:
            yield Violation("upstream_id_shared", str(upstream_id), times)


def the_unknown_is_not_forgotten(record: Record) -> Iterator[Violation]:
    """It is being looked up, or a person was asked, or it ended in words that admit it."""
    for task_id, row in record.tasks.items():
        if row["spend"] not in ("intended", "unknown"):
            continue
        if row["state"] in ENDS:
            if row["failure_kind"] not in _HONEST_ENDS:
                yield Violation("unknown_called_over", task_id, row["failure_kind"])
        elif row["parked"] is None and _sleeps_too_long(record, row):
            yield Violation("unknown_forgotten", task_id, row["due_at"])


def _sleeps_too_long(record: Record, row: Row) -> bool:
    dates = [date for events in record.events.values() for event in events if (date := moment(event, "at"))]
    due = moment(row, "due_at")
    return due is None or due > max(dates) + _LONGEST_SLEEP


CHECKS = (
    nothing_is_made_twice,
    nothing_is_sent_twice,
    one_spend_may_have_happened,
    not_created_is_true,
    confirmed_is_true,
    every_creation_was_intended,
    the_row_says_what_was_spent,
    an_upstream_id_has_one_task,
    the_unknown_is_not_forgotten,
)
