"""How a task gets in: replayed, looked up, checked, opened, rung for. Nothing is spent here."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from schemas.capabilities import Model
from schemas.fingerprint import canonical, fingerprint
from schemas.ids import task_id_text
from schemas.lifecycle import Parked, Spend
from schemas.providers import PROVIDERS
from schemas.refusals import (
    DuplicateTask,
    IdempotencyKeyReused,
    ModelUnknown,
    Overloaded,
    Refusal,
    UnacceptableParameters,
    problem,
)
from schemas.routes import Route
from schemas.rules import (
    RULES,
    Violation,
    check,
    nearest_models,
    not_checked,
    pointer_part,
    with_defaults,
)
from schemas.task import Task, TaskRequest
from tasks_service.doorbell import Doorbell
from tasks_service.failpoints import reached
from tasks_service.ledger.keys import Caller
from tasks_service.ledger.ledger import Ledger
from tasks_service.ledger.tasks import KeyTaken, NewTask, Outrun, WorkTaken
from tasks_service.metrics import ACCEPTED, REFUSED

CHECKED = tuple(rule.__name__ for rule in RULES)


@dataclass(frozen=True, slots=True)
class Offer:
    """A model, and the route that would make it."""

    route: Route
    model: Model


@dataclass(frozen=True, slots=True)
class Admitted:
    """The task of a submission; `replayed` where it stood already."""

    task: Task
    replayed: bool


@dataclass(frozen=True, slots=True)
class Quote:
    """What would be said to a submission."""

    problems: tuple[Violation, ...]
    not_checked: tuple[str, ...] = ()


class Admission:
    """The submit use-case."""

    def __init__(
        self,
        ledger: Ledger,
        doorbell: Doorbell,
        routes: Iterable[Route],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ):
        self.offers = offers(routes)
        self._ledger = ledger
        self._doorbell = doorbell
        self._now = now

    async def admit(
        self, request: TaskRequest, caller: Caller, *, key: str | None = None, again: bool = False
    ) -> Admitted:
        """Accept a task; `again` says that a client's library repeats itself. Raises Refusal."""
        try:
            return await self._admit(request, caller, key, again)
        except Refusal as refusal:
            REFUSED.labels(refusal.code).inc()
            raise

    def quote(self, request: TaskRequest) -> Quote:
        """The same checks, and nothing is written."""
        offer = self.offers.get(request.model)
        if offer is None:
            return Quote((self._unknown(request.model),))
        filled = with_defaults(request, offer.model)
        return Quote(tuple(check(filled, offer.model)), not_checked(filled, offer.model))

    async def _admit(self, request: TaskRequest, caller: Caller, key: str | None, again: bool) -> Admitted:
        digest = request_sha256(request)
        # Before the rules: an answer once given must not change when the catalogue does.
        if key is not None and (known := await self._ledger.tasks.by_key(caller.account_id, key)):
            return await self._replay(known, request, digest)
        offer = self._offer(request.model)
        filled = with_defaults(request, offer.model)
        if wrong := check(filled, offer.model):
            raise _unacceptable(wrong)
        await reached("accept.before")
        try:
            task = await self._ledger.tasks.open(_new(filled, offer, caller, digest), caller.actor, key)
        except KeyTaken as taken:
            return await self._replay(taken.task_id, request, digest)
        except WorkTaken as taken:
            return await self._twin(taken.task_id, digest, again)
        except Outrun as outrun:
            raise Overloaded("Equal tasks came and went too fast.", headers={"Retry-After": "1"}) from outrun
        await reached("accept.committed")
        await self._doorbell.ring("submit")
        ACCEPTED.labels(task.model).inc()
        return Admitted(task, replayed=False)

    async def _replay(self, task_id: UUID, request: TaskRequest, digest: bytes) -> Admitted:
        task = await self._known(task_id)
        if task.request_sha256 == digest:
            return Admitted(task, replayed=True)
        offer = self.offers.get(request.model)
        filled = with_defaults(request, offer.model) if offer else request
        differs = differences(task.request.model_dump(mode="json"), filled.model_dump(mode="json"))
        # Only a default was spelled out, or left out: that is the same request.
        if not differs:
            return Admitted(task, replayed=True)
        detail = (
            f"This Idempotency-Key stands for {task_id_text(task.id)}, which asked for something else. "
            "Send a new key for a new task."
        )
        raise IdempotencyKeyReused(detail, members={"task_id": task_id_text(task.id), "differs": differs})

    async def _twin(self, task_id: UUID, digest: bytes, again: bool) -> Admitted:
        task = await self._known(task_id)
        if again and task.request_sha256 == digest:
            return Admitted(task, replayed=True)
        raise _duplicate(task, max((self._now() - task.created_at).total_seconds(), 0.0))

    async def _known(self, task_id: UUID) -> Task:
        task = await self._ledger.tasks.get(task_id)
        assert task is not None, "guards point at tasks, and tasks are never deleted"
        return task

    def _offer(self, model: str) -> Offer:
        offer = self.offers.get(model)
        if offer is not None:
            return offer
        unknown = self._unknown(model)
        members = {"nearest": unknown.nearest, "problems": [problem(unknown)]}
        raise ModelUnknown(unknown.detail, members=members)

    def _unknown(self, model: str) -> Violation:
        nearest = nearest_models(model, tuple(self.offers))
        hint = f" Did you mean {nearest[0]}?" if nearest else " GET /v1/models lists them."
        detail = f"No route offers a model named {model!r}.{hint}"
        return Violation("/model", "model_unknown", detail, got=model, nearest=nearest)


def offers(routes: Iterable[Route]) -> Mapping[str, Offer]:
    """Every model that a route offers, each on the route of the highest priority."""
    found: dict[str, Offer] = {}
    for route in sorted(routes, key=lambda route: -route.priority):
        for model in PROVIDERS[route.provider].models:
            if route.models is None or model.name in route.models:
                found.setdefault(model.name, Offer(route, model))
    return MappingProxyType(found)


def request_sha256(request: TaskRequest) -> bytes:
    """The digest of what was asked: white space, the order of names, and null for absent do not matter."""
    asked = request.model_dump(mode="json", exclude_none=True)
    for image in asked.get("reference_images", ()):
        if "data" in image:  # megabytes, which cost ten times as much as JSON
            image["data"] = hashlib.sha256(image["data"].encode()).hexdigest()
    return hashlib.sha256(canonical(asked)).digest()


def differences(before: Any, after: Any, pointer: str = "") -> list[str]:
    """Where two JSON values differ, as pointers."""
    if isinstance(before, dict) and isinstance(after, dict):
        names = sorted(before.keys() | after.keys())
        pairs = [(pointer_part(name), before.get(name), after.get(name)) for name in names]
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = [(str(index), *pair) for index, pair in enumerate(zip(before, after, strict=True))]
    else:
        return [] if canonical(before) == canonical(after) else [pointer]
    return [found for part, old, new in pairs for found in differences(old, new, f"{pointer}/{part}")]


def _new(request: TaskRequest, offer: Offer, caller: Caller, digest: bytes) -> NewTask:
    return NewTask(
        id=uuid7(),
        account_id=caller.account_id,
        key_id=caller.key_id,
        model=offer.model.name,
        kind=offer.model.kind,
        provider=offer.route.provider,
        route=offer.route.name,
        request=request,
        request_sha256=digest,
        fingerprint=fingerprint(request),
        checked=CHECKED,
        not_checked=not_checked(request, offer.model),
        endpoint=PROVIDERS[offer.route.provider].endpoint(request),
    )


def _duplicate(task: Task, age_s: float) -> DuplicateTask:
    name = task_id_text(task.id)
    twin = {
        "id": name,
        "state": task.state.value,
        "age_s": round(age_s, 3),
        "created_at": task.created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    same = f"{name}, accepted {age_s:.0f} s ago, asks for the same"
    if task.spend is Spend.UNKNOWN or task.parked is Parked.OUTCOME_UNKNOWN:
        members = {"duplicate_of": twin, "reason": Parked.OUTCOME_UNKNOWN.value, "spend": task.spend.value}
        return DuplicateTask(
            f"{same}, and nobody knows yet what became of it. {_in_doubt(task)}", members=members
        )
    detail = (
        f"{same} and is {task.state.value}. Wait for that one, or send allow_duplicate: true to pay for a "
        "second. For retries, send an Idempotency-Key."
    )
    return DuplicateTask(detail, members={"duplicate_of": twin})


def _in_doubt(task: Task) -> str:
    """Why the same work is refused while an upstream may have been paid for it, and what happens next."""
    next_ = (
        "An operator finds out and decides: it is taken up where it is, sent again or closed."
        if task.parked
        else "We are asking the upstream by ourselves."
    )
    return (
        "Its request was sent, the upstream may have been paid, and its answer did not tell us. "
        f"{next_} Wait for that: allow_duplicate: true could pay for the same work twice."
    )


def _unacceptable(wrong: list[Violation]) -> UnacceptableParameters:
    detail = " ".join(dict.fromkeys(violation.detail for violation in wrong[:5]))
    return UnacceptableParameters(detail, members={"problems": [problem(found) for found in wrong]})
