"""Lost submissions: somebody began to send a task, and nobody knows what came of it.

What can be done depends on what the provider's file declares: send the same reference again where that
creates nothing new, ask by our reference, look through a list. Otherwise a person has to decide. Nothing here
makes a second purchase possible: a new attempt needs proof that the last one was not created.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime

from structlog.stdlib import get_logger

from schemas.lifecycle import Spend
from schemas.task import Task
from schemas.upstream import Lost, Observation, Recovery, Submission
from tasks_service.failpoints import reached
from tasks_service.ledger.spend import Attempt
from workers.case import Case
from workers.letter import Letter
from workers.line import boottime
from workers.settle import NEVER_ARRIVED, REFERENCE_TAKEN, Settler
from workers.upstream import Driven, Upstream
from workers.workbench import Workbench

log = get_logger()

SendAgain = Callable[[Case, Letter], Awaitable[None]]


class Recover:
    """Finds out what became of lost submissions."""

    def __init__(self, bench: Workbench, settler: Settler, send_again: SendAgain):
        self._bench = bench
        self._settler = settler
        self._send_again = send_again

    async def find_again(self, task: Task, upstream: Upstream) -> None:
        """Do the one thing that can be done about the latest attempt of a task."""
        spent = await self._bench.ledger.spends.latest(task)
        if spent is None:
            raise LookupError("a task that was sent has no attempt on record")
        case = Case(task, upstream, spent.number, boottime() - self._age_s(task, spent))
        if self._settler.too_old(case):
            await self._leave_to_a_person(case)
        elif case.recovery is Recovery.IDEMPOTENCY_KEY and (letter := await self._same_letter(case, spent)):
            await self._send_again(case, letter)
        elif upstream.provider.lookup is not None:
            await self._look_up(case, spent)
        else:
            await self._leave_to_a_person(case)

    async def _same_letter(self, case: Case, spent: Attempt) -> Letter | None:
        """The request as it was sent, or None where it would be another one, or go to somebody else."""
        # One that is only suspected has none on record: it may be anybody's, as the restore guard says.
        if spent.credential not in (None, case.upstream.credential):
            log.warning("not_sent_again", reason="another account or place would take it for a new request")
            return None
        letter = await letter_of(self._bench, case.task, case.upstream, spent.reference, spent.number)
        if letter is None or spent.body_sha256 in (None, letter.sha256):
            return letter
        log.warning("not_sent_again", reason="this release would send another text under the same reference")
        return None

    async def _look_up(self, case: Case, spent: Attempt) -> None:
        driven = await self._ask(case, spent)
        await reached("lookup.answered")
        seen = driven.observation
        if seen.spend is Spend.CONFIRMED:
            await self._settler.record(case, driven, "found_again")
        elif seen.spend is Spend.NOT_CREATED and await self._proves_absence(case, spent, driven):
            await self._settler.never_arrived(case, driven)
        else:
            doubtful = replace(driven, observation=replace(seen, spend=Spend.UNKNOWN))
            await self._settler.record(case, doubtful)
        await reached("lookup.settled")

    async def _ask(self, case: Case, spent: Attempt) -> Driven:
        await reached("lookup.before_ask")
        lookup, model = case.upstream.provider.lookup, self._bench.model_of(case.task)
        if lookup is None or model is None:
            return case.upstream.driven(Observation())
        lost = Lost(case.task.request, model, spent.reference, _sent_at(case.task, spent))
        timeout_s = self._bench.settings.call_timeout_s
        return await case.upstream.drive(lookup(lost), "lookup", case.attempt, timeout_s)

    async def _proves_absence(self, case: Case, spent: Attempt, driven: Driven) -> bool:
        """Whether an upstream says, so late that it would know the reference, that it does not."""
        provider = case.upstream.provider
        if driven.last is None or driven.last.reply is None:
            return False
        if case.recovery is not Recovery.LOOKUP_BY_REFERENCE or provider.absent_after_s is None:
            return False
        # With another credential, or who knows with which, it may be another account that knows nothing.
        if spent.credential != case.upstream.credential:
            return False
        if spent.past_answer_s <= (self._bench.settings.absent_after_s or provider.absent_after_s):
            return False
        # Believed once. After that, or where the upstream says that the reference is taken, a person is.
        notes = await self._bench.ledger.history.notes(case.task.id)
        return not any(note["reason"] in (REFERENCE_TAKEN, NEVER_ARRIVED) for note in notes)

    def _age_s(self, task: Task, spent: Attempt) -> float:
        # An attempt that is only suspected may have been made at any time since the task came.
        suspected = spent.body_sha256 is None
        return max(spent.age_s, self._bench.since_s(task.created_at)) if suspected else spent.age_s

    async def _leave_to_a_person(self, case: Case) -> None:
        await self._settler.leave_to_a_person(case, case.upstream.driven(Observation()))


async def letter_of(
    bench: Workbench, task: Task, upstream: Upstream, reference: str, attempt: int | None = None
) -> Letter | None:
    """The paid request of a task; None where its provider no longer offers the model.

    Its images are in it as they were vetted, whatever has become of the addresses that they came from. Where
    the dialect has a place for it, the upstream is told where to ring for this attempt. Raises StoreAway
    where our store cannot give what is needed.
    """
    model = bench.model_of(task)
    if model is None:
        return None
    request = await bench.references.inline(task.request)
    bell = None
    if attempt is not None and upstream.provider.calls_back:
        bell = await bench.callbacks.address(task.route, task.id, attempt)
    return Letter(upstream.provider, Submission(request, model, reference, bell))


def _sent_at(task: Task, spent: Attempt) -> datetime:
    return task.created_at if spent.body_sha256 is None else spent.intended_at
