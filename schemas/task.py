"""A task on its way in, in the ledger, and on its way out."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from schemas.capabilities import Kind, Role
from schemas.failures import Failure
from schemas.lifecycle import Parked, Spend, State
from schemas.pictures import GivenPicture

Words = Annotated[str, Field(max_length=64)]

# Whatever a model takes, a request must stay something that can be listed and compared.
MOST_PROMPT = 65_536
MOST_OPTIONS_BYTES = 64 << 10

# Whole groups of four, so that what was accepted can always be decoded.
_INLINE = (
    r"^data:image/[a-z0-9.+-]{1,40};base64,"
    r"([A-Za-z0-9+/]{4})+([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
)


class ReferenceImage(BaseModel):
    """An image that the result should follow: by address, inline as a `data:` URI, or uploaded before.

    A `file_id` names the bytes themselves (SHA-256), so what was vetted under it cannot become another image.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    role: Annotated[Role, Field(strict=False)] = Role.REFERENCE
    url: str | None = Field(default=None, pattern=r"^https?://[^\s]+$", max_length=4096)
    data: str | None = Field(default=None, pattern=_INLINE)
    file_id: str | None = Field(default=None, pattern=r"^file_[0-9a-f]{64}$")

    @model_validator(mode="after")
    def _one_source(self) -> "ReferenceImage":
        if sum(source is not None for source in (self.url, self.data, self.file_id)) != 1:
            raise ValueError("must have exactly one of url, data and file_id")
        return self


def _small(options: dict[str, Any]) -> dict[str, Any]:
    if (
        options
        and len(json.dumps(options, separators=(",", ":"), ensure_ascii=False).encode()) > MOST_OPTIONS_BYTES
    ):
        raise ValueError(f"has more than {MOST_OPTIONS_BYTES} bytes of JSON")
    return options


class TaskRequest(BaseModel):
    """What a customer asks for; what the model does not take is refused, never dropped."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    model: str = Field(min_length=1, max_length=128)
    prompt: str = Field(default="", max_length=MOST_PROMPT)
    negative_prompt: str | None = Field(default=None, max_length=MOST_PROMPT)
    ratio: Words | None = None
    resolution: Words | None = None
    size: Words | None = None
    duration_s: float | None = None
    fps: int | None = None
    n: int | None = None
    seed: int | None = None
    audio: bool | None = None
    watermark: bool | None = None
    reference_images: tuple[ReferenceImage, ...] = Field(default=(), max_length=64)
    external_id: str | None = Field(default=None, min_length=1, max_length=255)
    metadata: dict[
        Annotated[str, Field(min_length=1, max_length=64)], Annotated[str, Field(max_length=512)]
    ] = Field(default_factory=dict, max_length=32)
    options: Annotated[dict[str, Any], AfterValidator(_small)] = Field(default_factory=dict, max_length=32)
    callback_url: str | None = Field(default=None, max_length=2048)
    allow_duplicate: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """One row of the ledger. `claim` counts the leases: only the latest holder may write."""

    id: UUID
    account_id: int
    account: str
    key_id: str
    state: State
    seq: int
    claim: int
    due_at: datetime | None
    model: str
    kind: Kind
    provider: str
    route: str
    endpoint: str
    request: TaskRequest
    request_sha256: bytes
    checked: tuple[str, ...]
    not_checked: tuple[str, ...]
    spend: Spend
    attempt: int
    upstream_id: str | None
    progress: int | None
    parked: Parked | None
    parked_at: datetime | None
    cancel_requested_at: datetime | None
    failure: Failure | None
    external_id: str | None
    duplicate_allowed: bool
    created_at: datetime
    queued_at: datetime | None
    running_at: datetime | None
    finished_at: datetime | None
    downloaded_at: datetime | None
    result_expires_at: datetime | None = None  # until when the upstream keeps the files
    catalogue: str | None = None  # the state of the models' tables that it was checked by
    pictures: tuple[GivenPicture, ...] = ()
    erased_at: datetime | None = None  # since when the request is nothing but the model's name
    failure_group: str | None = None  # the same trouble has the same; see schemas/failure_groups.py
    # Ours, where they were read together with the task. A task is the same with and without them.
    files: "tuple[Artifact, ...] | None" = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Claimed:
    """What whoever watches a task has to know of it between two looks; what a worker watches is thousands.

    Each field is what `Task` calls so, except the last three.
    """

    id: UUID
    state: State
    seq: int
    claim: int
    model: str
    provider: str
    route: str
    endpoint: str
    spend: Spend
    attempt: int
    upstream_id: str | None
    progress: int | None
    parked: Parked | None
    cancel_requested: bool
    upstream_since: datetime  # since when its upstream has it
    state_since: datetime


@dataclass(frozen=True, slots=True)
class Artifact:
    """A result file that is ours. Sides in pixels; `key` is its place in the store."""

    n: int
    key: str
    type: str
    bytes: int
    sha256: str
    width: int | None
    height: int | None
    duration_s: float | None
