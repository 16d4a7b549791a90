"""A story is judged by its ending; what differs is named."""

import json

import pytest

from schemas.failures import FailureKind
from schemas.lifecycle import Parked
from schemas.providers import PROVIDERS
from schemas.rules import check
from schemas.task import TaskRequest
from tasks_service.cli.demo.progress import Telling
from tasks_service.cli.demo.stories import STORIES, STORY, Ending, Story, Take

MODELS = {model.name: model for provider in PROVIDERS.values() for model in provider.models}
FILE = {"n": 0, "type": "image/png", "bytes": 1200, "width": 512, "height": 512}


def task(state: str = "downloaded", **more: object) -> dict[str, object]:
    return {"id": "tsk_1", "state": state, "artifacts": [], "failure": None, "parked": None} | more


def told(name: str, **heard: dict[str, object]) -> Telling:
    telling = Telling(STORY[name])
    telling.hear(**heard)
    return telling


def test_the_demo_holds_every_story_that_was_promised():
    endings = [story.ending for story in STORIES]

    assert {ending.refused for ending in endings} >= {"unacceptable_parameters", "duplicate_task"}
    assert any(ending.files == 4 for ending in endings)
    assert any(ending.parked == Parked.OUTCOME_UNKNOWN and ending.creations == 1 for ending in endings)
    assert any(ending.failure == FailureKind.CONTENT_POLICY_INPUT for ending in endings)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_a_story_is_a_request_that_its_model_takes_unless_it_tells_of_a_refusal(story: Story):
    request = TaskRequest.model_validate(story.request(Take(7)), strict=False)

    violations = check(request, MODELS[request.model])

    assert bool(violations) == (story.ending.refused == "unacceptable_parameters")


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_another_take_is_other_work(story: Story):
    assert json.dumps(story.request(Take(7))) == json.dumps(story.request(Take(7)))
    assert story.request(Take(7))["prompt"] != story.request(Take(8))["prompt"]


def test_a_story_that_ended_as_told_has_nothing_to_say():
    telling = told("image", task=task(artifacts=[FILE]))
    telling.creations = 1

    assert telling.ended
    assert telling.otherwise() is None
    assert telling.says == "1 file, 1 kB, image/png 512x512"


@pytest.mark.parametrize(
    ("heard", "creations", "words"),
    [
        ({"task": task("failed", failure={"kind": "unknown", "message_en": "?"})}, 1, "state is failed"),
        ({"task": task(artifacts=[FILE, FILE])}, 1, "files is 2 and should be 1"),
        ({"task": task(artifacts=[FILE])}, 2, "creations is 2 and should be 1"),
        ({"task": task("queued")}, 1, "should be downloaded"),
        ({"problem": {"status": 503, "code": "overloaded", "detail": ""}}, 0, "refused is overloaded"),
    ],
)
def test_a_story_that_ended_otherwise_is_named(
    heard: dict[str, dict[str, object]], creations: int, words: str
):
    telling = told("image", **heard)
    telling.creations = creations

    assert (telling.otherwise() or "").startswith("image: ")
    assert words in (telling.otherwise() or "")


def test_a_parked_story_has_ended_only_where_that_is_its_ending():
    parked = task("submitted", parked={"reason": "outcome_unknown", "since": ""})

    assert told("500-after", task=parked).ended
    assert not told("image", task=parked).ended


def test_an_ending_that_is_not_reached_is_told_as_it_is():
    assert Telling(Story("x", "", "sandbox-image-1", "", Ending(parked="stalled"))).otherwise() is not None
