"""A small run in which every promise was kept, for the checker to be tried on."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from schemas.ids import task_id_text
from tests.faults.record import File, Record, Row

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
FILM, PICTURE, REFUSED, PARKED, RETRIED = (
    str(UUID(int=(0x019A << 112) | number)) for number in (1, 2, 3, 4, 5)
)
CANARY = "studio-key-that-nobody-may-see"
_CONTENT = b"the bytes of a film"
_TABLES = ("task", "task_event", "task_note", "spend", "artifact", "idempotency_key", "live_work")
_WAY = ("submitted", "queued", "running", "done", "downloaded")


def good_record() -> Record:
    """Two downloads, a refusal, one whose outcome nobody knows, and one that was refused and then made."""
    record = Record([], {name: [] for name in _TABLES}, [], canaries=(CANARY,))
    record.texts = {"worker.log": b'{"event": "worker_ready"}', "tables/task.csv": b"id,state"}
    _made(record, FILM, "video_1", reference=None)
    _made(record, PICTURE, "sj_2", reference=task_id_text(UUID(PICTURE)))
    _accepted(record, REFUSED, "failed", spend="not_created", failure_kind="content_policy_input")
    _moved(record, REFUSED, ("submitted", "failed"))
    _spent(record, REFUSED, 1, "not_created")
    _accepted(record, PARKED, "submitted", spend="unknown", parked="outcome_unknown", parked_at=at(5))
    _moved(record, PARKED, ("submitted",))
    _spent(record, PARKED, 1, "unknown")
    record.tables["task_note"].append(
        {"task_id": PARKED, "type": "parked", "reason": "outcome_unknown", "at": at(5)}
    )
    _made(record, RETRIED, "sj_5", reference=task_id_text(UUID(RETRIED)), attempt=2)
    record.history.insert(0, record.history[0] | {"outcome": "info", "id": None})
    return record


def at(seconds: float) -> str:
    """A moment of the run, as PostgreSQL writes it."""
    return str(NOON + timedelta(seconds=seconds)).replace("+00:00", "+00")


def _made(record: Record, task_id: str, upstream_id: str, reference: str | None, attempt: int = 1) -> None:
    _accepted(record, task_id, "downloaded", spend="confirmed", attempt=str(attempt), upstream_id=upstream_id)
    _moved(record, task_id, _WAY)
    for refused in range(1, attempt):
        _spent(record, task_id, refused, "not_created")
        _asked(record, task_id, reference, refused, refused=True)
    _asked(record, task_id, reference, attempt)
    _spent(record, task_id, attempt, "confirmed", upstream_id=upstream_id)
    digest = hashlib.sha256(_CONTENT).hexdigest()
    key = f"{task_id_text(UUID(task_id))}/0-{digest}.mp4"
    artifact: Row = {"task_id": task_id, "n": "0", "key": key, "bytes": str(len(_CONTENT)), "sha256": digest}
    record.tables["artifact"].append(artifact)
    record.artifacts[key] = record.made[f"{upstream_id}-0"] = File(len(_CONTENT), digest)
    creation: dict[str, Any] = {"id": upstream_id, "at": NOON.timestamp() + 2, "prompt": f"a boat {task_id}"}
    creation |= {"reference": reference, "behaviour": "queue=0.1 run=0.2", "work": {"count": 1}}
    record.creations.append(creation)


def _asked(
    record: Record, task_id: str, reference: str | None, number: int, *, refused: bool = False
) -> None:
    entry: dict[str, Any] = {"reference": reference, "prompt": f"a boat {task_id}", "refused": refused}
    record.arrivals.append(entry | {"at": NOON.timestamp() + 1 + number / 10})


def _accepted(record: Record, task_id: str, state: str, **more: str) -> None:
    prompt = f"a boat {task_id} [sandbox: queue=0.1 run=0.2]"
    moves = len(_WAY) if state == "downloaded" else 2 if state == "failed" else 1
    row: Row = {
        "id": task_id, "account_id": "1", "state": state, "seq": str(moves), "due_at": None, "route": "gateway",
        "provider": "openai_videos", "model": "sora-2", "fingerprint": f"\\x{task_id[-4:]}", "attempt": "1",
        "request": json.dumps({"model": "sora-2", "prompt": prompt}), "upstream_id": None, "parked": None,
        "parked_at": None, "failure_kind": None, "created_at": at(0), "queued_at": None, "running_at": None,
        "finished_at": at(9), "downloaded_at": None,
    }  # fmt: skip
    record.tables["task"].append(row | more)
    if state == "submitted":
        row = record.tables["task"][-1]
        row |= {"due_at": at(300), "finished_at": None}
        live: Row = {"account_id": "1", "fingerprint": row["fingerprint"], "task_id": task_id, "live": "1"}
        record.tables["live_work"].append(live)
    if state == "downloaded":
        record.tables["task"][-1] |= {"queued_at": at(3), "running_at": at(4), "downloaded_at": at(10)}
    record.tables["idempotency_key"].append({"account_id": "1", "key": f"key-{task_id}", "task_id": task_id})
    op = {"key": f"key-{task_id}", "prompt": prompt, "model": "sora-2", "outcome": "ok", "status": 202}
    record.history.append(op | {"id": task_id_text(UUID(task_id)), "began": 0.0, "ended": 0.1})


def _moved(record: Record, task_id: str, states: tuple[str, ...]) -> None:
    for seq, state in enumerate(states, 1):
        before = states[seq - 2] if seq > 1 else None
        event = {"task_id": task_id, "seq": str(seq), "from_state": before, "to_state": state, "at": at(seq)}
        record.tables["task_event"].append(event)


def _spent(record: Record, task_id: str, attempt: int, outcome: str, upstream_id: str | None = None) -> None:
    row: Row = {"task_id": task_id, "attempt": str(attempt), "outcome": outcome, "upstream_id": upstream_id}
    row["reference"] = task_id_text(UUID(task_id))  # the same at every attempt
    record.tables["spend"].append(row | {"intended_at": at(1), "settled_at": at(3)})
