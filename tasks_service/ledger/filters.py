"""What a list of tasks can be narrowed to."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Filters:
    """What a page of tasks is narrowed to; None means: all."""

    account_id: int | None = None
    account: str | None = None
    states: list[str] | None = None
    model: str | None = None
    kind: str | None = None
    key_id: str | None = None
    upstream_id: str | None = None
    external_id: str | None = None
    failure_kind: str | None = None
    parked: list[str] | None = None
    metadata: dict[str, str] | None = None
    words: list[str] | None = None  # patterns for ILIKE: the prompt has all of them, or the failure has
    ids: list[UUID] | None = None
    id_from: UUID | None = None
    id_until: UUID | None = None
    created_from: datetime | None = None
    created_until: datetime | None = None
