"""How a task gets in: replayed, looked up, checked, opened, rung for. Nothing is spent here."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from schemas.capabilities import Model
from schemas.fingerprint import by_bytes, canonical, fingerprint
from schemas.ids import task_id_text
from schemas.pictures import GivenPicture
from schemas.providers import CATALOGUE, PROVIDERS
from schemas.quote import Estimate, estimate
from schemas.refusals import (
    IdempotencyKeyReused,
    ModelRetired,
    ModelUnknown,
    Overloaded,
    Refusal,
    UnacceptableParameters,
    problem,
)
from schemas.routes import Route
from schemas.rules import (
    CHECKS,
    Violation,
    check,
    ending,
    judge,
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
from tasks_service.pictures.vetting import Vetted, Vetting, restated
from tasks_service.twins import duplicate

CHECKED = CHECKS
_ABOUT_MODELS: Mapping[str, type[Refusal]] = MappingProxyType(
    {"model_unknown": ModelUnknown, "model_retired": ModelRetired}
)


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
    estimate: Estimate | None = None
    warnings: tuple[str, ...] = ()


class Admission:
    """The submit use-case."""

    def __init__(
        self,
        ledger: Ledger,
        doorbell: Doorbell,
        routes: Iterable[Route],
        vetting: Vetting,
        *,
        window: timedelta = timedelta(0),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ):
        self.offers = offers(routes)
        self._models = {name: offer.model for name, offer in self.offers.items()}
        self._ledger = ledger
        self._doorbell = doorbell
        self._vetting = vetting
        self._window = window
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

    async def quote(self, request: TaskRequest, caller: Caller) -> Quote:
        """The same checks, images and all, and nothing is written or kept. Raises Overloaded."""
        wrong, offer = self.judge(request), self.offers.get(request.model)
        if offer is None:
            return Quote(tuple(wrong))
        filled = with_defaults(request, offer.model)
        if not wrong:
            _, wrong = await self._look(filled, offer.model, caller)
        price = None if wrong else estimate(filled, offer.model)
        end = ending(offer.model, self._now().date())
        return Quote(tuple(wrong), not_checked(filled, offer.model), price, (end,) if end else ())

    def judge(self, request: TaskRequest) -> list[Violation]:
        """Everything that is wrong with a request before its images are looked at."""
        return judge(request, self._models, self._now().date())

    async def _admit(self, request: TaskRequest, caller: Caller, key: str | None, again: bool) -> Admitted:
        digest = request_sha256(request)
        # Before the rules: an answer once given must not change when the catalogue does.
        if key is not None and (known := await self._ledger.tasks.by_key(caller.account_id, key)):
            return await self._replay(known, request, digest)
        if wrong := self.judge(request):
            raise _unacceptable(wrong)
        offer = self.offers[request.model]
        filled = with_defaults(request, offer.model)
        # Images cost more to look at, so only where all else passes.
        vetted, wrong = await self._look(filled, offer.model, caller)
        if wrong:
            raise _unacceptable(wrong)
        kept, pictures = await self._vetting.keep(filled, vetted, caller.account_id)
        new = _new(kept, pictures, offer, caller, digest)
        if again and request.allow_duplicate and (task := await self._first_try(new)):
            return Admitted(task, replayed=True)
        await reached("accept.before")
        try:
            task = await self._ledger.tasks.open(new, caller.actor, key, self._window)
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

    async def _look(
        self, filled: TaskRequest, model: Model, caller: Caller
    ) -> tuple[Vetted, list[Violation]]:
        """What is wrong with the images of a request that passes all rules."""
        vetted = await self._vetting.vet(filled, caller.account_id, model)
        return vetted, [*vetted.violations, *check(filled, model, vetted.pictures)]

    async def _replay(self, task_id: UUID, request: TaskRequest, digest: bytes) -> Admitted:
        task = await self._known(task_id)
        if task.request_sha256 == digest:
            return Admitted(task, replayed=True)
        offer = self.offers.get(request.model)
        filled = with_defaults(request, offer.model) if offer else request
        named = restated(filled, task)
        kept, asked = (by_bytes(one.model_dump(mode="json")) for one in (task.request, named))
        differs = differences(kept, asked)
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
        raise duplicate(task, self._now())

    async def _first_try(self, new: NewTask) -> Task | None:
        """What a library's repetition repeats, where a duplicate is allowed and so no guard would stop it."""
        twin = await self._ledger.work.twin(new.account_id, new.fingerprint, self._window)
        task = await self._known(twin) if twin else None
        return task if task and task.request_sha256 == new.request_sha256 else None

    async def _known(self, task_id: UUID) -> Task:
        task = await self._ledger.tasks.get(task_id)
        assert task is not None, "guards point at tasks, and tasks are never deleted"
        return task


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
    return hashlib.sha256(canonical(by_bytes(request.model_dump(mode="json", exclude_none=True)))).digest()


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


def _new(
    request: TaskRequest, pictures: tuple[GivenPicture, ...], offer: Offer, caller: Caller, digest: bytes
) -> NewTask:
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
        catalogue=CATALOGUE,
        pictures=pictures,
    )


def _unacceptable(wrong: list[Violation]) -> Refusal:
    """What is wrong with the model itself gives the refusal its name."""
    detail = " ".join(dict.fromkeys(violation.detail for violation in wrong[:5]))
    members: dict[str, Any] = {"problems": [problem(found) for found in wrong]}
    kind = _ABOUT_MODELS.get(wrong[0].code, UnacceptableParameters)
    return kind(
        detail, members=members if kind is UnacceptableParameters else members | {"nearest": wrong[0].nearest}
    )
