"""A task that is not in the ledger yet: what makes it, and its values as `open` takes them."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from uuid_utils.compat import uuid7

from schemas.capabilities import Kind
from schemas.lifecycle import FIRST, Spend
from schemas.pictures import GivenPicture
from schemas.task import Task, TaskRequest


@dataclass(frozen=True, slots=True)
class NewTask:
    """Everything that makes a task; the request has its defaults filled in."""

    id: UUID
    account_id: int
    key_id: str
    model: str
    kind: Kind
    provider: str
    route: str
    request: TaskRequest
    request_sha256: bytes
    fingerprint: bytes
    checked: tuple[str, ...]
    not_checked: tuple[str, ...]
    endpoint: str = ""
    pictures: tuple[GivenPicture, ...] = ()
    catalogue: str | None = None
    request_id: str | None = None


COLUMNS = (
    "ids",
    "account_ids",
    "key_ids",
    "actors",
    "models",
    "kinds",
    "providers",
    "routes",
    "endpoints",
    "requests",
    "request_sha256s",
    "fingerprints",
    "checkeds",
    "not_checkeds",
    "duplicates_allowed",
    "external_ids",
    "metadatas",
    "pictures",
    "catalogues",
    "request_ids",
    "idempotency_keys",
    "note_ids",
)
REQUEST = COLUMNS.index("requests")


def values_of(new: NewTask, actor: str, key: str | None) -> tuple[Any, ...]:
    """A task's values in the order of the columns; what has parts is text: arrays of arrays go flat."""
    return (
        new.id,
        new.account_id,
        new.key_id,
        actor,
        new.model,
        new.kind.value,
        new.provider,
        new.route,
        new.endpoint,
        new.request.model_dump_json(exclude_none=True),
        new.request_sha256,
        new.fingerprint,
        _array(new.checked),
        _array(new.not_checked),
        new.request.allow_duplicate,
        new.request.external_id,
        orjson.dumps(new.request.metadata).decode(),
        orjson.dumps(new.pictures).decode(),
        new.catalogue,
        new.request_id,
        key,
        uuid7(),
    )


@lru_cache(maxsize=1024)
def _array(words: tuple[str, ...]) -> str:
    """As PostgreSQL writes an array of text."""
    escaped = (word.replace("\\", "\\\\").replace('"', '\\"') for word in words)
    return "{" + ",".join(f'"{word}"' for word in escaped) + "}"


def opened(new: NewTask, now: datetime, account: str) -> Task:
    """The task as its row would be read back; reading it would cost as much as all the rest."""
    return Task(
        id=new.id,
        account_id=new.account_id,
        account=account,
        key_id=new.key_id,
        state=FIRST,
        seq=1,
        claim=0,
        due_at=now,
        model=new.model,
        kind=new.kind,
        provider=new.provider,
        route=new.route,
        endpoint=new.endpoint,
        request=new.request,
        request_sha256=new.request_sha256,
        checked=new.checked,
        not_checked=new.not_checked,
        spend=Spend.NONE,
        attempt=0,
        upstream_id=None,
        progress=None,
        parked=None,
        parked_at=None,
        cancel_requested_at=None,
        failure=None,
        external_id=new.request.external_id,
        duplicate_allowed=new.request.allow_duplicate,
        created_at=now,
        queued_at=None,
        running_at=None,
        finished_at=None,
        downloaded_at=None,
        catalogue=new.catalogue,
        pictures=new.pictures,
    )
