"""What operators are told is what the code has: every metric, every setting, every command."""

import re
from pathlib import Path

from prometheus_client import REGISTRY

from tasks_service import metrics
from tasks_service.cli.main import app
from tasks_service.settings import setting_names

TEXT = (Path(__file__).parents[2] / "docs" / "operating.md").read_text(encoding="utf-8")


def test_every_metric_has_a_row_with_its_meaning():
    told = set(re.findall(r"^\| `(creative_tasks_\w+)` \| \S+", TEXT, re.MULTILINE))

    assert metrics.LIVE in set(REGISTRY._collector_to_names)
    assert told == exposed()


def exposed() -> set[str]:
    """Under the names that a scrape shows, without the parts of a histogram."""
    ours = [family for family in REGISTRY.collect() if family.name.startswith("creative_tasks_")]
    return {f"{family.name}_total" if family.type == "counter" else family.name for family in ours}


def test_every_setting_has_its_theme():
    themes = TEXT.partition("## Settings by theme")[2].partition("\n## ")[0]

    assert sorted(re.findall(r"^- \*\*|`([A-Z][A-Z_]+)`", themes, re.MULTILINE)) != []
    named = set(re.findall(r"`([A-Z][A-Z_]+)`", themes))
    assert named == set(setting_names())


def test_every_command_that_is_shown_is_there():
    known = {command.name or command.callback.__name__ for command in app.registered_commands}
    known |= {group.name for group in app.registered_groups}

    shown = set(re.findall(r"creative-tasks ([a-z]+)", TEXT))

    assert {"retention", "erase", "migrate", "doctor"} <= shown <= known
