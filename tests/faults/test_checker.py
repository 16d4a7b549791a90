"""A checker that finds nothing has proved nothing: every violation is planted once, and must be found."""

import ast
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from schemas.ids import task_id_text
from schemas.lifecycle import LIFECYCLE, State
from tasks_service.ledger.ledger import Ledger
from tests.faults.check_history import EDGES, ENDS
from tests.faults.checker import figures, violations
from tests.faults.dump import dump
from tests.faults.good_record import CANARY, FILM, NOON, PARKED, PICTURE, REFUSED, RETRIED, at, good_record
from tests.faults.record import File, Record, Row, load, uuid_text

Plant = Callable[[Record], Any]


def task(record: Record, task_id: str) -> dict[str, str | None]:
    return next(row for row in record.tables["task"] if row["id"] == task_id)


def spend(record: Record, task_id: str, attempt: int = 1) -> dict[str, str | None]:
    rows = record.tables["spend"]
    return next(row for row in rows if (row["task_id"], row["attempt"]) == (task_id, str(attempt)))


def events(record: Record, task_id: str) -> list[dict[str, str | None]]:
    return [row for row in record.tables["task_event"] if row["task_id"] == task_id]


def creation(record: Record, task_id: str, **changes: Any) -> dict[str, Any]:
    prompt = f"a boat {task_id}"
    return next(one for one in record.creations if one["prompt"] == prompt) | changes


def arrival(record: Record, task_id: str, **changes: Any) -> dict[str, Any]:
    return next(one for one in record.arrivals if one["prompt"] == f"a boat {task_id}") | changes


def without(record: Record, table: str, task_id: str) -> None:
    record.tables[table] = [row for row in record.tables[table] if row["task_id"] != task_id]


def op(record: Record, task_id: str) -> dict[str, Any]:
    return next(one for one in record.history if one["key"] == f"key-{task_id}" and one["outcome"] == "ok")


def key_of(record: Record, task_id: str) -> str:
    return next(str(row["key"]) for row in record.tables["artifact"] if row["task_id"] == task_id)


def said_too_late(record: Record) -> None:
    """That nothing had been made, after it had been asked for again."""
    record.arrivals.append(arrival(record, FILM))
    note: Row = {"task_id": FILM, "type": "decision", "reason": "not_created", "at": at(3)}
    record.tables["task_note"].append(note)


def nameless(record: Record) -> None:
    """Denied, at an upstream that notes no reference, and made all the same."""
    spend(record, FILM).update(outcome="not_created", upstream_id=None)


PLANTS: list[tuple[str, Plant]] = [
    ("lost", lambda r: r.tables["task"].remove(task(r, FILM))),
    ("key_answered_twice", lambda r: r.history.append(op(r, FILM) | {"id": task_id_text(UUID(PICTURE))})),
    ("key_not_kept", lambda r: r.tables["idempotency_key"].pop(0)),
    ("asked_once_kept_twice", lambda r: r.tables["task"].append(task(r, FILM) | {"id": str(UUID(int=9))})),
    ("nobody_asked", lambda r: task(r, PARKED).update(request='{"prompt": "a submarine", "model": "x"}')),
    ("refused_and_kept", lambda r: op(r, FILM).update(outcome="fail", status=422)),
    ("never_answered", lambda r: op(r, FILM).update(outcome="info", id=None)),
    ("no_beginning", lambda r: events(r, PARKED)[0].update(to_state="queued")),
    ("gap_in_history", lambda r: r.tables["task_event"].remove(events(r, FILM)[2])),
    ("illegal_move", lambda r: events(r, FILM)[2].update(to_state="submitted")),
    ("broken_chain", lambda r: events(r, FILM)[3].update(from_state="queued")),
    ("row_without_history", lambda r: task(r, FILM).update(state="done")),
    ("row_without_history", lambda r: task(r, FILM).update(seq="6")),
    ("history_of_nothing", lambda r: events(r, PARKED)[0].update(task_id=str(UUID(int=9)))),
    ("time_ran_backwards", lambda r: events(r, FILM)[1].update(at=at(60))),
    ("time_ran_backwards", lambda r: task(r, FILM).update(running_at=at(60))),
    ("time_ran_backwards", lambda r: spend(r, FILM).update(settled_at=at(0))),
    ("live_and_never_due", lambda r: task(r, PARKED).update(due_at=None)),
    ("ended_and_due", lambda r: task(r, FILM).update(due_at=at(60))),
    ("unfinished", lambda r: task(r, PARKED).update(parked=None, parked_at=None)),
    ("parked_without_reason", lambda r: without(r, "task_note", PARKED)),
    ("failed_without_kind", lambda r: task(r, REFUSED).update(failure_kind=None)),
    ("live_work_miscounted", lambda r: r.tables["live_work"][0].update(live="2")),
    ("live_work_miscounted", lambda r: r.tables["live_work"].clear()),
    ("request_changed", lambda r: op(r, FILM).update(model="sora-2-pro")),
    ("doubled", lambda r: r.creations.append(creation(r, FILM, id="video_9"))),
    ("doubled", lambda r: r.creations.append(creation(r, RETRIED, id="sj_9", reference=None))),
    ("reference_used_twice", lambda r: r.creations.append(creation(r, PICTURE, id="sj_9", prompt="other"))),
    ("sent_twice", lambda r: r.arrivals.append(arrival(r, FILM))),
    ("sent_twice", lambda r: [one.update(refused=False) for one in r.arrivals]),
    ("sent_twice", said_too_late),
    ("two_possible_spends", lambda r: spend(r, RETRIED).update(outcome="unknown")),
    ("gap_in_attempts", lambda r: r.tables["spend"].remove(spend(r, RETRIED))),
    ("wrongly_declared", nameless),
    ("wrongly_declared", lambda r: spend(r, PICTURE).update(outcome="not_created")),
    ("wrongly_declared", lambda r: spend(r, RETRIED, 2).update(intended_at=at(2.5))),
    ("invented", lambda r: spend(r, FILM).update(upstream_id="video_of_nobody")),
    ("somebody_elses", lambda r: spend(r, FILM).update(upstream_id="sj_2")),
    ("made_for_nobody", lambda r: r.creations.append(creation(r, FILM, id="video_9", prompt="a raft"))),
    ("paid_before_intended", lambda r: spend(r, FILM).update(intended_at=at(2.5))),
    ("spend_disagrees", lambda r: task(r, FILM).update(spend="none")),
    ("unpaid_upstream_id", lambda r: task(r, FILM).update(upstream_id="video_7")),
    ("upstream_id_shared", lambda r: task(r, FILM).update(upstream_id="sj_2")),
    ("unknown_called_over", lambda r: task(r, REFUSED).update(spend="unknown")),
    ("unknown_forgotten", lambda r: task(r, PARKED).update(parked=None, due_at=at(1_000_000))),
    ("downloaded_without_files", lambda r: without(r, "artifact", FILM)),
    ("downloaded_from_nowhere", lambda r: task(r, FILM).update(upstream_id=None)),
    ("results_missing", lambda r: r.creations[0].update(work={"count": 2})),
    ("file_missing", lambda r: r.artifacts.clear()),
    ("file_differs", lambda r: r.artifacts.update({key_of(r, FILM): File(3, "0" * 64)})),
    ("not_what_was_made", lambda r: r.made.update({"video_1-0": File(3, "0" * 64)})),
    ("failed_although_made", lambda r: task(r, FILM).update(state="failed", failure_kind="unknown")),
    ("success_invented", lambda r: r.creations[0].update(behaviour="end=content")),
    ("finished_too_early", lambda r: r.creations[0].update(behaviour="queue=60")),
    ("secret_leaked", lambda r: r.texts.update({"worker.log": f"sent with {CANARY}".encode()})),
    ("signed_link_kept", lambda r: r.texts.update({"worker.log": b"/files/sj_0123456789abcdef.0.17." + b"ab" * 16})),
]  # fmt: skip


def test_a_good_record_has_no_violation():
    assert violations(good_record()) == []


@pytest.mark.parametrize(("name", "plant"), PLANTS, ids=[f"{n}-{name}" for n, (name, _) in enumerate(PLANTS)])
def test_a_planted_violation_is_found(name: str, plant: Plant):
    record = good_record()
    plant(record)

    assert name in {violation.name for violation in violations(record)}


@pytest.mark.parametrize(("kind", "reason"), [("note", "never_arrived"), ("decision", "not_created")])
def test_a_second_request_behind_a_proof_is_no_violation(kind: str, reason: str):
    record = good_record()
    record.arrivals.append(arrival(record, FILM, at=NOON.timestamp() + 3))
    record.tables["task_note"].append({"task_id": FILM, "type": kind, "reason": reason, "at": at(2)})

    assert violations(record) == []


def test_every_violation_that_can_be_said_has_been_planted():
    sources = Path(__file__).parent.glob("check_*.py")
    calls = [
        node
        for path in sources
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
    ]
    said = {
        node.args[0].value
        for node in calls
        if isinstance(node.func, ast.Name) and node.func.id == "Violation" and isinstance(node.args[0], ast.Constant)
    }  # fmt: skip

    assert said == {name for name, _ in PLANTS}
    assert len(said) >= 20


def test_the_checker_knows_nothing_of_the_code_under_test():
    ours = {
        "checker",
        "record",
        "violation",
        *(path.stem for path in Path(__file__).parent.glob("check_*.py")),
    }
    for name in ours:
        tree = ast.parse((Path(__file__).parent / f"{name}.py").read_text())
        froms = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        plain = {
            alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
        }
        foreign = {
            module for module in froms | plain if module.partition(".")[0] not in sys.stdlib_module_names
        }
        allowed = {"tests.faults"} | {f"tests.faults.{one}" for one in ours}
        assert foreign <= allowed, name


def test_the_checkers_own_edges_are_those_of_the_service():
    """Two copies on purpose; here they are held side by side."""
    assert {(str(origin), str(to)) for origin, ends in LIFECYCLE.items() for to in ends} == EDGES
    assert {str(state) for state in State if state.final} == ENDS


def test_public_ids_are_read_as_the_service_writes_them():
    for task_id in (FILM, PARKED, str(UUID(int=(1 << 128) - 1))):
        assert uuid_text(task_id_text(UUID(task_id))) == task_id


def test_lag_is_measured_from_the_readiness_at_the_upstream():
    record = good_record()

    told = figures(record)

    assert told["acked"] == told["stored"] == 5
    assert told["parked"] == {"outcome_unknown": 1}
    assert told["lag_s"] == {"p50": 6.7, "p95": 6.7, "p99": 6.7, "of": 3}


async def test_a_dump_of_a_real_ledger_is_read_back(ledger: Ledger, dsn: str, tmp_path: Path):
    await ledger.keys.new("acme")
    await dump(dsn, tmp_path / "tables")
    (tmp_path / "studio").mkdir()
    (tmp_path / "studio" / "ledger.jsonl").write_text("")
    (tmp_path / "history.jsonl").write_text("")

    record = load(tmp_path, (CANARY,))

    assert {"task", "task_event", "spend", "artifact", "task_note", "live_work"} <= record.tables.keys()
    assert record.tables["account"][0]["name"] == "acme"
    assert record.tables["api_key"][0]["revoked_at"] is None
    assert violations(record) == []
