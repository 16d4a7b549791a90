"""Newcomers at a busy process."""

import asyncio
import socket

import pytest
import uvloop

from tasks_service.api.doors import MANY, doors

CROWD = 4 * MANY


class _Guest(asyncio.Protocol):
    def __init__(self, seen: list[asyncio.BaseTransport]):
        self._seen = seen

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._seen.append(transport)


async def _turns_until_all_are_in(sockets: list[socket.socket]) -> int:
    """How often the loop turns until it has taken a crowd that waits at the door."""
    loop, seen, turns = asyncio.get_running_loop(), list[asyncio.BaseTransport](), 0
    servers = [await loop.create_server(lambda: _Guest(seen), sock=one) for one in sockets]
    crowd = [socket.create_connection(sockets[0].getsockname()) for _ in range(CROWD)]
    while len(seen) < CROWD:
        turns += 1
        await asyncio.sleep(0)
    for guest in crowd:
        guest.close()
    for transport in seen:
        transport.close()
    for server in servers:
        server.close()
        await server.wait_closed()
    return turns


@pytest.fixture
def listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0), backlog=2 * CROWD)


def test_a_crowd_comes_in_within_a_few_turns(listener: socket.socket) -> None:
    assert uvloop.run(_turns_until_all_are_in(doors(listener))) <= CROWD // MANY + 2


def test_through_one_door_each_of_a_crowd_would_take_a_turn(listener: socket.socket) -> None:
    assert uvloop.run(_turns_until_all_are_in([listener])) >= CROWD
