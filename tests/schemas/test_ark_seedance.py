"""What only Ark's file can get wrong: the list, the two meanings of a code, and a DELETE that destroys."""

from datetime import UTC, datetime

import pytest

from schemas.failures import FailureKind
from schemas.lifecycle import Spend, State
from schemas.providers import model_of
from schemas.providers.ark_seedance import PROVIDER
from schemas.task import TaskRequest
from schemas.upstream import Job, Lost, Submission
from tests.schemas.test_providers import answer, run

REFERENCE = "tsk_01kfz3gk5ne1r9v4y0q8s6w2ab_1"
TASKS = "/contents/generations/tasks"
JOB = Job("cgt-1")
LITE = "doubao-seedance-2-0-260128"


def submission(**parameters) -> Submission:
    given = {"model": LITE, "prompt": "a boat"} | parameters
    request = TaskRequest.model_validate(given, strict=False)
    return Submission(request, model_of("ark_seedance", request.model), REFERENCE)


def lost() -> Lost:
    sent = submission()
    return Lost(sent.request, sent.model, sent.reference, datetime(2026, 11, 21, tzinfo=UTC))


def task(name: str = "cgt-1", status: str = "running", reference: str | None = None, **more) -> dict:
    return {
        "id": name,
        "status": status,
        "safety_identifier": reference,
        "content": None,
        "error": None,
    } | more


def page(*items: dict, total: int | None = None):
    return answer({"total": len(items) if total is None else total, "items": items})


def refusal(code: str, message: str = "no") -> dict:
    return {"error": {"code": code, "message": message, "param": "", "type": "x"}}


GONE = answer(refusal("NotFound.id"), 404)


def test_a_request_is_spelled_as_ark_wants_it():
    data = "data:image/png;base64,iVBORw0K"
    images = [{"role": "first_frame", "url": "https://x/1"}, {"role": "last_frame", "data": data}]
    full = submission(
        ratio="adaptive", resolution="720p", duration_s=5.0, seed=7, watermark=False, audio=True,
        reference_images=images, options={"return_last_frame": True, "safety_identifier": "mine"},
    )  # fmt: skip
    asks, seen = run(PROVIDER.submit(full), answer({"id": "cgt-1"}))

    assert (asks[0].method, asks[0].path) == ("POST", TASKS)
    assert asks[0].json == {
        "model": LITE,
        "content": [
            {"type": "text", "text": "a boat"},
            {"type": "image_url", "image_url": {"url": "https://x/1"}, "role": "first_frame"},
            {"type": "image_url", "image_url": {"url": data}, "role": "last_frame"},
        ],
        "ratio": "adaptive", "resolution": "720p", "duration": 5, "seed": 7, "watermark": False,
        "generate_audio": True, "return_last_frame": True, "safety_identifier": REFERENCE,
    }  # fmt: skip
    assert (seen.spend, seen.upstream_id, seen.state) == (Spend.CONFIRMED, "cgt-1", State.QUEUED)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "MissingParameter.content"), (400, "InvalidParameter.OversizedImage"),
        (400, "InputImageSensitiveContentDetected.PrivacyInformation"), (400, "SensitiveContentDetected.Violence"),
        (401, "AuthenticationError"), (403, "AccountOverdueError"), (403, "OperationDenied.ServiceNotOpen"),
        (404, "InvalidEndpointOrModel.NotFound"), (404, "ModelNotOpen"), (429, "QuotaExceeded"),
        (429, "RateLimitExceeded.EndpointRPMExceeded"), (429, "SetLimitExceeded"),
    ],
)  # fmt: skip
def test_a_check_at_the_door_is_certain_and_only_with_its_own_status(status, code):
    for given in (status, 200, 409, 500, 502):
        _, seen = run(PROVIDER.submit(submission()), answer(refusal(code), given))
        assert seen.spend is (Spend.NOT_CREATED if given == status else Spend.UNKNOWN), given


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (429, "ServerOverloaded"), (429, "ModelLoadingError"), (500, "InternalServiceError"), (400, "SomethingNew"),
        (400, "ContentSecurityDetectionError"), (400, "OutputVideoSensitiveContentDetected"),
    ],
)  # fmt: skip
def test_trouble_inside_ark_and_withheld_results_prove_nothing(status, code):
    assert run(PROVIDER.submit(submission()), answer(refusal(code), status))[1].spend is Spend.UNKNOWN


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        ("OutputVideoSensitiveContentDetected.PolicyViolation", "", FailureKind.CONTENT_POLICY_OUTPUT),
        ("OperationDenied.ServiceOverdue", "", FailureKind.QUOTA_EXHAUSTED),
        ("OperationDenied.UnsupportedPhase", "", FailureKind.PERMISSION_DENIED),
        ("QuotaExceeded", "You have used up the free trial.", FailureKind.QUOTA_EXHAUSTED),
        ("QuotaExceeded", "Too many tasks in the Queue.", FailureKind.RATE_LIMITED),
        ("QuotaExceeded", "排队任务数超过上限", FailureKind.RATE_LIMITED),
        ("SomethingNew.Queue", "queue", FailureKind.UNKNOWN),
    ],
)
def test_a_code_is_read_whole_then_by_its_family_and_quota_by_its_words(code, message, kind):
    failed = task(status="failed", error={"code": code, "message": message or "words"})
    _, seen = run(PROVIDER.poll(JOB), answer(failed))

    assert (seen.state, seen.failure.kind, seen.failure.code) == (State.FAILED, kind, code)


@pytest.mark.parametrize(
    ("status", "kind"),
    [("expired", FailureKind.TASK_EXPIRED), ("cancelled", FailureKind.CANCELED)],
)
def test_an_end_without_an_error_is_named_by_its_status(status, kind):
    _, seen = run(PROVIDER.poll(JOB), answer(task(status=status)))

    assert (seen.state, seen.failure.kind) == (State.FAILED, kind)


def test_the_last_frame_comes_with_the_film_where_there_is_one():
    content = {"video_url": "https://x/film", "last_frame_url": "https://x/last"}
    _, seen = run(PROVIDER.poll(JOB), answer(task(status="succeeded", content=content)))
    _, without = run(
        PROVIDER.poll(JOB), answer(task(status="succeeded", content={"last_frame_url": "https://x"}))
    )

    assert [file.url for file in seen.files] == ["https://x/film", "https://x/last"]
    assert without.state is None


def test_a_task_that_seems_gone_is_asked_for_in_the_list():
    asks, seen = run(PROVIDER.poll(JOB), GONE, page(task("cgt-1", "running")))

    assert [(ask.path, dict(ask.query)) for ask in asks] == [
        (f"{TASKS}/cgt-1", {}),
        (TASKS, {"filter.task_ids": "cgt-1"}),
    ]
    assert (seen.state, seen.failure) == (State.RUNNING, None)


@pytest.mark.parametrize(
    ("listed", "kind"),
    [
        (page(), FailureKind.TASK_NOT_FOUND),
        (page(task("cgt-2")), FailureKind.TASK_NOT_FOUND),
        (GONE, FailureKind.UNKNOWN),
        (answer(refusal("InternalServiceError"), 500), FailureKind.UPSTREAM_INTERNAL),
        (answer(b"<html>", 404), FailureKind.UNKNOWN),
        (answer({"items": None}), FailureKind.UNKNOWN),
    ],
)
def test_a_task_is_gone_only_where_the_list_does_not_know_it_either(listed, kind):
    _, seen = run(PROVIDER.poll(JOB), GONE, listed)

    assert (seen.state, seen.failure.kind) == (None, kind)


def test_a_lost_task_is_found_on_whatever_page_it_is():
    others = [task(f"cgt-o{n}", reference=f"tsk_{n}_1") for n in range(100)]
    asks, seen = run(
        PROVIDER.lookup(lost()),
        page(*others, total=201), page(*others, total=201), page(task("cgt-7", reference=REFERENCE), total=201),
    )  # fmt: skip

    assert [ask.query["page_num"] for ask in asks] == ["1", "2", "3"]
    assert {ask.query["filter.model"] for ask in asks} == {LITE}
    assert (seen.spend, seen.upstream_id, seen.state) == (Spend.CONFIRMED, "cgt-7", State.RUNNING)


def test_a_page_shorter_than_asked_for_is_not_the_last_one():
    found = page(task("cgt-7", reference=REFERENCE), total=11)
    _, seen = run(PROVIDER.lookup(lost()), page(*[task(f"cgt-{n}") for n in range(10)], total=11), found)

    assert seen.upstream_id == "cgt-7"


def test_not_being_in_the_list_proves_nothing():
    _, seen = run(PROVIDER.lookup(lost()), page(task("cgt-7", reference="tsk_x_1")))

    assert (seen.spend, seen.failure.kind) == (Spend.UNKNOWN, FailureKind.TASK_NOT_FOUND)


def test_two_tasks_under_one_reference_are_left_to_a_person():
    twins = page(task("cgt-7", reference=REFERENCE), task("cgt-8", reference=REFERENCE))
    _, seen = run(PROVIDER.lookup(lost()), twins)

    assert (seen.spend, seen.upstream_id) == (Spend.UNKNOWN, None)
    assert "2 tasks" in seen.failure.message


def test_one_task_listed_twice_is_one_task():
    again = page(task("cgt-7", reference=REFERENCE), task("cgt-7", reference=REFERENCE))

    assert run(PROVIDER.lookup(lost()), again)[1].upstream_id == "cgt-7"


def test_the_search_ends_some_time():
    full = page(*[task(f"cgt-{n}") for n in range(100)], total=10**9)
    asks, seen = run(PROVIDER.lookup(lost()), *[full] * 50)

    assert (len(asks), seen.spend) == (20, Spend.UNKNOWN)


def test_a_task_that_waits_is_cancelled_and_looked_at_again():
    gone = answer(task(status="cancelled"))
    asks, seen = run(PROVIDER.cancel(JOB), answer(task(status="queued")), answer({}), gone)

    assert [ask.method for ask in asks] == ["GET", "DELETE", "GET"]
    assert (seen.state, seen.failure.kind) == (State.FAILED, FailureKind.CANCELED)


DONE = task(status="succeeded", content={"video_url": "https://x"})


@pytest.mark.parametrize(
    "first", [task(), DONE, task(status="failed"), task(status="polishing"), refusal("X")]
)
def test_nothing_but_a_waiting_task_is_ever_deleted(first):
    status = 500 if "error" in first and "id" not in first else 200
    asks, _ = run(PROVIDER.cancel(JOB), answer(first, status), answer({}), answer(first))

    assert [ask.method for ask in asks] == ["GET"]
