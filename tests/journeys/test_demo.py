"""The demo survives what it must survive: the death of any one of its processes."""

import asyncio
import json
import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.journey

# Every story has left our hands by then: what may be paid for is on record, and the slow one is still waiting.
ALL_SENT = (
    ("gateway", {"queued"}),
    ("500-after", {"parked"}),
    # As soon as it was found again; to wait for its end could be to wait for the slow one, too.
    ("answer-lost", {"queued", "running", "done", "downloaded"}),
    ("long-queue", {"queued"}),
)


async def test_kills_in_the_middle_of_the_demo_lose_nothing():
    with tempfile.TemporaryDirectory(prefix="creative-tasks-journey-") as folder:
        Path(folder).chmod(0o711)
        command = ("-m", "tasks_service.cli.main", "demo", "--folder", f"{folder}/data")
        demo = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=asyncio.subprocess.PIPE)
        lines = await lines_until(demo.stdout, ALL_SENT)
        parts = json.loads((Path(folder) / "data" / "running.json").read_text())["parts"]
        victims = [name for name in ("worker-1", "api", "doorbell") if name in parts]
        for victim in victims:
            os.kill(parts[victim], signal.SIGKILL)
            await asyncio.sleep(1)
        rest, _ = await asyncio.wait_for(demo.communicate(), 120)

        told = "\n".join(lines) + rest.decode()
        assert demo.returncode == 0, told
        assert "All 10 stories ended as told" in told
        assert "none twice" in told
        for victim in victims:
            assert any(victim in line and "again" in line for line in told.splitlines()), told


async def lines_until(stream: asyncio.StreamReader, wanted: tuple[tuple[str, set[str]], ...]) -> list[str]:
    lines: list[str] = []
    async with asyncio.timeout(60):
        while not all(
            any(story in line and states & set(line.split()) for line in lines) for story, states in wanted
        ):
            lines.append((await stream.readline()).decode().rstrip())
    return lines
