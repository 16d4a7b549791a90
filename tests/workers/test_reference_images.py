"""What a provider gets are the bytes that were vetted, whatever becomes of their address; or it waits for us."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from uuid_utils.compat import uuid7

from schemas.lifecycle import Parked, Spend, State
from schemas.providers import PROVIDERS, model_of
from schemas.refusals import UnacceptableParameters
from schemas.task import Task, TaskRequest
from tasks_service.admission import Admission
from tasks_service.artifacts import StoreAway
from tasks_service.doorbell import SilentDoorbell
from tasks_service.ledger.keys import Caller
from tasks_service.pictures import fetching
from tasks_service.pictures.references import References
from tasks_service.pictures.vetting import Vetting
from tests.gallery import Gallery, data_uri, picture, showing
from tests.tasks_service.pictures.hostile import HOSTILE

PNG = picture("PNG", (400, 300))
DIGEST = hashlib.sha256(PNG).hexdigest()


@dataclass
class Studio:
    """The door of the API, in front of the world that the workers know."""

    world: Any
    gallery: Gallery
    admission: Admission
    caller: Caller

    async def accepts(self, *sources: dict[str, str], script: str = "", **changes: Any) -> Task:
        asked: dict[str, Any] = {
            "model": "sandbox-image-1", "prompt": f"a boat {uuid7()}", "reference_images": list(sources),
            "options": {"behaviour": f"queue=0 run=0.1 {script}"},
        } | changes  # fmt: skip
        request = TaskRequest.model_validate(asked, strict=False)
        return (await self.admission.admit(request, self.caller)).task

    async def got(self, task: Task) -> list[str | None]:
        """The digests of the pictures that the upstream was sent, as its own books say."""
        words = task.request.prompt.partition(" [")[0]
        async with httpx.AsyncClient(base_url=self.world.studio) as client:
            books = (await client.get("/ledger", params={"prompt_contains": words})).json()
        return [one["file"] for made in books["creations"] for one in made["work"]["references"]]

    async def spent(self) -> int:
        async with httpx.AsyncClient(base_url=self.world.studio) as client:
            return (await client.get("/ledger")).json()["count"]

    @property
    def shelf(self) -> Path:
        return Path(self.world.settings.store.removeprefix("file://")) / "references"


@pytest.fixture
async def studio(world: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Studio]:
    monkeypatch.setattr(fetching, "_LEAST_S", 0)
    caller = await world.ledger.keys.find(await world.ledger.keys.new("acme"))
    async with showing() as gallery:
        settings = world.settings.model_copy(update={"trusted_image_origins": (gallery.url,)})
        vetting = Vetting.open(world.ledger, settings)
        yield Studio(
            world, gallery, Admission(world.ledger, SilentDoorbell(), settings.routes, vetting), caller
        )
        await vetting.close()


@pytest.mark.parametrize("becomes", ["another picture", "a web page", "nothing"])
async def test_what_is_sent_is_what_was_vetted(studio: Studio, becomes: str) -> None:
    task = await studio.accepts({"url": studio.gallery.hang("/a", PNG)})
    match becomes:
        case "another picture":
            studio.gallery.hang("/a", picture())
        case "a web page":
            studio.gallery.hang("/a", b"<html>")
        case _:
            del studio.gallery.walls["/a"]
    async with studio.world.working():
        assert (await studio.world.until(task)).state is State.DOWNLOADED

    assert await studio.got(task) == [DIGEST]
    assert (studio.shelf / DIGEST).read_bytes() == PNG
    assert studio.gallery.visits == ["/a"]


async def test_every_source_arrives_at_the_provider(studio: Studio) -> None:
    jpeg = picture("JPEG", (320, 320))
    task = await studio.accepts(
        {"url": studio.gallery.hang("/a", PNG)}, {"data": data_uri(jpeg, "image/jpeg")}
    )
    again = await studio.accepts({"file_id": f"file_{DIGEST}"})
    async with studio.world.working():
        for one in (task, again):
            assert (await studio.world.until(one)).state is State.DOWNLOADED

    assert await studio.got(task) == [DIGEST, hashlib.sha256(jpeg).hexdigest()]
    assert await studio.got(again) == [DIGEST]


@pytest.mark.parametrize(
    ("model", "role"),
    [
        ("kling-v2-6", "first_frame"), ("doubao-seedance-1-0-pro-250528", "first_frame"),
        ("sora-2", "reference"),
    ],
)  # fmt: skip
async def test_every_dialect_carries_the_same_bytes(studio: Studio, model: str, role: str) -> None:
    content = picture("PNG", (400, 300))
    url = studio.gallery.hang("/a", content)
    known = next(found for p in PROVIDERS.values() if (found := model_of(p.name, model)))
    changes = {"model": model, "options": {}, "prompt": f"a boat {uuid7()} [sandbox: queue=0 run=0.1]"}
    assert known.reference_images is not None
    task = await studio.accepts({"url": url, "role": role}, **changes)
    async with studio.world.working():
        assert (await studio.world.until(task)).state is State.DOWNLOADED

    assert await studio.got(task) == [hashlib.sha256(content).hexdigest()]


async def test_a_lost_answer_is_asked_for_again_with_the_same_bytes(studio: Studio) -> None:
    task = await studio.accepts(
        {"url": studio.gallery.hang("/a", PNG)}, script="create=lost_after create_times=1"
    )
    studio.gallery.hang("/a", picture())
    async with studio.world.working():
        assert (await studio.world.until(task)).state is State.DOWNLOADED

    assert await studio.got(task) == [DIGEST]
    assert len(await studio.world.calls(task, "submit")) > 1


@pytest.mark.parametrize("trouble", ["gone", "damaged"])
async def test_an_image_that_our_store_cannot_give_is_waited_for(studio: Studio, trouble: str) -> None:
    task = await studio.accepts({"data": data_uri(PNG)})
    if trouble == "gone":
        (studio.shelf / DIGEST).unlink()
    else:
        (studio.shelf / DIGEST).write_bytes(PNG[:-1] + b"x")
    async with studio.world.working(stalled_after_s=0.1):
        held = await studio.world.until(task, parked=True)
        assert (held.state, held.parked, held.spend) == (State.SUBMITTED, Parked.STALLED, Spend.NONE)
        assert await studio.world.creations(task) == 0
        notes = await studio.world.ledger.history.notes(task.id)
        assert [note["detail"] for note in notes] == ["our store cannot give the reference images"]

        await References(studio.world.settings.store).keep(DIGEST, PNG + b"")
        if trouble == "damaged":
            (studio.shelf / DIGEST).write_bytes(PNG)
        assert (await studio.world.until(task, State.DOWNLOADED)).state is State.DOWNLOADED
    assert await studio.got(task) == [DIGEST]


async def test_a_task_of_before_keeps_its_image_in_itself(studio: Studio) -> None:
    # As releases before this one have written them.
    task = await studio.world.accepts("sandbox-image-1", reference_images=[{"data": data_uri(PNG)}])
    async with studio.world.working():
        assert (await studio.world.until(task)).state is State.DOWNLOADED

    assert (task.pictures, await studio.got(task)) == ((), [DIGEST])


async def test_what_is_refused_costs_nothing(studio: Studio) -> None:
    async with studio.world.working():
        for n, (content, code) in enumerate(HOSTILE.values()):
            with pytest.raises(UnacceptableParameters) as refused:
                await studio.accepts({"url": studio.gallery.hang(f"/{n}", content)})
            assert [problem["code"] for problem in refused.value.members["problems"]] == [code]

    assert (await studio.spent(), studio.shelf.exists()) == (0, False)


async def test_a_shelf_gives_what_its_names_say_or_nothing(tmp_path: Path) -> None:
    shelf = References(f"file://{tmp_path}")
    await shelf.keep(DIGEST, PNG)
    await shelf.keep(DIGEST, PNG)

    assert await shelf.read(DIGEST) == PNG
    assert [file.name for file in (tmp_path / "references").iterdir()] == [DIGEST]
    (tmp_path / "references" / DIGEST).write_bytes(b"x")
    with pytest.raises(StoreAway, match="does not hold what its name says"):
        await shelf.read(DIGEST)
    # Brought again, it is as it was.
    await shelf.keep(DIGEST, PNG)
    assert await shelf.read(DIGEST) == PNG
