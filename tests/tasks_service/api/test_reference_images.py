"""A request's images are looked at before it is accepted, and kept as they were seen; or everything is refused."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tasks_service.app import create_app
from tasks_service.ledger.ledger import Ledger
from tasks_service.pictures import fetching
from tests.gallery import Gallery, data_uri, picture, showing
from tests.tasks_service.api.conftest import World, refused, settings_for, submit, wish
from tests.tasks_service.api.test_files import ABSENT, kept
from tests.tasks_service.pictures.hostile import HOSTILE

PNG = picture("PNG", (400, 300))
FILE_ID = f"file_{hashlib.sha256(PNG).hexdigest()}"
RETRY = {"x-stainless-retry-count": "1"}
MISSING = {"role": "last_frame", "file_id": ABSENT}


@pytest.fixture
async def gallery() -> AsyncIterator[Gallery]:
    async with showing() as one:
        yield one


@pytest.fixture
async def world(
    ledger: Ledger, dsn: str, tmp_path: Path, gallery: Gallery, monkeypatch: Any
) -> AsyncIterator[World]:
    """The app, which trusts the gallery."""
    monkeypatch.setattr(fetching, "_LEAST_S", 0)
    settings = settings_for(dsn, tmp_path, trusted_image_origins=(gallery.url,), image_timeout_s=1.5)
    app = create_app(settings)
    async with app.router.lifespan_context(app), AsyncExitStack() as opened:
        yield World(app, ledger, settings, opened)


def first(**source: str) -> dict[str, str]:
    return {"role": "first_frame"} | source


async def nothing_is_written(world: World, client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/tasks")).json()["data"] == []
    assert kept(world) == []


@pytest.mark.parametrize("how", ["url", "data", "file_id"])
async def test_an_image_becomes_the_bytes_that_were_seen(
    world: World, acme: httpx.AsyncClient, gallery: Gallery, how: str
) -> None:
    address = gallery.hang("/boat.png", PNG) + "?token=secret#there"
    if how == "file_id":
        await acme.post("/v1/files", content=PNG)
    source = {"url": address, "data": data_uri(PNG), "file_id": FILE_ID}[how]
    task = await submit(acme, reference_images=[first(**{how: source})])

    assert task["request"]["reference_images"] == [{"role": "first_frame", "file_id": FILE_ID}]
    stored = await world.task(task["id"])
    assert [image.model_dump(exclude_none=True) for image in stored.request.reference_images] == [
        first(file_id=FILE_ID)
    ]
    [given] = stored.pictures
    assert (given.role, given.file_id, given.type) == ("first_frame", FILE_ID, "image/png")
    assert (given.bytes, given.width, given.height) == (len(PNG), 400, 300)
    assert given.source == {"url": f"{gallery.url}/boat.png", "data": "inline", "file_id": "upload"}[how]
    assert kept(world) == [FILE_ID.removeprefix("file_")]
    assert (await acme.get(f"/v1/files/{FILE_ID}")).json()["width"] == 400
    told = (await acme.get(f"/v1/tasks/{task['id']}/history")).json()["data"]
    [entry] = [one for one in told if one.get("rule") == "reference_image"]
    assert (entry["outcome"], entry["file_id"], entry["width"], entry["source"][-9:]) == (
        "vetted", FILE_ID, 400, given.source[-9:],
    )  # fmt: skip
    assert "secret" not in str(told)


async def test_the_same_picture_is_the_same_work_however_it_comes(
    world: World, acme: httpx.AsyncClient, gallery: Gallery
) -> None:
    task = await submit(acme, reference_images=[first(url=gallery.hang("/a", PNG))])
    for image in (first(data=data_uri(PNG)), first(file_id=FILE_ID), first(url=gallery.hang("/b", PNG))):
        problem = refused(
            await acme.post("/v1/tasks", json=wish(reference_images=[image])), 409, "duplicate_task"
        )
        assert problem["duplicate_of"]["id"] == task["id"]
    await submit(acme, reference_images=[first(data=data_uri(picture("PNG", (400, 300))))])


async def test_what_was_asked_again_with_its_key_is_not_fetched_again(
    world: World, acme: httpx.AsyncClient, gallery: Gallery
) -> None:
    key = {"Idempotency-Key": "boat-1"}
    asked = wish(reference_images=[first(url=gallery.hang("/a", PNG))])
    made = await acme.post("/v1/tasks", json=asked, headers=key)
    gallery.hang("/a", picture("PNG", (400, 300)))
    again = await acme.post("/v1/tasks", json=asked, headers=key)
    spelt_out = await acme.post("/v1/tasks", json=asked | {"ratio": "16:9"}, headers=key)

    assert made.status_code == again.status_code == spelt_out.status_code == 202
    assert made.json()["id"] == again.json()["id"] == spelt_out.json()["id"]
    assert again.headers["idempotent-replayed"] == "true"
    assert gallery.visits == ["/a"]
    other = wish(reference_images=[first(url=f"{gallery.url}/b")])
    problem = refused(await acme.post("/v1/tasks", json=other, headers=key), 422, "idempotency_key_reused")
    assert all(pointer.startswith("/reference_images/0") for pointer in problem["differs"])
    assert gallery.visits == ["/a"]


async def test_everything_that_is_wrong_with_the_images_is_said_at_once(
    world: World, acme: httpx.AsyncClient, gallery: Gallery
) -> None:
    images = [first(url=gallery.hang("/a", HOSTILE["apng"][0]) + "?token=secret"), MISSING]
    problem = refused(
        await acme.post("/v1/tasks", json=wish(reference_images=images)), 422, "unacceptable_parameters"
    )

    found = {entry["pointer"]: entry for entry in problem["problems"]}
    assert {pointer: entry["code"] for pointer, entry in found.items()} == {
        "/reference_images/0/url": "animated", "/reference_images/1/file_id": "unknown_file",
    }  # fmt: skip
    assert found["/reference_images/0/url"]["got"] == f"{gallery.url}/a"
    await nothing_is_written(world, acme)


async def test_a_strangers_file_is_unknown_in_the_same_words(world: World, acme: httpx.AsyncClient) -> None:
    await (await world.client("globex")).post("/v1/files", content=PNG)
    details = []
    for name in (FILE_ID, ABSENT):
        reply = await acme.post("/v1/tasks", json=wish(reference_images=[first(file_id=name)]))
        details.append(refused(reply, 422, "unacceptable_parameters")["detail"])

    assert len(set(details)) == 1


async def test_what_breaks_a_rule_is_not_fetched(
    world: World, acme: httpx.AsyncClient, gallery: Gallery
) -> None:
    asked = wish(ratio="5:1", reference_images=[first(url=gallery.hang("/a", PNG))])

    refused(await acme.post("/v1/tasks", json=asked), 422, "unacceptable_parameters")
    assert gallery.visits == []


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_images_are_refused_and_nothing_is_written(
    world: World, acme: httpx.AsyncClient, gallery: Gallery, name: str
) -> None:
    content, code = HOSTILE[name]
    asked = wish(reference_images=[first(url=gallery.hang("/x.png", content))])

    problem = refused(await acme.post("/v1/tasks", json=asked), 422, "unacceptable_parameters")
    assert [entry["code"] for entry in problem["problems"]] == [code]
    await nothing_is_written(world, acme)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:22/", "http://10.0.0.1/a.png", "http://169.254.169.254/latest/meta-data", "http://[::1]/", "http://2130706433/"]
)  # fmt: skip
async def test_addresses_that_are_not_public_are_refused(
    world: World, acme: httpx.AsyncClient, url: str
) -> None:
    problem = refused(
        await acme.post("/v1/tasks", json=wish(reference_images=[first(url=url)])),
        422,
        "unacceptable_parameters",
    )

    assert [entry["code"] for entry in problem["problems"]] == ["not_fetched"]
    await nothing_is_written(world, acme)


async def test_a_dry_run_looks_at_images_and_keeps_none(
    world: World, acme: httpx.AsyncClient, gallery: Gallery
) -> None:
    good, bad = gallery.hang("/good", PNG), gallery.hang("/bad", HOSTILE["svg"][0])
    path = "/v1/tasks?validate_only=true"

    assert (await acme.post(path, json=wish(reference_images=[first(url=good)]))).json()["valid"]
    told = (await acme.post(path, json=wish(reference_images=[first(url=bad)]))).json()
    assert [entry["code"] for entry in told["problems"]] == ["not_an_image"]
    assert gallery.visits == ["/good", "/bad"]
    await nothing_is_written(world, acme)


async def test_a_library_that_repeats_itself_gets_its_task_whatever_the_address_shows_by_now(
    world: World, acme: httpx.AsyncClient, gallery: Gallery
) -> None:
    asked = wish(reference_images=[first(url=gallery.hang("/a", PNG))])
    made = await acme.post("/v1/tasks", json=asked)
    gallery.hang("/a", picture("PNG", (400, 300)))
    again = await acme.post("/v1/tasks", json=asked, headers=RETRY)
    allowed = asked | {"allow_duplicate": True}
    twice = [await acme.post("/v1/tasks", json=allowed, headers=headers) for headers in ({}, RETRY, RETRY)]
    on_purpose = await acme.post("/v1/tasks", json=asked)

    assert (made.status_code, again.status_code) == (202, 202)
    assert again.json()["id"] == made.json()["id"]
    assert again.headers["idempotent-replayed"] == "true"
    assert len({reply.json()["id"] for reply in twice} | {made.json()["id"]}) == 2
    # Without the library's word it is another picture, and so other work: /a was looked at for it.
    assert refused(on_purpose, 409, "duplicate_task")["duplicate_of"]["id"] == twice[0].json()["id"]
    assert gallery.visits == ["/a"] * 3


async def test_a_dry_run_says_what_a_submission_would_be_told_of_twins_and_keys(
    world: World, acme: httpx.AsyncClient, gallery: Gallery
) -> None:
    path, key = "/v1/tasks?validate_only=true", {"Idempotency-Key": "boat-1"}
    asked = wish(reference_images=[first(url=gallery.hang("/a", PNG))])
    task = (await acme.post("/v1/tasks", json=asked, headers=key)).json()
    same, other = [
        await acme.post(path, json=asked | more, headers=key) for more in ({}, {"prompt": "another boat"})
    ]
    twin = await acme.post(path, json=asked)
    allowed = await acme.post(path, json=asked | {"allow_duplicate": True})

    assert (same.json()["valid"], same.json()["replay_of"]) == (True, task["id"])
    assert [entry["code"] for entry in other.json()["problems"]] == ["idempotency_key_reused"]
    assert [entry["code"] for entry in twin.json()["problems"]] == ["duplicate_task"]
    assert task["id"] in twin.json()["problems"][0]["detail"]
    assert (allowed.json()["valid"], allowed.json()["replay_of"]) == (True, None)
    assert [one["id"] for one in (await acme.get("/v1/tasks")).json()["data"]] == [task["id"]]


async def test_an_image_named_twice_is_fetched_once(
    world: World, acme: httpx.AsyncClient, gallery: Gallery
) -> None:
    url = gallery.hang("/a", PNG)
    await submit(acme, reference_images=[first(url=url), {"role": "last_frame", "url": url}])

    assert gallery.visits == ["/a"]


async def test_a_slow_host_does_not_hold_up_who_names_another(
    world: World, acme: httpx.AsyncClient, gallery: Gallery
) -> None:
    let_go = asyncio.Event()

    async def held(_: asyncio.StreamWriter) -> None:
        await let_go.wait()

    # Another origin of the same machine, which never answers.
    async with showing() as slow:
        trusted = (gallery.url, slow.url)
        world.app.state.service.vetting._fetching._trusted = frozenset(map(fetching.origin, trusted))
        images = [first(url=f"{slow.hang('/x', held)}?{n}") for n in range(40)]
        posts = [acme.post("/v1/tasks", json=wish(reference_images=[image])) for image in images]
        forty = [asyncio.create_task(post) for post in posts]
        await slow.visited_by(8)
        # Those eight are held by their host until it lets go, and this one is through.
        task = await submit(acme, reference_images=[first(url=gallery.hang("/a", PNG))])
        assert task["state"] == "submitted"
        assert not any(post.done() for post in forty)
        let_go.set()
        for reply in await asyncio.gather(*forty):
            refused(
                reply,
                reply.status_code,
                {422: "unacceptable_parameters", 503: "overloaded"}[reply.status_code],
            )


async def test_a_store_that_is_away_accepts_nothing(world: World, acme: httpx.AsyncClient) -> None:
    folder = Path(world.settings.store.removeprefix("file://")) / "references"
    folder.parent.mkdir(exist_ok=True)
    folder.write_bytes(b"not a folder")

    refused(
        await acme.post("/v1/tasks", json=wish(reference_images=[first(data=data_uri(PNG))])),
        503,
        "overloaded",
    )
    assert (await acme.get("/v1/tasks")).json()["data"] == []
