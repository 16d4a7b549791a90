"""From accepted to downloaded, and everything that may go wrong between, against a studio that does it."""

import asyncio
import hashlib

import asyncpg
import pytest

from schemas.failures import FailureKind
from schemas.lifecycle import Parked, Spend, State
from tasks_service.artifacts import Artifacts

from .conftest import KEY, in_haste


async def files_of(world, task):
    store = Artifacts(world.settings.store)
    for artifact in await world.ledger.history.artifacts(task.id):
        content = b"".join([chunk async for chunk in await store.open(artifact.key, 0, artifact.bytes)])
        yield artifact, content


@pytest.mark.parametrize(
    ("model", "parameters", "kinds"),
    [
        ("sandbox-image-1", {"ratio": "16:9"}, [("image/png", 512, 288)]),
        ("sandbox-image-1-fast", {"n": 4}, [("image/webp", 256, 256)] * 4),
        ("sandbox-video-1-lite", {"ratio": "1:1"}, [("video/mp4", 180, 180)]),
        ("sora-2", {"size": "1280x720", "duration_s": 4}, [("video/mp4", 1280, 720)]),
    ],
)
async def test_a_task_ends_downloaded_with_files_whose_digests_match(world, model, parameters, kinds):
    task = await world.accepts(model, **parameters)
    async with world.working():
        ended = await world.until(task)

    assert (ended.state, ended.spend, ended.progress) == (State.DOWNLOADED, Spend.CONFIRMED, 100)
    found = [(artifact, content) async for artifact, content in files_of(world, task)]
    assert [(a.type, a.width, a.height) for a, _ in found] == kinds
    assert all(hashlib.sha256(content).hexdigest() == a.sha256 for a, content in found)
    assert await world.creations(task) == 1


async def test_every_state_is_passed_and_explained(world):
    task = await world.accepts(script="queue=0.6 run=0.8")
    async with world.working():
        await world.until(task)

    assert await world.causes(task) == [
        ("submitted", "accepted"),
        ("queued", "upstream_accepted"),
        ("running", "upstream_said:rendering"),
        ("done", "upstream_said:ready"),
        ("downloaded", "files_stored"),
    ]


@pytest.mark.parametrize(
    ("mischief", "kind"),
    [
        ("refuse_parameters", FailureKind.PARAMETER_INVALID),
        ("refuse_content", FailureKind.CONTENT_POLICY_INPUT),
        ("refuse_money", FailureKind.QUOTA_EXHAUSTED),
        ("refuse_auth", FailureKind.AUTH_INVALID),
    ],
)
async def test_a_clear_refusal_fails_the_task_and_costs_nothing(world, mischief, kind):
    task = await world.accepts(script=f"create={mischief}")
    async with world.working():
        ended = await world.until(task)

    assert (ended.state, ended.failure.kind, ended.spend) == (State.FAILED, kind, Spend.NOT_CREATED)
    assert ended.failure.message
    assert await world.creations(task) == 0
    assert len(await world.calls(task, "submit")) == 1


@pytest.mark.parametrize("mischief", ["refuse_rate", "busy"])
async def test_a_refusal_that_passes_is_tried_again_as_a_new_attempt(world, mischief):
    task = await world.accepts(script=f"create={mischief} create_times=2")
    async with world.working(**in_haste(mischief)):
        ended = await world.until(task)

    outcomes = [attempt.outcome for attempt in await world.ledger.spends.attempts(task)]
    assert (ended.state, ended.attempt) == (State.DOWNLOADED, 3)
    assert outcomes == ["not_created", "not_created", "confirmed"]
    assert await world.creations(task) == 1


@pytest.mark.parametrize(
    "mischief", ["500_after", "html_502_after", "lost_after", "hang_after", "garbage", "no_id"]
)
async def test_a_lost_answer_is_found_again_by_its_reference_and_paid_once(world, mischief):
    task = await world.accepts(script=f"create={mischief} create_times=2")
    async with world.working(**in_haste(mischief)):
        ended = await world.until(task)

    assert (ended.state, ended.attempt) == (State.DOWNLOADED, 1)
    assert await world.creations(task) == 1
    assert len(await world.calls(task, "submit")) == 3


@pytest.mark.parametrize("mischief", ["500_before", "lost_before", "hang_before", "redirect"])
async def test_an_answer_that_proves_nothing_is_asked_again_under_the_same_reference(world, mischief):
    task = await world.accepts(script=f"create={mischief} create_times=1")
    async with world.working(**in_haste(mischief)):
        ended = await world.until(task)

    assert (ended.state, ended.attempt) == (State.DOWNLOADED, 1)
    assert await world.creations(task) == 1


@pytest.mark.parametrize(
    "mischief", ["500_after", "lost_after", "hang_after", "garbage", "html_502_after", "no_id"]
)
async def test_where_nothing_can_be_found_again_a_lost_answer_is_left_to_a_person(world, mischief):
    task = await world.accepts("sora-2", script=f"create={mischief}")
    async with world.working(**in_haste(mischief)):
        parked = await world.until(task, parked=True)
        # Long enough to come due again several times.
        await asyncio.sleep(2.5)
        still = await world.task(task.id)

    assert (parked.state, parked.parked) == (State.SUBMITTED, Parked.OUTCOME_UNKNOWN)
    assert (still.parked, still.spend, still.attempt) == (Parked.OUTCOME_UNKNOWN, Spend.UNKNOWN, 1)
    assert await world.creations(task) == 1
    assert len(await world.calls(task, "submit")) == 1


async def test_a_worker_that_is_stopped_in_the_middle_of_a_paid_request_says_so(world):
    task = await world.accepts("sora-2", script="create=hang_after")
    async with world.working(submit_timeout_s=60, stop_wait_s=0.2):
        await world.created(task)

    assert (await world.task(task.id)).spend is Spend.UNKNOWN
    async with world.working():
        await world.until(task, parked=True)
    assert await world.creations(task) == 1


@pytest.mark.parametrize(
    "mischief",
    ["unknown_status", "garbage", "500", "503", "404", "401", "429", "hang", "backwards", "empty_results"],
)
async def test_a_look_that_goes_wrong_does_not_end_the_task(world, mischief):
    task = await world.accepts(script=f"run=0.6 poll={mischief} poll_times=2")
    async with world.working(**in_haste(mischief)):
        ended = await world.until(task, within_s=50)

    assert ended.state is State.DOWNLOADED
    assert await world.creations(task) == 1


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        ("content", FailureKind.CONTENT_POLICY_OUTPUT),
        ("internal", FailureKind.UPSTREAM_INTERNAL),
        ("money", FailureKind.QUOTA_EXHAUSTED),
        ("timeout", FailureKind.TIMEOUT),
    ],
)
async def test_a_failure_keeps_the_upstreams_own_words(world, end, kind):
    task = await world.accepts(script=f"end={end}")
    async with world.working():
        ended = await world.until(task)

    assert (ended.state, ended.failure.kind) == (State.FAILED, kind)
    assert ended.failure.code.startswith("E")
    assert len(ended.failure.message) > 10


@pytest.mark.parametrize("mischief", ["truncated", "gzip", "html", "404", "500", "wrong_type", "redirect"])
async def test_a_file_is_ours_only_when_it_is_whole(world, mischief):
    task = await world.accepts(script=f"result={mischief} result_times=2")
    async with world.working():
        ended = await world.until(task)

    assert ended.state is State.DOWNLOADED
    [(artifact, content)] = [pair async for pair in files_of(world, task)]
    assert (artifact.type, artifact.bytes) == ("image/webp", len(content))
    downloads = await world.calls(task, "download")
    assert len(downloads) == (1 if mischief in ("wrong_type", "redirect") else 3)
    assert [bool(call["trouble"]) for call in downloads][-1] is False


async def test_a_link_that_died_is_replaced_by_a_fresh_one(world):
    task = await world.accepts(script="result=expired result_times=3")
    async with world.working():
        ended = await world.until(task)

    assert ended.state is State.DOWNLOADED
    assert "403" in (await world.calls(task, "download"))[0]["trouble"]


async def test_no_signed_link_and_no_credential_is_stored(world, dsn):
    task = await world.accepts("sandbox-image-1")
    async with world.working():
        await world.until(task)
    connection = await asyncpg.connect(dsn)
    stored = ""
    for table in ("task", "task_event", "upstream_call", "artifact", "task_note", "spend"):
        stored += str(await connection.fetch(f"SELECT t::text FROM {table} t"))
    await connection.close()

    assert task.request.prompt in stored
    assert KEY not in stored
    assert "/sandbox/v1/files/" not in stored.replace("/sandbox/v1/files/[redacted]", "")


async def test_equal_answers_are_counted_instead_of_repeated(world):
    task = await world.accepts(script="run=3")
    async with world.working():
        await world.until(task)

    polls = await world.calls(task, "poll")
    assert sum(call["repeats"] for call in polls) >= 3
    assert len(polls) <= 5


async def test_an_unknown_word_parks_the_task_and_a_late_success_is_taken(world):
    task = await world.accepts(script="run=0.1 poll=unknown_status poll_times=14")
    async with world.working():
        parked = await world.until(task, parked=True, within_s=60)
        ended = await world.until(task)

    assert (parked.parked, parked.state) == (Parked.UNRECOGNISED_STATUS, State.QUEUED)
    assert (ended.parked, ended.state) == (None, State.DOWNLOADED)


async def test_several_workers_share_the_work_and_nothing_is_made_twice(world):
    tasks = [await world.accepts() for _ in range(40)]
    async with world.working(), world.working(), world.working():
        ended = [await world.until(task) for task in tasks]

    assert {task.state for task in ended} == {State.DOWNLOADED}
    assert [await world.creations(task) for task in tasks] == [1] * 40


async def test_a_route_that_hangs_does_not_hold_up_another(world):
    hanging = [await world.accepts(script="create=hang_before create_times=9") for _ in range(80)]
    brisk = [await world.accepts("sora-2") for _ in range(3)]
    async with world.working(submit_timeout_s=30, stop_wait_s=0.1):
        ended = [await world.until(task) for task in brisk]

    assert {task.state for task in ended} == {State.DOWNLOADED}
    assert {(await world.task(task.id)).state for task in hanging} == {State.SUBMITTED}


async def test_a_stopped_worker_gives_its_tasks_back_at_once(world):
    task = await world.accepts(script="queue=1.5")
    async with world.working(lease_s=60):
        await world.until(task, State.QUEUED)
        await asyncio.sleep(0.5)
    async with world.working(lease_s=60):
        ended = await world.until(task, within_s=10)

    assert ended.state is State.DOWNLOADED
