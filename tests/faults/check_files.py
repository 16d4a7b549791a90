"""What we say is ours, against the files, and everything that can be read against what must not be."""

import re
from collections.abc import Iterator

from tests.faults.record import Record, Row, moment, number, ready_at, script_of, text
from tests.faults.violation import Violation

_CLOCK_SLACK_S = 0.005
# Ends in which work that the upstream finished is nevertheless not ours, and says so.
_HONEST_ENDS = frozenset({"artifact_lost", "timed_out", "outcome_unknown", "canceled"})
_SIGNED_LINK = re.compile(rb"/files/[\w.-]{20,}\.[0-9a-f]{32}")


def downloaded_is_there(record: Record) -> Iterator[Violation]:
    """Every file, whole, and the very bytes that the upstream made."""
    for task_id, row in record.tasks.items():
        kept = record.kept.get(task_id, [])
        if row["state"] == "downloaded" and not kept:
            yield Violation("downloaded_without_files", task_id)
        for artifact in kept:
            yield from _same_file(record, row, artifact)


def _same_file(record: Record, task: Row, artifact: Row) -> Iterator[Violation]:
    key = text(artifact, "key")
    file = record.artifacts.get(key)
    if file is None:
        yield Violation("file_missing", key)
        return
    if (file.size, file.sha256) != (number(artifact, "bytes"), artifact["sha256"]):
        yield Violation("file_differs", key, file.sha256)
    made = record.made.get(f"{task['upstream_id']}-{artifact['n']}")
    if made is not None and made.sha256 != file.sha256:
        yield Violation("not_what_was_made", key, made.sha256)


def all_results_were_fetched(record: Record) -> Iterator[Violation]:
    """As many as were ordered and made."""
    for task_id, row in record.tasks.items():
        creation = record.by_upstream_id.get(row["upstream_id"] or "")
        if row["state"] != "downloaded":
            continue
        if creation is None:
            yield Violation("downloaded_from_nowhere", task_id, row["upstream_id"])
        elif (found := len(record.kept.get(task_id, []))) != creation["work"]["count"]:
            yield Violation("results_missing", task_id, f"{found} of {creation['work']['count']}")


def what_the_upstream_said_is_what_we_say(record: Record) -> Iterator[Violation]:
    """A success there is no failure here, and the other way round; and none before its time."""
    for task_id, row in record.tasks.items():
        # Also what was made for a task that never learnt of it.
        made = record.made_for.get(task_id, [])
        creation = record.by_upstream_id.get(row["upstream_id"] or "", made[0] if made else None)
        if creation is None:
            continue
        failed_there = script_of(creation).get("end") is not None or creation["id"] in record.marks
        if row["state"] == "failed" and not failed_there and row["failure_kind"] not in _HONEST_ENDS:
            yield Violation("failed_although_made", task_id, row["failure_kind"])
        if row["state"] in ("done", "downloaded") and failed_there:
            yield Violation("success_invented", task_id, creation["behaviour"])
        finished = moment(row, "finished_at")
        if not failed_there and finished and finished.timestamp() < ready_at(creation) - _CLOCK_SLACK_S:
            yield Violation("finished_too_early", task_id, row["finished_at"])


def no_secret_is_written_down(record: Record) -> Iterator[Violation]:
    """Not in the tables, not in a log, not in a file."""
    secrets = [canary.encode() for canary in record.canaries]
    for name, content in record.texts.items():
        for secret in secrets:
            if secret in content:
                yield Violation("secret_leaked", name, f"…{secret[-4:].decode()}")
        if _SIGNED_LINK.search(content):
            yield Violation("signed_link_kept", name)


CHECKS = (
    downloaded_is_there,
    all_results_were_fetched,
    what_the_upstream_said_is_what_we_say,
    no_secret_is_written_down,
)
