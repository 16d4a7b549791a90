"""What clients were told, against what is on record."""

from collections import defaultdict
from collections.abc import Iterator

from tests.faults.record import Record, drawn, text, uuid_text
from tests.faults.violation import Violation


def accepted_is_kept(record: Record) -> Iterator[Violation]:
    """Whoever was told an id can rely on it."""
    for op in record.history:
        if op["outcome"] == "ok" and uuid_text(op["id"]) not in record.tasks:
            yield Violation("lost", op["id"], op["key"])


def a_key_has_one_task(record: Record) -> Iterator[Violation]:
    """However often it was sent, and whatever became of the answers."""
    told: dict[str, set[str]] = defaultdict(set)
    for op in record.history:
        if op["outcome"] == "ok":
            told[op["key"]].add(uuid_text(op["id"]))
    noted = {text(row, "key"): text(row, "task_id") for row in record.tables["idempotency_key"]}
    for key, ids in told.items():
        if len(ids) > 1:
            yield Violation("key_answered_twice", key, sorted(ids))
        elif noted.get(key) not in ids:
            yield Violation("key_not_kept", key, noted.get(key))


def a_request_has_one_task(record: Record) -> Iterator[Violation]:
    """Also one whose answer was lost: every request of the clients asks for something of its own."""
    asked = {drawn(op["prompt"]) for op in record.history}
    for prompt in asked:
        found = record.by_prompt.get(prompt, [])
        if len(found) > 1:
            yield Violation("asked_once_kept_twice", prompt, found)
    for prompt in record.by_prompt.keys() - asked:
        yield Violation("nobody_asked", prompt, record.by_prompt[prompt])


def a_refused_request_has_no_task(record: Record) -> Iterator[Violation]:
    """A no means that nothing will be done and nothing paid."""
    last = {op["key"]: op for op in record.history}
    for key, op in last.items():
        if op["outcome"] == "fail" and record.by_prompt.get(drawn(op["prompt"])):
            yield Violation("refused_and_kept", key, op.get("status"))


def every_client_got_an_answer(record: Record) -> Iterator[Violation]:
    """Retried with its key for long enough, each request is answered."""
    answered = {op["key"] for op in record.history if op["outcome"] != "info"}
    for key in {op["key"] for op in record.history} - answered:
        yield Violation("never_answered", key)


CHECKS = (
    accepted_is_kept,
    a_key_has_one_task,
    a_request_has_one_task,
    a_refused_request_has_no_task,
    every_client_got_an_answer,
)
