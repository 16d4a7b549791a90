"""A site that is the task's own route, an internet, and what fetches from both."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tasks_service.outside import Outside

from .internet import PUBLIC, Internet, Site, serving


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """The task's own route."""
    async with serving() as one:
        yield one


@pytest.fixture
async def internet(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Internet]:
    """Everything beyond this machine; only the last step of a connection is replaced."""
    loop = asyncio.get_running_loop()
    really = loop.sock_connect
    async with serving() as far:
        world = Internet({"files.example": [[PUBLIC]]}, far)

        async def connect(sock: Any, address: tuple[Any, ...]) -> None:
            world.connected.append(address[0])
            port = int(far.url.rpartition(":")[2])
            await really(sock, address if address[0] == "127.0.0.1" else ("127.0.0.1", port))

        monkeypatch.setattr(loop, "sock_connect", connect)
        yield world


@pytest.fixture
async def outside(internet: Internet) -> AsyncIterator[Outside]:
    """What is tested, with the names of our internet."""
    opened = Outside(resolve=internet.resolve)
    yield opened
    await opened.close()
