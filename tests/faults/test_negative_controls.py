"""Each guard is switched off once, and the checker must see it: a harness that stays green has proved nothing.

Every run is made twice, with the guard and without; only the guard makes the difference.
"""

import asyncio
from typing import Any

import asyncpg
import pytest

from schemas.failures import Failure, FailureKind
from schemas.lifecycle import State
from schemas.task import Task, TaskRequest
from schemas.upstream import Observation
from tasks_service import failpoints
from tasks_service.admission import Admission
from tasks_service.doorbell import doorbell
from tasks_service.ledger.keys import Caller
from tasks_service.ledger.ledger import Ledger
from tasks_service.ledger.spend import Spends, reference_of
from tasks_service.ledger.tasks import Move, Outrun, Tasks
from tasks_service.pictures.vetting import Vetting
from tests.faults.conftest import Found
from tests.faults.guarded import GUARD, KLING, LOST, judged, without
from tests.workers.conftest import World
from workers import line, main
from workers.case import Case
from workers.line import boottime
from workers.recover import Recover, letter_of
from workers.settle import Settler
from workers.step import Step, seconds
from workers.submit import Submit
from workers.upstream import Upstream

INDEXES = ("one_possible_spend_per_task", "one_possible_spend_per_reference")


@pytest.fixture(autouse=True)
def _nothing_stays_armed():
    yield
    failpoints.disarm()


@GUARD
@pytest.mark.parametrize(
    ("model", "script", "broken"),
    [("sora-2", LOST, "doubled"), (KLING, LOST, "sent_twice"), (KLING, f"{LOST} reuse=accepted", "doubled")],
    ids=["nobody knows references", "a used one is refused", "a used one is taken again"],
)
async def test_sending_again_on_an_unknown_outcome_pays_twice(
    world: World,
    found: Found,
    monkeypatch: pytest.MonkeyPatch,
    guarded: bool,
    model: str,
    script: str,
    broken: str,
):
    async def send_anew(self: Any, task: Task, upstream: Upstream) -> None:
        letter = await letter_of(self._bench, task, upstream, reference_of(task.id))
        await self._send_again(Case(task, upstream, task.attempt, boottime()), letter)

    if not guarded:
        monkeypatch.setattr(Recover, "find_again", send_anew)
        monkeypatch.setattr(Settler, "leave_to_a_person", _again_soon)
    task = await world.accepts(model, script)
    async with world.working(), asyncio.timeout(100):
        if guarded or broken == "doubled":
            await world.until(task, State.FAILED, parked=guarded)
        else:
            # An upstream that refuses what it knows never lets this sender come to an end.
            while len(await world.calls(task, "submit")) < 2:  # noqa: ASYNC110 - a worker does it
                await asyncio.sleep(0.05)

    judged(await found([task]), guarded, broken)


async def _again_soon(self: Any, case: Case, driven: Any) -> None:
    async with self._bench.ledger.transaction() as ledger:
        await ledger.tasks.postpone(case.task, seconds(0))


@pytest.mark.parametrize("standing", [*INDEXES, None])
async def test_without_the_unique_indexes_two_workers_may_spend_for_one_task(
    world: World, found: Found, monkeypatch: pytest.MonkeyPatch, dsn: str, standing: str | None
):
    """They are the last of several guards, and either holds alone: those before them are off in every run."""
    guarded = standing is not None
    without(monkeypatch, Spends, "intend", r"AND spend IN \('none', 'not_created'\)", "")
    connection = await asyncpg.connect(dsn)
    await connection.execute("ALTER TABLE task DISABLE TRIGGER what_is_known_of_a_spend_is_not_forgotten")
    for index in INDEXES:
        if index != standing:
            await connection.execute(f"DROP INDEX {index}")
    await connection.close()

    refused: list[Task] = []
    intend, leave = Spends.intend, Settler.leave_to_a_person

    async def counted(self: Any, task: Task, *more: Any) -> str | None:
        reference = await intend(self, task, *more)
        if reference is None:
            refused.append(task)
        return reference

    async def spend_anew(self: Any, task: Task, upstream: Upstream) -> None:
        await submits[-1]._spend(task, upstream)  # pyright: ignore[reportPrivateUsage]
        if refused:
            # Only the index said no; that is enough, and the run may come to rest.
            case = Case(task, upstream, task.attempt, boottime())
            await leave(self._settler, case, upstream.driven(Observation()))

    submits = _caught(monkeypatch)
    monkeypatch.setattr(Spends, "intend", counted)
    monkeypatch.setattr(Recover, "find_again", spend_anew)
    monkeypatch.setattr(Settler, "leave_to_a_person", _again_soon)
    task = await world.accepts("sora-2", LOST)
    async with world.working():
        await world.until(task, State.FAILED, parked=guarded)

    assert bool(refused) == guarded, "it is the index that is asked"
    judged(await found([task]), guarded, "doubled", "two_possible_spends")


def _caught(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    made: list[Any] = []
    build = Submit.__init__

    def noted(self: Submit, bench: Any) -> None:
        build(self, bench)
        made.append(self)

    monkeypatch.setattr(Submit, "__init__", noted)
    return made


@GUARD
async def test_a_worker_that_lost_its_claim_writes_if_nobody_compares(
    world: World, found: Found, monkeypatch: pytest.MonkeyPatch, guarded: bool
):
    if not guarded:
        without(monkeypatch, Tasks, "advance", r" AND t\.claim = given\.claim", "")
    task = await world.accepts(script="latency=0.6")
    [stale] = await world.ledger.tasks.claim((State.SUBMITTED,), 1, seconds(0.1), whole=True)
    async with world.working():
        await world.created(task, sent=True)
        gone = Move(State.FAILED, "worker", "refused", failure=Failure(FailureKind.MODEL_NOT_FOUND))
        # Whoever has the old claim is told so in any case; what counts is what was written.
        with pytest.raises(Outrun):
            await world.ledger.tasks.advance(stale, gone)
        await world.created(task)
        await world.until(task)
        await asyncio.sleep(0.3)

    judged(await found([task]), guarded, "failed_although_made")


@GUARD
async def test_a_sleeper_that_ignores_its_deadline_pays_after_it_was_proved_that_nobody_had(
    world: World, found: Found, monkeypatch: pytest.MonkeyPatch, guarded: bool
):
    async def stands(session: Any, context: Any, params: Any) -> None:
        await failpoints.reached("submit.connected")

    woke = asyncio.Event()

    async def sleep_once(point: str) -> None:
        failpoints.disarm()
        await asyncio.sleep(5)
        woke.set()

    async def lose(self: Step) -> None:
        await asyncio.Event().wait()  # a paused process renews no lease

    async def declare(self: Any, case: Case, driven: Any) -> None:
        # Somebody who waited until nothing could leave any more, and then said that nothing had.
        if case.age_s > 2:
            await self.never_arrived(case, driven)
        else:
            await _again_soon(self, case, driven)

    monkeypatch.setattr(Step, "keep_leases", lose)
    monkeypatch.setattr(Settler, "leave_to_a_person", declare)
    if not guarded:
        monkeypatch.setattr(line, "_stands", stands)
    failpoints.arm("submit.connected", sleep_once)
    # An upstream that knows no references: another would refuse the second of the same name by itself.
    task = await world.accepts("sora-2", "end=content")
    hasty = {"lease_s": 1, "submit_timeout_s": 20, "stop_wait_s": 8}
    async with world.working(**hasty), world.working(**hasty):
        await world.until(task)
        async with asyncio.timeout(50):
            await woke.wait()
            while not guarded and await world.creations(task) < 2:  # noqa: ASYNC110 - a studio does it
                await asyncio.sleep(0.1)

    judged(await found([task]), guarded, "doubled")


@GUARD
async def test_without_a_ticker_a_lost_ring_is_a_lost_task(
    world: World, found: Found, monkeypatch: pytest.MonkeyPatch, guarded: bool
):
    async def never(steps: Any, every_s: float) -> None:
        await asyncio.Event().wait()

    if not guarded:
        monkeypatch.setattr(main, "tick", never)
    task = await world.accepts()
    async with world.working():
        await (world.until(task) if guarded else asyncio.sleep(3))

    judged(await found([task]), guarded, "unfinished")


@GUARD
async def test_an_answer_before_the_commit_is_a_promise_that_a_crash_breaks(
    world: World, found: Found, monkeypatch: pytest.MonkeyPatch, guarded: bool
):
    class Crash(Exception):
        pass

    async def answer_first(self: Any, *asked: Any) -> Task:
        answered: list[Task] = []
        try:
            async with self._database.transaction() as inner:
                answered.append(await opened(Tasks(inner), *asked))
                raise Crash
        except Crash:
            return answered[0]

    opened = Tasks.open
    if not guarded:
        monkeypatch.setattr(Tasks, "open", answer_first)
    vetting = Vetting.open(world.ledger, world.settings)
    admission = Admission(world.ledger, doorbell(""), world.settings.routes, vetting)
    request = TaskRequest(
        model="sandbox-image-1-fast", prompt="a boat", options={"behaviour": "queue=0 run=0"}
    )
    admitted = await admission.admit(request, await _caller(world.ledger), key="boat-1")
    await vetting.close()
    if guarded:
        async with world.working():
            await world.until(admitted.task)

    broken = await found([admitted.task])
    judged(broken - {"key_not_kept"}, guarded, "lost")


async def _caller(ledger: Ledger) -> Caller:
    caller = await ledger.keys.find(await ledger.keys.new("acme"))
    assert caller is not None
    return caller


@GUARD
async def test_an_unknown_outcome_that_is_called_not_created_pays_twice(
    world: World, found: Found, monkeypatch: pytest.MonkeyPatch, guarded: bool
):
    if not guarded:
        monkeypatch.setattr(Settler, "_unknown", Settler._not_created)  # pyright: ignore[reportPrivateUsage]
    task = await world.accepts("sora-2", LOST)
    async with world.working():
        await world.until(task, parked=True)

    judged(await found([task]), guarded, "doubled", "wrongly_declared")
