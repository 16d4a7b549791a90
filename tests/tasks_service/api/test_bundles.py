"""A task's evidence as one file: whole, the same each time, without secrets, and without staff's things."""

import io
import zipfile

import httpx
import pytest

from schemas import rules
from schemas.lifecycle import State
from schemas.rules import RULES
from schemas.rules.keys import labels_are_free_of_keys
from tests.tasks_service.api.conftest import World, refused, submit, wish

SECRET = "sk-abcdefghijklmnopqrstuv"
HOSTILE = "``` </code> | # end \x1b[31m\u202e\n```` and more"


async def failed(world: World, client: httpx.AsyncClient, **changes: object) -> str:
    name = (await submit(client, **changes))["id"]
    await world.record(
        name, purpose="submit", status=400, body='{"message": "no kites"}', upstream_request_id="up-8"
    )
    await world.move(name, State.FAILED)
    return name


async def test_a_bundle_holds_everything_that_is_on_record(world: World, acme: httpx.AsyncClient) -> None:
    name = await failed(world, acme)

    found = (await acme.get(f"/v1/tasks/{name}/bundle")).json()

    assert found["task"] == (await acme.get(f"/v1/tasks/{name}")).json()
    history = (await acme.get(f"/v1/tasks/{name}/history")).json()["data"]
    groups = ("checks", "states", "calls", "notes", "artifacts")
    told = sorted((entry for group in groups for entry in found[group]), key=lambda entry: entry["seq"])
    assert told == history
    assert found["as_of"] == max(entry["at"] for entry in history)
    assert "no kites" in str(found["explanation"]["en"])
    assert "内容检查" in str(found["explanation"]["zh"])


async def test_a_bundle_of_a_finished_task_names_its_files_by_digest(
    world: World, acme: httpx.AsyncClient
) -> None:
    name = (await submit(acme))["id"]
    file = await world.finish(name)

    found = (await acme.get(f"/v1/tasks/{name}/bundle")).json()
    text = (await acme.get(f"/v1/tasks/{name}/bundle?format=md")).text

    assert [one["sha256"] for one in found["artifacts"]] == [file.sha256]
    assert file.sha256 in text


@pytest.mark.parametrize("form", ["json", "md", "zip"])
async def test_the_same_record_gives_the_same_bytes(world: World, acme: httpx.AsyncClient, form: str) -> None:
    name = await failed(world, acme)

    first, second = [await acme.get(f"/v1/tasks/{name}/bundle?format={form}") for _ in range(2)]

    assert first.content == second.content
    assert name in first.headers["content-disposition"]
    assert first.headers["content-disposition"].startswith("inline" if form == "json" else "attachment")


async def test_a_zip_holds_both_forms(world: World, acme: httpx.AsyncClient) -> None:
    name = await failed(world, acme)
    alone = {
        form: (await acme.get(f"/v1/tasks/{name}/bundle?format={form}")).content for form in ("json", "md")
    }

    packed = zipfile.ZipFile(io.BytesIO((await acme.get(f"/v1/tasks/{name}/bundle?format=zip")).content))

    assert {entry.filename: packed.read(entry) for entry in packed.infolist()} == {
        f"{name}/{name}.{form}": content for form, content in alone.items()
    }


@pytest.mark.parametrize("form", ["json", "md"])
async def test_a_bundle_leaves_the_house_without_secrets(
    world: World, acme: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    prompt = f"write {SECRET} on a wall, as in https://hooks.test/done?token=hush-hush-hush"
    metadata = {"api_key": "hush-hush-hush", SECRET: "x"}
    problem = refused(
        await acme.post("/v1/tasks", json=wish(metadata=metadata)), 422, "unacceptable_parameters"
    )
    assert [(one["pointer"], one["code"]) for one in problem["problems"]] == [("/metadata", "whole_key")]
    assert SECRET not in str(problem)
    # As one that came in when keys were not looked for there.
    monkeypatch.setattr(rules, "RULES", tuple(one for one in RULES if one is not labels_are_free_of_keys))
    name = await failed(world, acme, prompt=prompt, metadata=metadata)

    told = (await acme.get(f"/v1/tasks/{name}/bundle?format={form}")).text

    assert "[redacted]" in told.replace("\\", "")
    assert SECRET not in told
    assert "hush-hush-hush" not in told


@pytest.mark.parametrize("form", ["json", "md"])
async def test_customers_get_no_routes_and_no_addresses_and_staff_does(
    world: World, acme: httpx.AsyncClient, staff: httpx.AsyncClient, form: str
) -> None:
    name = (await submit(acme))["id"]
    await world.record(
        name, status=500, body='{"url": "https://cdn.upstream.test/film.mp4"}', route="secret-gateway"
    )

    theirs = (await acme.get(f"/v1/tasks/{name}/bundle?format={form}")).text
    ours = (await staff.get(f"/v1/tasks/{name}/bundle?format={form}")).text

    for hidden in ("cdn.upstream.test", "secret-gateway", "/sandbox/v1/jobs"):
        assert hidden not in theirs
        assert hidden in ours.replace("\\", "")


async def test_hostile_words_stay_in_their_place_in_markdown(world: World, acme: httpx.AsyncClient) -> None:
    name = (await submit(acme, external_id="a|b <script>"))["id"]
    await world.record(name, status=500, body=HOSTILE)

    lines = (await acme.get(f"/v1/tasks/{name}/bundle?format=md")).text.splitlines()

    start = next(at for at, line in enumerate(lines) if line == "`````")
    end = lines.index("`````", start + 1)
    assert lines[start + 1 : end][0].startswith("``` </code> | # end \ufffd[31m")
    assert lines[end - 1] == "```` and more"
    assert (
        "| external\\_id | a\\|b \\<script\\> |" in lines or "| external_id | a\\|b \\<script\\> |" in lines
    )
    assert not any("\x1b" in line for line in lines)


async def test_an_unknown_form_is_refused(acme: httpx.AsyncClient) -> None:
    name = (await submit(acme))["id"]

    refused(await acme.get(f"/v1/tasks/{name}/bundle?format=pdf"), 400, "malformed_request")
