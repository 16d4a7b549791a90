"""The words that a provider file may use: what it asks, what comes back, and what that means.

A flow is a generator: it yields an `Ask`, is sent the `Reply`, and returns an `Observation`. It holds no
network, no clock and no retry; the driver has those once for all providers.
"""

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any
from urllib.parse import quote

from schemas.capabilities import Model
from schemas.failures import MEANINGS, Answer, Failure, FailureKind
from schemas.lifecycle import Spend, State
from schemas.reading import Given, read
from schemas.task import TaskRequest

_LONGEST_WAIT_S = 300.0
_LONGEST_ID = 255
# More than is stored, so that secrets are taken out before the cut and none is cut in half.
_LONGEST_WORDS = 8000


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a multipart form."""

    name: str
    filename: str
    type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Ask:
    """One request to the upstream; `path` follows the route's base URL. `spends` marks the paid one."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    json: Any = None
    form: Mapping[str, str] | None = None
    parts: tuple[Part, ...] = ()
    spends: bool = False


@dataclass(frozen=True)
class Reply:
    """What came back. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the status says success; the body may still say otherwise."""
        return 200 <= self.status < 300

    @cached_property
    def json(self) -> Any:
        """The body as JSON, or None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def at(self, *path: str) -> Any:
        """The value at a path of names in the JSON body, or None."""
        value = self.json
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return value

    def text(self, *path: str) -> str | None:
        """The value at a path where it is a text that is not empty."""
        value = self.at(*path)
        return value if isinstance(value, str) and value else None

    @property
    def request_id(self) -> str | None:
        """The upstream's own id of the exchange, under the names that vendors use."""
        names = (
            "x-request-id",
            "x-oneapi-request-id",
            "x-rixapi-request-id",
            "request-id",
            "x-tt-logid",
            "cf-ray",
        )
        return next((self.headers[name] for name in names if name in self.headers), None)

    @property
    def retry_after_s(self) -> float | None:
        """Seconds that the upstream asks us to wait, if it says so in seconds; five minutes at most."""
        value = self.headers.get("retry-after", "")
        if not value.isascii() or not value.isdigit():
            return None
        return float(value) if len(value) < 4 and int(value) < _LONGEST_WAIT_S else _LONGEST_WAIT_S


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A result at the upstream: an address, or a path on the route that needs the route's credential."""

    url: str
    authenticated: bool = False
    type: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """What an exchange taught us. `state` None means: not understood, look again later."""

    state: State | None = None
    spend: Spend = Spend.UNKNOWN  # of a submission: confirmed, not_created or unknown
    upstream_id: str | None = None
    status: str | None = None  # the upstream's own word
    progress: int | None = None
    files: tuple[RemoteFile, ...] = ()
    failure: Failure | None = None
    retry_after_s: float | None = None
    # The upstream refused a submission because our reference stands for something there already.
    reference_taken: bool = False


Flow = Generator[Ask, Reply, Observation]


@dataclass(frozen=True, slots=True)
class Submission:
    """Everything that a provider needs to make its paid request. `reference` is ours, one per task."""

    request: TaskRequest
    model: Model
    reference: str
    callback_url: str | None = field(default=None, repr=False)  # where it may ring; not the customer's


@dataclass(frozen=True, slots=True)
class Job:
    """A task as its upstream knows it: its id there, and the endpoint that took it.

    The endpoint is what `Provider.endpoint` says, and empty where ids are known everywhere at the provider.
    """

    id: str
    endpoint: str = ""


@dataclass(frozen=True, slots=True)
class Lost:
    """A submission whose answer never came: what was asked, under which reference, when at the earliest."""

    request: TaskRequest
    model: Model
    reference: str
    sent_at: datetime


class Recovery(StrEnum):
    """How a lost submission can be found again at this provider; each file cites its source."""

    IDEMPOTENCY_KEY = "idempotency_key"  # the same reference again creates nothing new
    LOOKUP_BY_REFERENCE = "lookup_by_reference"  # asked by our reference; a clear no is worth something
    LIST_RECENT = "list_recent"  # can be found in a list; not being there proves nothing
    NONE = "none"


def part(text: str) -> str:
    """An id as one part of a path, whatever letters an upstream put into it."""
    return quote(text, safe="")


def bearer(credential: str, ask: Ask, now: datetime) -> Mapping[str, str]:
    """The usual way to sign: `Authorization: Bearer`."""
    return {"authorization": f"Bearer {credential}"}


def anywhere(request: TaskRequest) -> str:
    """The endpoint of a provider whose ids are known everywhere."""
    return ""


@dataclass(frozen=True, slots=True)
class Provider:
    """A dialect: three tables (models, states, failures) and its flows.

    `lookup` is there where `recovery` is a look-up or a list. It answers with spend `confirmed` and the id,
    with `not_created` where the upstream clearly says that it has no such reference, else with `unknown`.
    """

    name: str
    models: tuple[Model, ...]
    states: Mapping[str, State]
    failures: Mapping[str, FailureKind]
    submit: Callable[[Submission], Flow]
    poll: Callable[[Job], Flow]
    cancel: Callable[[Job], Flow] | None = None
    recovery: Recovery = Recovery.NONE
    recovery_window_s: float = 3600  # how long after a submission that can be relied on
    lookup: Callable[[Lost], Flow] | None = None
    # How long after a request could last have left a clear "no such reference" proves that it never arrived.
    absent_after_s: float | None = None
    result_life_s: float | None = None  # how long results stay, where the answer itself does not say
    calls_back: bool = False  # whether its request can name an address to ring at when something changes
    endpoint: Callable[[TaskRequest], str] = anywhere
    sign: Callable[[str, Ask, datetime], Mapping[str, str]] = bearer


def accepted(reply: Reply, upstream_id: str | None, status: str | None, state: State | None) -> Observation:
    """The answer to a paid request: without an id that can be kept nobody knows what was bought."""
    if not upstream_id or len(upstream_id) > _LONGEST_ID or not upstream_id.isprintable():
        return unclear(reply)
    return Observation(state or State.QUEUED, Spend.CONFIRMED, upstream_id, status)


def refused(reply: Reply, failure: Failure) -> Observation:
    """A clear no to a paid request: certain that nothing was created."""
    return Observation(State.FAILED, Spend.NOT_CREATED, failure=failure, retry_after_s=reply.retry_after_s)


def unclear(reply: Reply, failure: Failure | None = None) -> Observation:
    """An answer to a paid request that proves neither yes nor no."""
    return Observation(
        None, Spend.UNKNOWN, failure=failure or _bare(reply), retry_after_s=reply.retry_after_s
    )


def unread(reply: Reply, status: str | None = None, kind: FailureKind | None = None) -> Observation:
    """A look that taught us nothing about the task: an error of the call itself, or an unknown word.

    `kind` is what the provider's own code means; without one the status decides, and `task_not_found` only
    where the answer is JSON: a page that was not found is a wrong address, not a lost task.
    """
    failure = _bare(reply, kind or _of_the_call(reply))
    return Observation(
        None, Spend.CONFIRMED, status=status, failure=failure, retry_after_s=reply.retry_after_s
    )


def absent(reply: Reply) -> Observation:
    """A look-up that was answered with a clear no: the upstream has nothing under our reference."""
    return Observation(None, Spend.NOT_CREATED, failure=_bare(reply, FailureKind.TASK_NOT_FOUND))


def failure_from(
    reply: Reply, kinds: Mapping[str, FailureKind], code: str | None, words: str | None
) -> Failure:
    """A failure by the provider's own code; what its table does not hold, the reader of errors may know."""
    message = words or reply.body[:_LONGEST_WORDS].decode("utf-8", "replace")
    kind = kinds.get(code or "") or _read(message, reply)
    return Failure(kind, message, code, reply.status, reply.request_id)


def _read(message: str, reply: Reply) -> FailureKind:
    """What an error's own words say, as far as neither money nor a machine follows them.

    Only a provider's table makes us send again, or says of an accepted task that it was not charged.
    """
    kind = read(Given(status=reply.status, body=message)).kind
    meaning = MEANINGS[kind]
    decides = meaning.transient or (reply.ok and meaning.spent is Answer.NO)
    return FailureKind.UNKNOWN if decides else kind


_CALL_TROUBLES = {
    401: FailureKind.AUTH_INVALID,
    403: FailureKind.PERMISSION_DENIED,
    404: FailureKind.TASK_NOT_FOUND,
    410: FailureKind.TASK_NOT_FOUND,
    429: FailureKind.RATE_LIMITED,
    503: FailureKind.UPSTREAM_OVERLOADED,
}


def _of_the_call(reply: Reply) -> FailureKind:
    kind = _CALL_TROUBLES.get(reply.status, FailureKind.UNKNOWN)
    if kind is FailureKind.TASK_NOT_FOUND and not isinstance(reply.json, dict):
        return FailureKind.UNKNOWN
    if kind is FailureKind.UNKNOWN and reply.status >= 500:
        return FailureKind.UPSTREAM_INTERNAL
    return kind


def _bare(reply: Reply, kind: FailureKind = FailureKind.UNKNOWN) -> Failure:
    return Failure(
        kind,
        reply.body[:_LONGEST_WORDS].decode("utf-8", "replace"),
        None,
        reply.status,
        reply.request_id,
    )
