"""`creative-tasks up` with everything that it starts, on real engines."""

import json
import os
import re
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tasks_service.embedded.programs import installed_programs
from tests.tasks_service.cli.conftest import Run, started

pytestmark = pytest.mark.journey

_LOOKS = 1200


@pytest.fixture(scope="module", autouse=True)
def _ctrl_c_is_heard() -> None:
    """Whoever runs tests in the background may have them ignore SIGINT, and children inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def until(reached: Callable[[], object], what: str, looks: int = _LOOKS) -> None:
    """Looks again and again, twenty times a second at most."""
    for _ in range(looks):
        if reached():
            return
        time.sleep(0.05)
    pytest.fail(f"not at {looks} looks: {what}")


def running(folder: Path) -> dict[str, object]:
    """What the supervisor says that it runs; empty where nothing does."""
    try:
        return json.loads((folder / "data" / "running.json").read_text())
    except (FileNotFoundError, ValueError):
        return {}


def parts(folder: Path) -> dict[str, int]:
    return dict(running(folder).get("parts", {}))  # type: ignore[call-overload]


def alive(pids: dict[str, int]) -> list[str]:
    """Those that still run, zombies not counted."""
    found = []
    for name, pid in pids.items():
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            found.append(name)
    return found


def database_state(folder: Path) -> str:
    command = [installed_programs().path("pg_controldata"), "-D", str(folder / "data" / "postgres")]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return re.search(r"cluster state:\s+(.*)", told)[1]  # type: ignore[index]


def commands_with(folder: Path) -> list[str]:
    """The processes of this machine that were started with a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found.append((process / "cmdline").read_bytes().decode(errors="replace").replace("\0", " "))
        except OSError:
            continue
    return [line for line in found if str(folder) in line]


def up(folder: Path, *words: str, **more: str):
    return started(folder, "up", "--folder", str(folder / "data"), "--port", "0", *words, **more)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda s: s.name)
def test_a_signal_ends_every_child_and_the_database_cleanly(folder: Path, ending: signal.Signals):
    with up(folder, "--workers", "2") as process:
        until(lambda: running(folder), "it runs")
        pids = parts(folder)
        process.send_signal(ending)
        said, _ = process.communicate(timeout=30)

    assert set(pids) == {"database", "doorbell", "sandbox", "api", "worker-1", "worker-2"}
    assert process.returncode == 0, said
    assert alive(pids) == []
    assert running(folder) == {}
    assert database_state(folder) == "shut down"


def test_a_second_start_keeps_the_key(folder: Path):
    keys = []
    for _ in range(2):
        with up(folder) as process:
            until(lambda: running(folder), "it runs")
            keys.append((folder / "data" / "demo-key").read_text().strip())
            process.terminate()
            said, _ = process.communicate(timeout=30)
        assert keys[-1] in said

    assert len(set(keys)) == 1
    assert stat.S_IMODE((folder / "data" / "demo-key").stat().st_mode) == 0o600


def test_what_it_prints_works_and_what_it_keeps_is_closed(folder: Path):
    with up(folder, "--host", "0.0.0.0", REDIS_URL="redis://127.0.0.1:1/0") as process:
        until(lambda: running(folder), "it runs")
        address = str(running(folder)["address"])
        key = (folder / "data" / "demo-key").read_text().strip()
        log = folder / "data" / "logs" / "api.log"
        with log.open("ab") as grown:
            grown.write(b"x" * (21 << 20) + b"\n")
        models = httpx.get(f"{address}/v1/models", headers={"Authorization": f"Bearer {key}"})
        until(lambda: log.stat().st_size < 1 << 20, "the log is put aside while it is written to", 300)
        process.terminate()
        said, _ = process.communicate(timeout=30)
        curl = next(line for line in said.splitlines() if line.strip().startswith("curl"))

    assert log.with_suffix(".log.1").stat().st_size > 20 << 20
    modes = {
        place.name: stat.S_IMODE(place.stat().st_mode)
        for place in [folder / "data", *(folder / "data").iterdir()]
    }
    assert modes["data"] == 0o711
    closed = ("logs", "artifacts", "sandbox", "incoming", "postgres.log", "demo-key")
    assert [name for name in closed if modes[name] & 0o077] == []
    assert "data in data/postgres" in said
    assert (
        "– doorbell  the server of REDIS_URL does not answer; work continues at most a second slower" in said
    )
    assert models.status_code == 200
    assert "sandbox-image-1" in models.text
    assert address in curl
    assert key in curl


def test_a_child_that_dies_is_started_again_and_one_line_says_so(folder: Path):
    with up(folder) as process:
        until(lambda: running(folder), "it runs")
        before = parts(folder)
        for name, pid in before.items():
            os.kill(pid, signal.SIGKILL)
            until(lambda name=name, pid=pid: parts(folder)[name] != pid, f"another {name}")
        address = str(running(folder)["address"])
        until(lambda: _status(f"{address}/readyz") == 200, "it is ready again")
        after = parts(folder)
        process.terminate()
        said, _ = process.communicate(timeout=30)

    assert alive(before | {f"new {name}": pid for name, pid in after.items()}) == []
    for name in before:
        assert len(re.findall(rf"^↻ {name} ", said, re.MULTILINE)) == 1, said
    assert database_state(folder) == "shut down"


def test_when_it_is_killed_itself_nothing_at_all_is_left(folder: Path):
    with up(folder) as process:
        until(lambda: running(folder), "it runs")
        pids = parts(folder)
        process.kill()
        process.wait()
        until(lambda: not alive(pids) and not commands_with(folder), "nothing is left", 100)

    assert database_state(folder) == "shut down"
    with up(folder) as process:
        until(lambda: running(folder).get("pid") == process.pid, "the next start")


def test_a_demo_that_is_killed_leaves_no_folder():
    with tempfile.TemporaryDirectory(prefix="ct-") as place:
        Path(place).chmod(0o711)
        with started(Path(place), "demo", TMPDIR=place) as process:
            until(lambda: list(Path(place).glob("*/running.json")), "it runs")
            process.kill()
            process.wait()
            until(
                lambda: not commands_with(Path(place)) and not list(Path(place).iterdir()), "all is gone", 300
            )


def test_a_second_signal_does_not_wait_for_who_hangs(folder: Path):
    with up(folder, CREATIVE_TASKS_STOP_WAIT_S="600") as process:
        until(lambda: running(folder), "it runs")
        pids = parts(folder)
        os.kill(pids["worker-1"], signal.SIGSTOP)  # it cannot even notice that it should end
        process.send_signal(signal.SIGINT)
        time.sleep(1)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        # Whoever hangs does so until this is over, and after the first word it is waited for for minutes.
        process.communicate(timeout=8)

    assert process.returncode == 0
    assert alive(pids) == []
    assert database_state(folder) == "shut down"


def test_a_start_that_is_interrupted_leaves_nothing(folder: Path):
    for delay_s in (1.0, 1.5, 2.0):
        with up(folder) as process:
            time.sleep(delay_s)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=40)

        assert commands_with(folder) == []


def test_the_demo_tells_every_story_and_leaves_nothing(run: Run, tmp_path: Path):

    done = run("demo", TMPDIR=str(tmp_path))

    assert done.returncode == 0, done.stdout + done.stderr
    assert "All 10 stories ended as told" in done.stdout
    assert [place.name for place in tmp_path.iterdir() if place.name.startswith("creative-tasks-demo")] == []


def _status(url: str) -> int:
    try:
        return httpx.get(url).status_code
    except httpx.TransportError:
        return 0
