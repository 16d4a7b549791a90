"""Bodies that come slowly, or all at once, cost neither all the memory nor other accounts their turn."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.requests import Request

from schemas.refusals import Overloaded
from tasks_service.api.receiving import Receiving
from tests.gallery import picture
from tests.tasks_service.api.conftest import World, refused

ACME, GLOBEX = 1, 2
MOST = 1 << 20


def of(size: int | None) -> Request:
    headers = [] if size is None else [(b"content-length", str(size).encode())]
    return Request({"type": "http", "headers": headers})


def test_an_account_may_fill_half_and_all_accounts_the_whole() -> None:
    room = Receiving(4 * MOST)
    with room.hold(of(MOST), ACME, MOST), room.hold(of(MOST), ACME, MOST):
        with pytest.raises(Overloaded) as told, room.hold(of(MOST), ACME, MOST):
            pass
        assert told.value.headers["Retry-After"]
        with room.hold(of(None), GLOBEX, MOST), room.hold(of(MOST), GLOBEX, MOST):
            with pytest.raises(Overloaded), room.hold(of(None), 3, MOST):
                pass
            with room.hold(of(100), 3, MOST):  # what is small is not counted
                pass
    with room.hold(of(9 * MOST), ACME, 9 * MOST):  # the first is always taken
        pass
    assert room._held == {}


async def test_uploads_that_stall_leave_room_for_others(world: World, acme: httpx.AsyncClient) -> None:
    let_go, content = asyncio.Event(), picture("PNG", (300, 200))

    async def stalling() -> AsyncIterator[bytes]:
        yield content
        await let_go.wait()

    world.app.state.service.receiving._most = 2 * world.settings.max_image_bytes
    stalled = asyncio.create_task(acme.post("/v1/files", content=stalling()))
    async with asyncio.timeout(30):
        while not world.app.state.service.receiving._held:  # noqa: ASYNC110 - the server does it
            await asyncio.sleep(0.01)
    told = await acme.post("/v1/files", content=stalling())
    other = await (await world.client("globex")).post("/v1/files", content=picture())
    let_go.set()

    refused(told, 503, "overloaded")
    assert other.status_code == 201
    assert (await stalled).status_code == 201
