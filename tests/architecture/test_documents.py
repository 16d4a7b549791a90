"""The documents say what the code does."""

import re
from pathlib import Path

import pytest

from schemas.failures import FailureKind
from schemas.providers import PROVIDERS
from tasks_service.settings import Settings
from tests.faults.matrix import CASES, POINTS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(?P<name>[A-Z_]+)` \| (?:`(?P<default>[^`]*)`)? ?\|", re.MULTILINE)


def settings_of_the_code() -> dict[str, str]:
    found = {}
    for name, field in Settings.model_fields.items():
        default = (
            field.default.get_secret_value() if hasattr(field.default, "get_secret_value") else field.default
        )
        alias = field.validation_alias or f"CREATIVE_TASKS_{name.upper()}"
        found[str(alias)] = "" if default in ("", (), None) else str(default)
    return found


def test_the_readme_lists_every_setting_with_its_default():
    assert {row["name"]: row["default"] or "" for row in ROW.finditer(README)} == settings_of_the_code()


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_the_readme_names_every_provider(name):
    assert f"`{name}`" in README


def test_every_file_that_a_document_points_at_is_there():
    for document in (ROOT / "README.md", ROOT / "CONTRIBUTING.md"):
        text = document.read_text(encoding="utf-8")
        links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
        paths = re.findall(r"`((?:schemas|tasks_service|workers|tests|docs)/[\w./-]+)`", text)
        assert links or paths
        assert [
            path
            for path in links + paths
            if "NAME" not in path and not (ROOT / path).exists() and not list(ROOT.glob(f"*/{path}"))
        ] == []


def test_decisions_are_numbered_and_short():
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))

    assert [decision.name[:4] for decision in decisions] == [f"{n:04}" for n in range(1, len(decisions) + 1)]
    for decision in decisions:
        text = decision.read_text(encoding="utf-8")
        assert "**Decision.**" in text
        assert "**What would change our mind.**" in text
        assert text.count("\n") < 60


def test_the_failure_kinds_are_words():
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", kind.value) for kind in FailureKind)


def test_the_readme_counts_the_failpoints_and_their_cases():
    said = f"at each of {len(POINTS)} places in the code, whatever the upstream does and however it can be asked: "

    assert f"{said}{len(CASES)} cases" in README.replace("\n", " ").replace("  ", " ")
