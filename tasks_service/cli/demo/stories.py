"""The stories of the demo: what is asked, and how it has to end."""

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from PIL import Image, ImageDraw

from schemas.lifecycle import State


@dataclass(frozen=True, slots=True)
class Take:
    """One performance of the demo; its number makes the work new, so that a second one is no duplicate."""

    number: int

    @property
    def tag(self) -> str:
        """Part of every prompt of this take."""
        return f"take {self.number}"

    @property
    def seed(self) -> int:
        """Another picture every time."""
        return self.number % (1 << 31)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a story has to end, and how many jobs the studio has then made for it."""

    state: State | None = None
    files: int = 0
    failure: str | None = None
    parked: str | None = None
    refused: str | None = None
    creations: int = 0


def _nothing_more(_: Take) -> dict[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Story:
    """One request, and what becomes of it."""

    name: str
    title: str
    model: str
    prompt: str
    ending: Ending
    more: Callable[[Take], dict[str, Any]] = field(default=_nothing_more)
    script: str = ""
    repeats: str | None = None  # the name of the story whose request this one sends again

    def request(self, take: Take) -> dict[str, Any]:
        """What is posted to /v1/tasks."""
        if self.repeats:
            return STORY[self.repeats].request(take) | {"external_id": self.reference(take)}
        told = {
            "model": self.model,
            "prompt": f"{self.prompt}, {take.tag}",
            "external_id": self.reference(take),
            "metadata": {"story": self.name},
            **self.more(take),
        }
        if not self.script:
            return told
        if self.model.startswith("sandbox-"):
            return told | {"options": {"behaviour": self.script}}
        # Through the /v1/videos dialect nothing else can carry a script.
        return told | {"prompt": f"{told['prompt']} [sandbox: {self.script}]"}

    def reference(self, take: Take) -> str:
        """Our caller's own name for the task, and the Idempotency-Key of its submission."""
        return f"demo-{take.number}-{self.name}"


def _seeded(take: Take) -> dict[str, Any]:
    return {"seed": take.seed}


def _square(take: Take) -> dict[str, Any]:
    return {"ratio": "1:1", "seed": take.seed}


def _from_a_picture(take: Take) -> dict[str, Any]:
    frame = {"role": "first_frame", "data": _data_uri(_paper_boat())}
    return {"ratio": "16:9", "duration_s": 2, "seed": take.seed, "reference_images": [frame]}


def _four(take: Take) -> dict[str, Any]:
    return {"ratio": "4:3", "n": 4, "seed": take.seed}


def _two_seconds(take: Take) -> dict[str, Any]:
    return {"duration_s": 2, "seed": take.seed}


def _wrong_ratio(take: Take) -> dict[str, Any]:
    return {"ratio": "20:9", "seed": take.seed}


def _paper_boat() -> Image.Image:
    picture = Image.new("RGB", (256, 144), (92, 134, 158))
    pen = ImageDraw.Draw(picture)
    pen.polygon([(48, 92), (208, 92), (178, 122), (78, 122)], fill=(250, 247, 240))
    pen.polygon([(128, 34), (168, 88), (88, 88)], fill=(255, 255, 252), outline=(180, 176, 168))
    return picture


def _data_uri(picture: Image.Image) -> str:
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


_ONE_FILE = Ending(State.DOWNLOADED, files=1, creations=1)

STORIES: tuple[Story, ...] = (
    Story(
        "long-queue",
        "waits long in the studio's queue",
        "sandbox-video-1",
        "a lighthouse that waits for the fog to lift",
        _ONE_FILE,
        _two_seconds,
        script="queue=20 run=2",
    ),
    Story("image", "an image", "sandbox-image-1", "a paper boat in the rain", _ONE_FILE, _square),
    Story(
        "first-frame",
        "a video that begins with a given picture",
        "sandbox-video-1",
        "the paper boat sails away",
        _ONE_FILE,
        _from_a_picture,
        script="queue=1 run=3",
    ),
    Story(
        "batch",
        "a batch of four images",
        "sandbox-image-1",
        "four seasons of one tree",
        Ending(State.DOWNLOADED, files=4, creations=1),
        _four,
        script="queue=1 run=2",
    ),
    Story(
        "gateway",
        "a video through a /v1/videos gateway",
        "sora-2",
        "a kite above the dunes",
        _ONE_FILE,
        script="queue=1 run=3",
    ),
    Story(
        "bad-ratio",
        "a ratio that the model does not offer",
        "sandbox-video-1",
        "a very wide horizon",
        Ending(refused="unacceptable_parameters"),
        _wrong_ratio,
    ),
    Story(
        "duplicate",
        "the first story's request once more",
        "sandbox-video-1",
        "",
        Ending(refused="duplicate_task"),
        repeats="long-queue",
    ),
    Story(
        "content",
        "refused by the studio's content rules",
        "sandbox-image-1",
        "something that no studio may draw",
        Ending(State.FAILED, failure="content_policy_input"),
        _seeded,
        script="create=refuse_content",
    ),
    Story(
        "answer-lost",
        "the answer is lost after the studio accepted",
        "sandbox-image-1",
        "a message in a bottle",
        _ONE_FILE,
        _seeded,
        script="create=lost_after create_times=1",
    ),
    Story(
        "500-after",
        "a gateway breaks after it accepted: nobody can tell",
        "sora-2",
        "a bridge that ends in the mist",
        Ending(parked="outcome_unknown", creations=1),
        script="create=500_after",
    ),
)

STORY = {story.name: story for story in STORIES}
