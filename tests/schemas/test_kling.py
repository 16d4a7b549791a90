"""What only Kling's file can get wrong: tokens, its own endpoints, and which refusals may be believed."""

import json
from datetime import UTC, datetime

import pytest

from schemas.failures import FailureKind
from schemas.lifecycle import Spend, State
from schemas.providers import model_of
from schemas.providers.kling import PROVIDER
from schemas.task import TaskRequest
from schemas.upstream import Ask, Job, Lost, Submission
from tests.schemas.test_providers import answer, run

REFERENCE = "tsk_01kfz3gk5ne1r9v4y0q8s6w2ab_1"
NOW = datetime(2026, 11, 21, tzinfo=UTC)
ASK = Ask("GET", "/")
FRAME = {"role": "first_frame", "url": "https://x/first.png"}
TAIL = {"role": "last_frame", "data": "data:image/png;base64,iVBORw0K"}


def asked(model: str = "kling-v2-6", **parameters) -> TaskRequest:
    return TaskRequest.model_validate({"model": model, "prompt": "a boat"} | parameters, strict=False)


def submission(**parameters) -> Submission:
    request = asked(**parameters)
    return Submission(request, model_of("kling", request.model), REFERENCE)


def lost(**parameters) -> Lost:
    sent = submission(**parameters)
    return Lost(sent.request, sent.model, sent.reference, NOW)


def sent(**parameters) -> tuple[str, dict]:
    asks, _ = run(PROVIDER.submit(submission(**parameters)), answer({}))
    return asks[0].path, asks[0].json


def refusal(code: int, message: str = "no") -> dict:
    return {"code": code, "message": message, "request_id": "r"}


def told(**data) -> dict:
    return {"code": 0, "message": "SUCCEED", "data": {"task_id": "867"} | data}


def test_two_keys_make_the_token_that_kling_documents():
    moment = datetime.fromtimestamp(1_800_000_000, UTC)

    assert PROVIDER.sign("AKTEST|SKTEST", ASK, moment) == {
        "authorization": "Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
        ".eyJpc3MiOiJBS1RFU1QiLCJleHAiOjE4MDAwMDE4MDAsIm5iZiI6MTc5OTk5OTk5NX0"
        ".skU6F0Cb6aUFh5KXa7uZmvYjynNYMK9UC_Eat-p40LI"
    }


def test_one_key_goes_as_it_is():
    assert PROVIDER.sign("sk-one", ASK, NOW) == {"authorization": "Bearer sk-one"}


@pytest.mark.parametrize(
    ("parameters", "path"),
    [
        ({}, "/v1/videos/text2video"),
        ({"reference_images": [FRAME]}, "/v1/videos/image2video"),
        ({"model": "kling-image-v1"}, "/v1/images/generations"),
        ({"model": "kling-image-v1", "reference_images": [{"url": "https://x/i"}]}, "/v1/images/generations"),
    ],
)
def test_a_request_a_look_and_a_search_go_to_the_same_endpoint(parameters, path):
    [look], _ = run(PROVIDER.poll(Job("867", PROVIDER.endpoint(asked(**parameters)))), answer({}))
    [search], _ = run(PROVIDER.lookup(lost(**parameters)), answer({}))

    assert sent(**parameters)[0] == path
    assert (look.path, search.path) == (f"{path}/867", f"{path}/{REFERENCE}")


def test_a_film_from_text_is_spelled_as_kling_wants_it():
    options = {"mode": "pro"}
    _, body = sent(
        ratio="9:16", duration_s=10.0, audio=True, watermark=False, negative_prompt="fog", options=options
    )

    assert body == {
        "model_name": "kling-v2-6", "prompt": "a boat", "negative_prompt": "fog", "aspect_ratio": "9:16",
        "duration": "10", "mode": "pro", "sound": "on", "watermark_info": {"enabled": False},
        "external_task_id": REFERENCE,
    }  # fmt: skip


def test_a_film_from_frames_sends_addresses_and_bare_base64():
    _, body = sent(reference_images=[TAIL, FRAME], duration_s=5.0)

    assert (body["image"], body["image_tail"]) == ("https://x/first.png", "iVBORw0K")


def test_a_still_goes_by_klings_own_name_for_the_model():
    _, body = sent(model="kling-image-v1-5", n=3, resolution="1k", ratio="21:9",
                   reference_images=[{"role": "subject", "url": "https://x/i"}])  # fmt: skip

    assert body == {
        "model_name": "kling-v1-5", "prompt": "a boat", "n": 3, "resolution": "1k", "aspect_ratio": "21:9",
        "image": "https://x/i", "image_reference": "subject", "external_task_id": REFERENCE,
    }  # fmt: skip


def test_what_does_not_go_together_is_sent_for_kling_to_refuse_and_never_dropped():
    _, twice = sent(reference_images=[FRAME, FRAME | {"url": "https://x/other.png"}])
    _, framed = sent(ratio="1:1", reference_images=[FRAME])

    assert twice["image"] == ["https://x/first.png", "https://x/other.png"]
    assert (framed["image"], framed["aspect_ratio"]) == ("https://x/first.png", "1:1")


DOCUMENTED = {
    401: (1000, 1001, 1002, 1003, 1004),
    429: (1100, 1101, 1102, 1302, 1303, 1304),
    403: (1103,),
    400: (1200, 1201, 1300, 1301),
    404: (1202, 1203),
}


@pytest.mark.parametrize(("status", "code"), [(s, c) for s, codes in DOCUMENTED.items() for c in codes])
def test_a_check_before_creation_is_certain_with_its_own_status_or_200_and_with_no_other(status, code):
    spends = {
        given: run(PROVIDER.submit(submission()), answer(refusal(code), given))[1].spend
        for given in (status, 200, 500, 502, 409)
    }

    assert spends == {
        status: Spend.NOT_CREATED, 200: Spend.NOT_CREATED,
        500: Spend.UNKNOWN, 502: Spend.UNKNOWN, 409: Spend.UNKNOWN,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "code"), [(500, 5000), (503, 5001), (504, 5002), (200, 5000), (400, 1999)]
)
def test_trouble_inside_kling_and_new_codes_prove_nothing(status, code):
    assert run(PROVIDER.submit(submission()), answer(refusal(code), status))[1].spend is Spend.UNKNOWN


@pytest.mark.parametrize("code", [1200, 1201, 1203])
@pytest.mark.parametrize(
    "message",
    [
        "external_task_id already exists",
        "External Task Id must be unique",
        "duplicate externalTaskId",
        f"{REFERENCE} exists",
        "外部任务ID重复",
    ],
)
def test_a_refusal_that_speaks_of_the_reference_may_mean_that_the_task_exists(code, message):
    status = 404 if code == 1203 else 400
    _, seen = run(PROVIDER.submit(submission()), answer(refusal(code, message), status))

    assert seen.spend is Spend.UNKNOWN


def test_a_look_up_finds_the_task_that_bears_the_reference():
    there = told(task_status="processing", task_info={"external_task_id": REFERENCE})
    _, seen = run(PROVIDER.lookup(lost()), answer(there))

    assert (seen.spend, seen.upstream_id, seen.state) == (Spend.CONFIRMED, "867", State.RUNNING)


def test_a_look_up_that_answers_with_somebody_elses_task_has_found_nothing():
    there = told(task_status="processing", task_info={"external_task_id": "tsk_other_1"})

    assert run(PROVIDER.lookup(lost()), answer(there))[1].spend is Spend.UNKNOWN


@pytest.mark.parametrize(
    ("status", "body", "spend"),
    [
        (404, refusal(1203), Spend.NOT_CREATED),
        (404, refusal(1202), Spend.UNKNOWN),
        (200, refusal(1203), Spend.UNKNOWN),
        (400, refusal(1201), Spend.UNKNOWN),
        (404, {"detail": "Not Found"}, Spend.UNKNOWN),
        (404, b"<html>", Spend.UNKNOWN),
    ],
)
def test_only_klings_own_no_such_resource_is_a_no(status, body, spend):
    _, seen = run(PROVIDER.lookup(lost()), answer(body, status))

    assert (seen.spend, seen.upstream_id) == (spend, None)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, 1004, FailureKind.AUTH_INVALID),
        (429, 1102, FailureKind.QUOTA_EXHAUSTED),
        (404, 1203, FailureKind.TASK_NOT_FOUND),
        (200, 1302, FailureKind.RATE_LIMITED),
        (503, 5001, FailureKind.UPSTREAM_OVERLOADED),
    ],
)
def test_an_error_of_a_look_is_named_by_its_code(status, code, kind):
    _, seen = run(PROVIDER.poll(Job("867", "/v1/videos/text2video")), answer(refusal(code), status))

    assert (seen.state, seen.failure.kind) == (None, kind)


def test_a_task_that_failed_has_klings_words():
    failed = told(task_status="failed", task_status_msg="Failure to pass the risk control system")
    _, seen = run(PROVIDER.poll(Job("867")), answer(failed))

    assert (seen.state, seen.failure.kind) == (State.FAILED, FailureKind.UNKNOWN)
    assert seen.failure.message == "Failure to pass the risk control system"


@pytest.mark.parametrize("result", [None, {}, {"videos": []}, {"videos": [{"id": "1"}]}, {"videos": "soon"}])
def test_a_success_without_a_film_is_not_one_yet(result):
    _, seen = run(PROVIDER.poll(Job("867")), answer(told(task_status="succeed", task_result=result)))

    assert seen.state is None


def test_every_still_of_a_set_is_a_result():
    images = [{"index": index, "url": f"https://x/{index}"} for index in range(3)]
    done = told(task_status="succeed", task_result={"images": images})
    _, seen = run(PROVIDER.poll(Job("867", "/v1/images/generations")), answer(done))

    assert [file.url for file in seen.files] == ["https://x/0", "https://x/1", "https://x/2"]


def test_an_option_cannot_stand_in_for_what_we_say_ourselves():
    _, body = sent(options={"external_task_id": "mine", "model_name": "free", "prompt": "x"})

    assert json.dumps(body).count("mine") == 0
    assert (body["model_name"], body["external_task_id"]) == ("kling-v2-6", REFERENCE)
