"""Ark's own client (volcengine-ark-runtime 5.0.54) takes the studio for Ark."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import volcenginesdkarkruntime as sdk

from workers.sandbox.app import running_studio

KEY = "studio-key-0123456789"
MODEL = "doubao-seedance-1-0-pro-250528"


@asynccontextmanager
async def tasks_at(folder, key: str = KEY) -> AsyncIterator:
    """Its resource of video tasks; without its retries, which send a paid request again."""
    async with (
        running_studio(folder, KEY) as url,
        sdk.AsyncArk(base_url=f"{url}/ark/api/v3", api_key=key, max_retries=0) as client,
    ):
        yield client.content_generation.tasks


def text(script: str) -> list[dict]:
    return [{"type": "text", "text": f"a boat [sandbox: {script}]"}]


async def test_it_creates_gets_and_finds_its_reference_again(tmp_path):
    async with tasks_at(tmp_path) as tasks:
        made = await tasks.create(
            model=MODEL, content=text("queue=0 run=0"), safety_identifier="r1", duration=2, ratio="1:1"
        )
        seen = await tasks.get(task_id=made.id)

    assert (seen.status, seen.safety_identifier, seen.error) == ("succeeded", "r1", None)
    assert seen.content.video_url.startswith("http://127.0.0.1:")
    assert seen.usage.completion_tokens > 0


async def test_it_lists_by_ids_by_model_and_by_page(tmp_path):
    async with tasks_at(tmp_path) as tasks:
        names = [(await tasks.create(model=MODEL, content=text("queue=90"))).id for _ in range(3)]
        by_ids = await tasks.list(task_ids=names[:2])
        paged = await tasks.list(model=MODEL, status="queued", page_num=2, page_size=2)
        none = await tasks.list(model="doubao-seedance-2-5-260628")

    assert {item.id for item in by_ids.items} == set(names[:2])
    assert ([item.id for item in paged.items], paged.total) == (names[:1], 3)
    assert none.items == []


async def test_it_cancels_what_waits(tmp_path):
    async with tasks_at(tmp_path) as tasks:
        made = await tasks.create(model=MODEL, content=text("queue=90"))
        await tasks.delete(task_id=made.id)

        assert (await tasks.get(task_id=made.id)).status == "cancelled"


async def test_it_reads_a_failed_task(tmp_path):
    async with tasks_at(tmp_path) as tasks:
        made = await tasks.create(model=MODEL, content=text("queue=0 run=0 end=content"))
        seen = await tasks.get(task_id=made.id)

    assert (seen.status, seen.error.code) == ("failed", "OutputVideoSensitiveContentDetected")


@pytest.mark.parametrize(
    ("script", "error", "code"),
    [
        ("create=refuse_rate", "ArkRateLimitError", "RateLimitExceeded.EndpointRPMExceeded"),
        ("create=refuse_content", "ArkBadRequestError", "InputTextSensitiveContentDetected"),
        ("create=refuse_money", "ArkPermissionDeniedError", "AccountOverdueError"),
        ("create=500_after", "ArkInternalServerError", "InternalServiceError"),
    ],
)
async def test_it_raises_its_own_errors(tmp_path, script, error, code):
    async with tasks_at(tmp_path) as tasks:
        with pytest.raises(getattr(sdk._exceptions, error)) as raised:
            await tasks.create(model=MODEL, content=text(script))

    assert raised.value.code == code


async def test_it_knows_a_wrong_key_and_a_task_that_is_not_there(tmp_path):
    async with tasks_at(tmp_path) as tasks:
        with pytest.raises(sdk._exceptions.ArkNotFoundError):
            await tasks.get(task_id="cgt-x")
    async with tasks_at(tmp_path, key="wrong") as tasks:
        with pytest.raises(sdk._exceptions.ArkAuthenticationError):
            await tasks.get(task_id="cgt-x")
