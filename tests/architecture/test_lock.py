"""The lock files hold what pyproject.toml asks for; `make lock` writes them anew."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
RUNTIME = [*PROJECT["project"]["dependencies"], *EXTRAS["local"], *PROJECT["dependency-groups"]["build"]]
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;]+)")


def pins(lock: str) -> dict[str, set[Version]]:
    """Every version that a lock holds; a universal lock may hold two, for different machines."""
    found: dict[str, set[Version]] = {}
    for line in (ROOT / lock).read_text(encoding="utf-8").splitlines():
        if pin := _PIN.match(line):
            found.setdefault(canonicalize_name(pin["name"]), set()).add(Version(pin["version"]))
    return found


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [("requirements.lock", RUNTIME), ("requirements-dev.lock", [*RUNTIME, *EXTRAS["dev"]])],
    ids=["runtime", "dev"],
)
def test_a_lock_holds_what_the_project_asks_for(lock, wanted):
    locked = pins(lock)
    asked = [Requirement(text) for text in wanted]

    missing = [str(need) for need in asked if canonicalize_name(need.name) not in locked]
    unfit = [
        f"{need} but {version} is locked"
        for need in asked
        for version in locked.get(canonicalize_name(need.name), ())
        if version not in need.specifier
    ]

    assert missing + unfit == [], "run make lock"


def test_developers_have_the_versions_that_users_have():
    users, developers = pins("requirements.lock"), pins("requirements-dev.lock")

    assert {name: developers.get(name) for name in users} == users


def test_the_build_backend_is_the_locked_one():
    assert PROJECT["build-system"]["requires"] == PROJECT["dependency-groups"]["build"]
