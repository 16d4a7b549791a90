"""Settings that would be misread, ignored or shown are one clear sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tasks_service.server_urls import what_is_wrong_with
from tasks_service.settings import Settings
from tasks_service.start import WrongSettings, load_settings
from tests.tasks_service.cli.conftest import Run, environment, one_sentence

TORN = "postgresql://u:hunter2/@h/x"


@pytest.fixture(autouse=True)
def _a_clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    for name in os.environ.keys() - environment().keys():
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def refused(**chosen: object) -> str:
    with pytest.raises(WrongSettings) as wrong:
        load_settings(**chosen)
    return str(wrong.value)


@pytest.mark.parametrize(
    "url",
    [TORN, "postgresql://u:hunter2#@h/x", "postgresql://u:12?hunter2@h/x", "postgresql://u:12/hunter2@h/x",
     "postgresql://u:hunter2@x@h/x", "postgresql://u:[hunter2@h/x", "postgresql://h:hunter2/x",
     "postgresql://h/x?port=hunter2", "postgresql://h/x?hunter2"],
)  # fmt: skip
def test_an_address_that_a_driver_would_misread_is_refused_in_fixed_words(url: str):
    said = refused(database_url=url)

    assert "DATABASE_URL is not an address that can be read; percent-encode its user and password" in said
    assert "hunter2" not in said


@pytest.mark.parametrize("url", ["redis://:hun/ter2@h/0", "redis://h/hunter2", "unix://:hun/ter2@/a"])
def test_the_same_holds_for_redis(url: str):
    said = refused(redis_url=url)

    assert "REDIS_URL is not an address that can be read" in said
    assert "ter2" not in said


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("DATABASE_URL", "postgresql:///x"),
        ("DATABASE_URL", "postgresql://postgres@/x?host=/run/sockets&port=5432"),
        ("DATABASE_URL", "postgres://u:p%2F%40@h1:1,h2:2/x?sslmode=require"),
        ("DATABASE_URL", "postgresql://u:p@[::1]:5432/x"),
        ("REDIS_URL", "rediss://:p@h:1/0"),
        ("REDIS_URL", "unix:///run/valkey@home.sock?db=1"),
    ],
)
def test_what_drivers_read_is_taken(name: str, url: str):
    assert what_is_wrong_with(name, url) is None


@pytest.mark.parametrize("command", ["list", "migrate", "worker"])
def test_no_command_shows_a_password(run: Run, command: str):
    assert "percent-encode" in (said := one_sentence(run(command, DATABASE_URL=TORN)))
    assert "hunter2" not in said


def test_a_process_without_a_person_says_one_sentence_too(folder: Path):
    program = "from tasks_service.start import read_settings; read_settings()"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(DATABASE_URL=TORN, CREATIVE_TASKS_PORT="many"),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert [line.startswith("creative-tasks: The configuration") for line in done.stderr.splitlines()] == [
        True,
        True,
    ]
    assert "hunter2" not in done.stderr


def test_every_password_is_a_secret():
    settings = Settings(
        database_url="postgresql://u:a%2Fbcdef@h/x?sslpassword=ghijkl",  # type: ignore[arg-type]
        redis_url="redis://:mnopqr@h",  # type: ignore[arg-type]
    )

    assert {"a/bcdef", "a%2Fbcdef", "ghijkl", "mnopqr"} <= set(settings.secrets())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "my.toml cannot be read: no such file"),
        ("[[route]]\nname = 'x'", "my.toml has route, which is no setting; did you mean routes?"),
        ("database_ulr = 'x'", "did you mean database_url?"),
        ("routes = [", "my.toml is not valid TOML"),
        ("routes = 3", "[[routes]]"),
        ("port = 99999", "port (my.toml)"),
        ("[[routes]]\nname='x'\nproivder='sandbox'\nbase_url='http://x'", "did you mean provider?"),
    ],
)
def test_a_file_that_would_be_ignored_is_named(
    monkeypatch: pytest.MonkeyPatch, content: str | None, words: str
):
    monkeypatch.setenv("CREATIVE_TASKS_CONFIG", "my.toml")
    if content is not None:
        Path("my.toml").write_text(content)

    assert words in refused()


def test_a_folder_or_bytes_for_a_file_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("CREATIVE_TASKS_CONFIG", str(tmp_path))
    assert "is a directory" in refused()

    Path("bytes.toml").write_bytes(b"# \xff")
    monkeypatch.setenv("CREATIVE_TASKS_CONFIG", "bytes.toml")
    assert "bytes.toml is not UTF-8" in refused()


def test_only_the_usual_file_may_be_absent():
    assert load_settings().port == 8787


def test_a_folder_without_a_name_is_refused():
    assert "no name" in refused(data_folder="")


def test_a_credential_file_that_cannot_be_read_is_named_with_its_route():
    route = {"name": "gw", "provider": "openai_videos", "base_url": "http://x", "credential": "file:/nowhere"}

    assert "route gw: its credential file /nowhere cannot be read: no such file" in refused(routes=[route])


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("0.0.0.0", "http://127.0.0.1:8787"),
        ("::", "http://[::1]:8787"),
        ("::1", "http://[::1]:8787"),
        ("192.0.2.7", "http://192.0.2.7:8787"),
        ("tracker.example", "http://tracker.example:8787"),
    ],
)
def test_an_address_is_one_that_can_be_opened(host: str, address: str):
    assert load_settings(host=host).base_url == address
    assert load_settings(host=host, public_url="https://x/").base_url == "https://x"


@pytest.mark.parametrize(
    "url",
    [
        "tasks.example.com",
        "ftp://x",
        "https://u:hunter2@x",
        "https://x/?a=1",
        "https://x/#a",
        "https://x/a b",
        "/x",
    ],
)
def test_an_address_at_which_nobody_could_ring_is_refused(url: str):
    said = refused(callback_base_url=url)

    assert "give scheme, host, port and path" in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    "url", ["https://x", "http://127.0.0.1:8787", "http://[::1]:8787", "https://x/a-b/c"]
)
def test_an_address_to_ring_at_may_lie_behind_a_path(url: str):
    assert load_settings(callback_base_url=f"{url}/").callback_base_url == url
    assert load_settings(callback_base_url=url).callback_base_url == url
