"""`creative-tasks doctor` says what would be used, and fails only where `up` would."""

import json
import socket
from pathlib import Path

from tests.tasks_service.cli.conftest import Run


def found(stdout: str, name: str) -> list[str]:
    """What doctor said about one thing, with its mark."""
    return [line for line in stdout.splitlines() if line[2:].startswith(f"{name} ")]


def test_a_bare_machine_is_fine(run: Run):
    done = run("doctor", "--port", "0")

    assert done.returncode == 0, done.stdout
    assert "Python 3." in found(done.stdout, "version")[0]
    assert "arq 0.28." in found(done.stdout, "arq")[0]
    assert "PostgreSQL 18." in found(done.stdout, "database")[0]
    assert "DATABASE_URL is not set" in found(done.stdout, "database")[0]
    assert "REDIS_URL is not set" in found(done.stdout, "doorbell")[0]
    assert "GB free" in found(done.stdout, "disk")[0]
    assert "sandbox" in found(done.stdout, "routes")[0]


def test_it_changes_nothing(run: Run, folder: Path):
    run("doctor")

    assert list(folder.iterdir()) == []


def test_a_port_in_use_would_stop_up(run: Run):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]

        done = run("doctor", "--port", str(port))

    assert done.returncode == 1
    assert found(done.stdout, "port")[0].startswith("✘")


def test_a_database_is_asked_for_its_version_clock_and_revision(run: Run, dsn: str):
    done = run("doctor", "--port", "0", DATABASE_URL=dsn)

    assert done.returncode == 0, done.stdout
    assert "PostgreSQL 18." in found(done.stdout, "database")[0]
    assert "(DATABASE_URL)" in found(done.stdout, "database")[0]
    assert "ms" in found(done.stdout, "clock")[0]
    assert found(done.stdout, "schema")[0].startswith("✔")


def test_a_database_that_was_never_migrated_is_no_hindrance(run: Run, server_dsn: str):
    done = run("doctor", "--port", "0", DATABASE_URL=server_dsn.replace("/creative_tasks?", "/postgres?"))

    assert done.returncode == 0, done.stdout
    assert "revision none" in found(done.stdout, "schema")[0]


def test_a_database_that_does_not_answer_would_stop_up(run: Run):
    done = run("doctor", "--port", "0", DATABASE_URL="postgresql://me:hunter2@127.0.0.1:1/x")

    assert done.returncode == 1
    assert found(done.stdout, "database")[0].startswith("✘")
    assert "hunter2" not in done.stdout


def test_a_redis_that_does_not_answer_is_no_hindrance(run: Run):
    done = run("doctor", "--port", "0", REDIS_URL="redis://:hunter2@127.0.0.1:1/0")

    assert done.returncode == 0
    assert found(done.stdout, "doorbell")[0].startswith("!")
    assert "hunter2" not in done.stdout


def test_a_variable_that_means_nothing_is_noted_with_the_one_that_was_meant(run: Run):
    done = run("doctor", "--port", "0", CREATIVE_TASKS_PROT="1")

    assert done.returncode == 0
    assert found(done.stdout, "setting") == [
        "! setting    CREATIVE_TASKS_PROT means nothing to this program; did you mean CREATIVE_TASKS_PORT?"
    ]


def test_the_store_is_a_path_or_a_real_address(run: Run):
    assert "✔ store      .data/artifacts (" in run("doctor", "--port", "0").stdout
    assert "s3://bucket/x (STORE_URL)" in run("doctor", "--port", "0", STORE_URL="s3://bucket/x").stdout


def test_routes_are_shown_without_their_credentials(run: Run):
    routes = [
        {"name": "a", "provider": "sandbox", "base_url": "http://127.0.0.1:1", "credential": "env:STUDIO"},
        {"name": "b", "provider": "openai_videos", "base_url": "https://gateway.example"},
    ]
    done = run("doctor", "--port", "0", CREATIVE_TASKS_ROUTES=json.dumps(routes), STUDIO="hunter2-hunter2")

    first, second = found(done.stdout, "route")
    assert "credential present" in first
    assert "no credential" in second
    assert "hunter2" not in done.stdout
