"""A fleet of real processes: API, workers, studio and Valkey, each killed and started as a test wishes."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tasks_service.embedded import Valkey, start_valkey
from tasks_service.ledger.ledger import Ledger
from tests.forking import Forked

KEY = "studio-key-0123456789"
OVER = ("downloaded", "failed")


class Fleet:
    """Processes by name, one studio, one key."""

    def __init__(self, folder: Path, dsn: str, valkey: Valkey | None):
        self.folder = folder
        self.valkey = valkey
        self.environment = {
            **os.environ,
            "DATABASE_URL": dsn,
            "REDIS_URL": valkey.url if valkey else "",
            "STORE_URL": f"file://{folder / 'artifacts'}",
            "CREATIVE_TASKS_DATA_FOLDER": str(folder),
            "CREATIVE_TASKS_LEASE_S": "2",
            "STUDIO_KEY": KEY,
        }
        self.processes: dict[str, Forked | subprocess.Popen[bytes]] = {}
        self.studio = self.api = self.key = ""

    def start(self, name: str, *arguments: str, **environment: str) -> None:
        """Start a process; its log lies beside the others."""
        module, *words = arguments
        log = self.folder / f"{name}.log"
        self.processes[name] = Forked(
            module, words, environment=self.environment | environment, output=log, errors=log
        )

    async def start_studio(self) -> None:
        port = free_port()
        self.studio = f"http://127.0.0.1:{port}"
        self.start(
            "studio",
            "workers.sandbox.main",
            "--port",
            str(port),
            "--folder",
            str(self.folder / "studio"),
            "--key",
            KEY,
        )
        await answers(f"{self.studio}/healthz")
        self.environment["CREATIVE_TASKS_ROUTES"] = json.dumps(
            [
                {
                    "name": "sandbox",
                    "provider": "sandbox",
                    "base_url": self.studio,
                    "credential": "env:STUDIO_KEY",
                },
                {
                    "name": "gateway",
                    "provider": "openai_videos",
                    "base_url": self.studio,
                    "credential": "env:STUDIO_KEY",
                },
            ]
        )

    async def start_api(self, name: str = "api", port: int | None = None) -> str:
        port = port or free_port()
        self.start(name, "tasks_service.cli.main", "api", CREATIVE_TASKS_PORT=str(port))
        await answers(f"http://127.0.0.1:{port}/readyz")
        self.api = self.api or f"http://127.0.0.1:{port}"
        return f"http://127.0.0.1:{port}"

    def start_worker(self, name: str = "worker", **environment: str) -> None:
        self.start(name, "workers.main", **environment)

    def kill(self, name: str) -> None:
        """kill -9, as the out-of-memory killer does it."""
        self.processes[name].kill()
        self.processes[name].wait()

    def client(self, base_url: str | None = None) -> httpx.AsyncClient:
        headers = {"authorization": f"Bearer {self.key}"}
        return httpx.AsyncClient(base_url=base_url or self.api, headers=headers, timeout=30)

    async def books(self) -> dict[str, Any]:
        """The studio's own ledger: every creation, and how often it was called."""
        async with httpx.AsyncClient() as client:
            return (await client.get(f"{self.studio}/ledger")).json()

    async def ended(
        self, client: httpx.AsyncClient, ids: list[str], within_s: float = 60, *, or_parked: bool = False
    ) -> list[dict[str, Any]]:
        """The tasks, once every one of them is over, or waits for a person where that will do."""
        async with asyncio.timeout(within_s):
            while True:
                tasks: list[dict[str, Any]] = []
                for start in range(0, len(ids), 200):
                    reply = await client.post("/v1/tasks/lookup", json={"ids": ids[start : start + 200]})
                    tasks += reply.json()["data"]
                over = [task["state"] in OVER or (or_parked and task["parked"]) for task in tasks]
                if len(tasks) == len(ids) and all(over):
                    return tasks
                await asyncio.sleep(0.2)

    def stop(self) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture
async def fleet(dsn: str, ledger: Ledger) -> AsyncIterator[Fleet]:
    """A studio and a Valkey; the test starts the rest."""
    with tempfile.TemporaryDirectory(prefix="creative-tasks-journey-") as folder:
        valkey = start_valkey(Path(folder) / "valkey")
        started = Fleet(Path(folder), dsn, valkey)
        started.key = await ledger.keys.new("acme")
        try:
            await started.start_studio()
            yield started
        finally:
            started.stop()
            if valkey:
                valkey.stop()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


async def answers(url: str, within_s: float = 120) -> None:
    async with asyncio.timeout(within_s), httpx.AsyncClient() as client:
        while True:
            try:
                if (await client.get(url)).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.05)
