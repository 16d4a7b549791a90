"""The shape of the code, as far as a machine can hold it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "tasks_service", "workers")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

# Who may import what comes from outside; everybody else goes through them.
OWNERS = {
    "asyncpg": ("tasks_service/ledger/",),
    "sqlalchemy": ("tasks_service/ledger/migrations/",),
    "alembic": ("tasks_service/ledger/",),
    "arq": ("tasks_service/doorbell.py", "workers/main.py", "tasks_service/cli/"),
    "aiohttp": ("tasks_service/outside.py", "workers/upstream.py", "workers/line.py", "workers/wire.py"),
    "httpx": (
        "tasks_service/outside.py",
        "tasks_service/pictures/fetching.py",
        "workers/upstream.py",
        "workers/fetch.py",
        "tasks_service/cli/",
    ),
    "obstore": (
        "tasks_service/artifacts.py",
        "tasks_service/epochs.py",
        "tasks_service/pictures/references.py",
    ),
    "PIL": (
        "workers/media.py",
        "workers/sandbox/",
        "tasks_service/cli/demo/stories.py",
        "tasks_service/pictures/decoder.py",
    ),
    "av": ("workers/sandbox/",),
}
LONGEST_FILE, LONGEST_FUNCTION = 300, 45
VAGUE = ("util", "helper", "common", "base", "misc", "manager")


def imports_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in names}


def test_the_layers_hold(monkeypatch):
    monkeypatch.chdir(ROOT)

    assert lint_imports(no_cache=True) == 0


@pytest.mark.parametrize("library", OWNERS)
def test_a_library_has_owners(library):
    users = {path.relative_to(ROOT).as_posix() for path in SOURCES if library in imports_of(path)}

    assert [user for user in users if not user.startswith(OWNERS[library])] == []
    assert users, f"nobody uses {library} any more; drop it"


def test_files_and_functions_stay_short():
    long = []
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        name = path.relative_to(ROOT).as_posix()
        if text.count("\n") > LONGEST_FILE:
            long.append(f"{name}: {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    long.append(f"{name}:{node.name}: {length} lines")

    assert long == []


def test_names_say_something():
    names = [path.relative_to(ROOT) for path in SOURCES]

    assert [
        name for name in names if any(part.removesuffix(".py").rstrip("s") in VAGUE for part in name.parts)
    ] == []


def test_a_command_does_not_load_what_answers_people_over_http():
    program = "import sys, tasks_service.cli.main; print(*sys.modules.keys() & {'fastapi', 'aiohttp', 'httpx', 'PIL'})"
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert loaded.stdout.split() == []
