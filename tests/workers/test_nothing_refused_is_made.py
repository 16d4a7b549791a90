"""Every refusal of the rules, said by the real API, before a real worker and an upstream that counts."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
import pytest

from schemas.ids import parse_task_id
from schemas.lifecycle import State
from schemas.providers import PROVIDERS
from tasks_service.app import create_app
from tests.schemas.rules.departures import wrong_requests
from tests.schemas.rules.examples import ALL
from tests.schemas.rules.requests import body_of

MODELS = {model.name: model for provider in PROVIDERS.values() for model in provider.models}
ACCEPTED = ("sandbox-image-1-fast", "sora-2", "kling-v2-6", "doubao-seedance-1-5-pro-251215")


@dataclass(frozen=True)
class Refused:
    """A request that has to be refused, and where it is wrong."""

    body: dict[str, Any]
    pointer: str


def refusals() -> Iterator[Refused]:
    """Every example, and of each model all single departures from what it takes, in one way of using it each."""
    for name, _, example in ALL:
        yield Refused(body_of(MODELS[name], example.refused), example.pointer)
    for model in MODELS.values():
        wrong = (
            (repr(departure), Refused(body, departure.where)) for body, departure in wrong_requests(model)
        )
        yield from dict(wrong).values()


@pytest.fixture
async def customer(world: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A customer at the API, in front of the studio and the worker."""
    app = create_app(world.settings)
    headers = {"Authorization": f"Bearer {await world.ledger.keys.new('acme')}"}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://api", headers=headers
        ) as client,
    ):
        yield client


@dataclass(frozen=True)
class Books:
    """What there is of paid work: here, and at the studio, with the calls that it was ever sent."""

    tasks: int
    spends: int
    creations: int
    calls: int

    @classmethod
    async def of(cls, world: Any, dsn: str) -> "Books":
        connection = await asyncpg.connect(dsn)
        try:
            tasks, spends = await connection.fetchrow(
                "SELECT (SELECT count(*) FROM task), (SELECT count(*) FROM spend)"
            )
        finally:
            await connection.close()
        async with httpx.AsyncClient(base_url=world.studio) as client:
            studio = (await client.get("/ledger")).json()
        calls = sum(count for dialect in studio["calls"].values() for count in dialect.values())
        return cls(tasks, spends, studio["count"], calls)


async def test_no_refused_request_ever_costs_anything(
    world: Any, dsn: str, customer: httpx.AsyncClient
) -> None:
    async with world.working():
        for refused in refusals():
            answer = await customer.post("/v1/tasks", json=refused.body)
            await asyncio.sleep(0)  # such an answer waits for nothing, and the worker is to have its turn
            assert answer.status_code == 422, (refused.body, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
            assert refused.pointer in {one["pointer"] for one in answer.json()["problems"]}
        assert await Books.of(world, dsn) == Books(tasks=0, spends=0, creations=0, calls=0)

        # The books do count: of each dialect one request is accepted, and the worker was there all the time.
        for model in ACCEPTED:
            await made(world, customer, model)
        books = await Books.of(world, dsn)
        assert (books.tasks, books.spends, books.creations) == (len(ACCEPTED),) * 3
        assert books.calls > len(ACCEPTED)


async def made(world: Any, customer: httpx.AsyncClient, model: str) -> None:
    body = body_of(MODELS[model], {"prompt": "a boat [sandbox: queue=0 run=0.1]"})
    answer = await customer.post("/v1/tasks", json=body)
    assert answer.status_code == 202, answer.text
    task = await world.task(parse_task_id(answer.json()["id"]))
    assert (await world.until(task)).state is State.DOWNLOADED
