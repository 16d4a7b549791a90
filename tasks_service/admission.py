"""How a task gets in: replayed, looked up, checked, opened, rung for. Nothing is spent here."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from uuid import UUID

from prometheus_client import Counter
from uuid_utils.compat import uuid7

from schemas.capabilities import Model
from schemas.fingerprint import by_bytes, fingerprint
from schemas.ids import task_id_text
from schemas.providers import CATALOGUE, PROVIDERS
from schemas.quote import Estimate, estimate
from schemas.refusals import (
    IdempotencyKeyReused,
    ModelRetired,
    ModelUnknown,
    Overloaded,
    Refusal,
    UnacceptableParameters,
    unacceptable,
)
from schemas.routes import Route
from schemas.rules import CHECKS, Violation, check, ending, judge, not_checked, with_defaults
from schemas.rules.passing import Passed
from schemas.task import Task, TaskRequest
from tasks_service.comparison import differences, request_sha256
from tasks_service.doorbell import Doorbell
from tasks_service.failpoints import reached
from tasks_service.ledger.keys import Caller
from tasks_service.ledger.ledger import Ledger
from tasks_service.ledger.tasks import KeyTaken, NewTask, Outrun, WorkTaken
from tasks_service.metrics import ACCEPTED, REFUSED
from tasks_service.offers import offers
from tasks_service.pictures.memory import Hold
from tasks_service.pictures.vetting import Vetted, Vetting, as_seen, restated
from tasks_service.twins import duplicate

CHECKED = CHECKS
# Within this a library has given up, whatever its patience is.
_REPEATS_WITHIN = timedelta(hours=1)


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
    replay_of: UUID | None = None


@dataclass(frozen=True, slots=True)
class _Manner:
    """How a submission came: under which key, in which request, and whether a library repeats itself."""

    key: str | None
    again: bool
    request_id: str | None
    hold: Hold


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
        self._ledger = ledger
        self._doorbell = doorbell
        self._vetting = vetting
        self._window = window
        self._now = now

    async def admit(
        self,
        request: TaskRequest,
        caller: Caller,
        *,
        key: str | None = None,
        again: bool = False,
        request_id: str | None = None,
    ) -> Admitted:
        """Accept a task; `again` says that a client's library repeats itself. Raises Refusal."""
        try:
            with self._vetting.hold(caller.account_id) as hold:
                return await self._admit(request, caller, _Manner(key, again, request_id, hold))
        except Refusal as refusal:
            REFUSED.labels(refusal.code).inc()
            raise

    async def quote(
        self, request: TaskRequest, caller: Caller, *, key: str | None = None, guards: bool = True
    ) -> Quote:
        """The same checks, images and all, and nothing is written or kept. Raises Overloaded.

        Without `guards` nobody looks whether the key or the work is taken.
        """
        if guards and key is not None and (known := await self._ledger.tasks.by_key(caller.account_id, key)):
            return await self._quote_of_known(known, request)
        wrong, offer = self.judge(request), self.offers.get(request.model)
        if offer is None:
            return Quote(tuple(wrong))
        filled = with_defaults(request, offer.model)
        if not wrong:
            with self._vetting.hold(caller.account_id) as hold:
                vetted, wrong = await self._look(filled, offer.model, hold)
            if guards and not wrong and (twin := await self._twin_of(as_seen(filled, vetted)[0], caller)):
                wrong = [twin]
        price = None if wrong else estimate(filled, offer.model)
        end = ending(offer.model, self._now().date())
        return Quote(tuple(wrong), not_checked(filled, offer.model), price, warnings=(end,) if end else ())

    def judge(self, request: TaskRequest) -> list[Violation]:
        """Everything that is wrong with a request before its images are looked at."""
        models = {name: offer.model for name, offer in self.offers.items()}
        return judge(request, models, self._now().date())

    async def _quote_of_known(self, task_id: UUID, request: TaskRequest) -> Quote:
        """A request whose key is taken gets that task, or a no; nothing else about it would be looked at."""
        try:
            await self._replay(task_id, request, request_sha256(request))
        except IdempotencyKeyReused as reused:
            return Quote((Violation("", reused.code, reused.detail),))
        return Quote((), replay_of=task_id)

    async def _twin_of(self, seen: TaskRequest, caller: Caller) -> Violation | None:
        if seen.allow_duplicate:
            return None
        found = await self._ledger.work.twin(caller.account_id, fingerprint(seen), self._window)
        if found is None:
            return None
        refusal = duplicate(await self._known(found), self._now())
        return Violation("", refusal.code, refusal.detail)

    async def _admit(self, request: TaskRequest, caller: Caller, manner: "_Manner") -> Admitted:
        digest, key, again = request_sha256(request), manner.key, manner.again
        # `open` finds a known key by itself; it is looked up before only what it would spare or decide.
        first = bool(request.reference_images) or (again and request.allow_duplicate)
        if first and (known := await self._by_key(caller, key)):
            return await self._replay(known, request, digest)
        # Before its images are fetched: what their addresses show by now may be something else.
        if again and (task := await self._repeated(request, caller, digest)):
            return Admitted(task, replayed=True)
        try:
            new = await self._considered(request, caller, digest, manner)
        except (ModelUnknown, ModelRetired, UnacceptableParameters):
            # An answer once given must not change when the catalogue does.
            if known := await self._by_key(caller, key):
                return await self._replay(known, request, digest)
            raise
        if again and request.allow_duplicate and (task := await self._first_try(new)):
            return Admitted(task, replayed=True)
        if again and (task := await self._repeated(request, caller, digest)):
            return Admitted(task, replayed=True)  # the first try came in while we fetched
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
        _accepted(task.model).inc()
        return Admitted(task, replayed=False)

    async def _by_key(self, caller: Caller, key: str | None) -> UUID | None:
        return None if key is None else await self._ledger.tasks.by_key(caller.account_id, key)

    async def _considered(
        self, request: TaskRequest, caller: Caller, digest: bytes, manner: "_Manner"
    ) -> NewTask:
        """The task that would be opened, its images kept. Raises Refusal."""
        passed, offer = self._passed(request), self.offers[request.model]
        # Images cost more to look at, so only where all else passes.
        vetted, wrong = await self._look(passed.request, offer.model, manner.hold)
        if wrong:
            raise unacceptable(wrong)
        kept, pictures = await self._vetting.keep(passed.request, vetted, caller.account_id)
        return NewTask(
            id=uuid7(),
            account_id=caller.account_id,
            key_id=caller.key_id,
            model=offer.model.name,
            kind=offer.model.kind,
            provider=offer.route.provider,
            route=offer.route.name,
            request=kept,
            request_sha256=digest,
            fingerprint=fingerprint(kept),
            checked=CHECKED,
            not_checked=passed.not_checked,
            endpoint=PROVIDERS[offer.route.provider].endpoint(kept),
            catalogue=CATALOGUE,
            pictures=pictures,
            request_id=manner.request_id,
        )

    def _passed(self, request: TaskRequest) -> Passed:
        """The request with its defaults filled in. Raises Refusal where it does not pass."""
        offer = self.offers.get(request.model)
        if offer and (passed := offer.passing.passed(request, self._now().date())):
            return passed
        if wrong := self.judge(request):
            raise unacceptable(wrong)
        model = self.offers[request.model].model
        filled = with_defaults(request, model)
        return Passed(filled, not_checked(filled, model))

    async def _look(self, filled: TaskRequest, model: Model, hold: Hold) -> tuple[Vetted, list[Violation]]:
        """What is wrong with the images of a request that passes all rules."""
        if not filled.reference_images:
            return Vetted(), []
        vetted = await self._vetting.vet(filled, model, hold)
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

    async def _repeated(self, request: TaskRequest, caller: Caller, digest: bytes) -> Task | None:
        """The task of a library's first try, where the bytes of images cannot tell that it is the same."""
        if not any(image.url for image in request.reference_images):
            return None
        found = await self._ledger.work.repeated(caller.account_id, digest, _REPEATS_WITHIN)
        return await self._known(found) if found else None

    async def _known(self, task_id: UUID) -> Task:
        task = await self._ledger.tasks.get(task_id)
        assert task is not None, "guards point at tasks, and tasks are never deleted"
        return task


@lru_cache(maxsize=1024)
def _accepted(model: str) -> Counter:
    return ACCEPTED.labels(model)
