"""What a run left behind, as the checker reads it: files only, and not one word of the code under test."""

import csv
import hashlib
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from typing import Any
from uuid import UUID

Row = dict[str, str | None]

_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
_SCRIPT = re.compile(r"\[sandbox:([^\]]*)\]")
_NULL = "\\N"
csv.field_size_limit(sys.maxsize)


@dataclass(frozen=True, slots=True)
class File:
    """A file, as far as it is compared."""

    size: int
    sha256: str


@dataclass
class Record:
    """All evidence of one run. Tables are rows of text as PostgreSQL wrote them."""

    history: list[dict[str, Any]]  # what the clients asked, and what they were told
    tables: dict[str, list[Row]]
    creations: list[dict[str, Any]]  # the upstream's own books
    arrivals: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])  # requests that came there
    marks: dict[str, str] = field(default_factory=dict[str, str])  # jobs that were cancelled or deleted there
    artifacts: dict[str, File] = field(default_factory=dict[str, File])  # our store, by key
    made: dict[str, File] = field(default_factory=dict[str, File])  # the upstream's files, by job and number
    texts: dict[str, bytes] = field(default_factory=dict[str, bytes])  # what must hold no secret, by its name
    canaries: tuple[str, ...] = ()
    settled: bool = True  # whether everything had its time to end

    @cached_property
    def tasks(self) -> dict[str, Row]:
        """Tasks by their id as text."""
        return {text(row, "id"): row for row in self.tables["task"]}

    @cached_property
    def events(self) -> Mapping[str, list[Row]]:
        """Events by task, in order."""
        return _grouped(self.tables["task_event"], "task_id", "seq")

    @cached_property
    def spends(self) -> Mapping[str, list[Row]]:
        """Intentions to spend by task, in order."""
        return _grouped(self.tables["spend"], "task_id", "attempt")

    @cached_property
    def kept(self) -> Mapping[str, list[Row]]:
        """Artifacts on record by task."""
        return _grouped(self.tables["artifact"], "task_id", "n")

    @cached_property
    def by_prompt(self) -> Mapping[str, list[str]]:
        """Ids of tasks by what they asked to be drawn; every client asks for something else."""
        found: dict[str, list[str]] = defaultdict(list)
        for task_id, row in self.tasks.items():
            found[drawn(prompt_of(row))].append(task_id)
        return found

    @cached_property
    def made_for(self) -> Mapping[str, list[dict[str, Any]]]:
        """What the upstream created for each task, by our reference where it noted one, else by the words."""
        return self._by_task(self.creations)

    @cached_property
    def asked_for(self) -> Mapping[str, list[dict[str, Any]]]:
        """What came to the upstream for each task, in order, whatever became of it."""
        return self._by_task(sorted(self.arrivals, key=itemgetter("at")))

    @cached_property
    def notes(self) -> Mapping[str, list[Row]]:
        """What happened to each task without a move."""
        found: dict[str, list[Row]] = defaultdict(list)
        for row in self.tables["task_note"]:
            found[text(row, "task_id")].append(row)
        return found

    @cached_property
    def by_upstream_id(self) -> dict[str, dict[str, Any]]:
        """The upstream's books by its own ids."""
        return {creation["id"]: creation for creation in self.creations}

    def _by_task(self, entries: Iterable[dict[str, Any]]) -> Mapping[str, list[dict[str, Any]]]:
        owner = {row["reference"]: row["task_id"] for row in self.tables["spend"]}
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for entry in entries:
            named = owner.get(entry.get("reference"))
            for task_id in [named] if named else self.by_prompt.get(entry["prompt"], []):
                found[task_id].append(entry)
        return found


def text(row: Row, name: str) -> str:
    """A column that is never null."""
    value = row[name]
    assert value is not None, name
    return value


def number(row: Row, name: str) -> int:
    """A whole number that is never null."""
    return int(text(row, name))


def moment(row: Row, name: str) -> datetime | None:
    """A time, or None."""
    value = row[name]
    return datetime.fromisoformat(value) if value else None


def prompt_of(task: Row) -> str:
    """What the customer asked for."""
    return str(json.loads(text(task, "request"))["prompt"])


def drawn(prompt: str) -> str:
    """A prompt without the stage directions that the upstream takes out of it."""
    return " ".join(_SCRIPT.sub(" ", prompt).split())


def script_of(creation: Mapping[str, Any]) -> dict[str, str]:
    """The stage directions of a job."""
    return dict(word.split("=", 1) for word in creation["behaviour"].split())


def ready_at(creation: Mapping[str, Any]) -> float:
    """When the upstream had the result, by its own clock and script."""
    told = script_of(creation)
    return creation["at"] + float(told.get("queue", "0.3")) + float(told.get("run", "0.7"))


def uuid_text(public_id: str) -> str:
    """The id in the tables behind the one that clients are told."""
    value = 0
    for letter in public_id.removeprefix("tsk_"):
        value = value * 32 + _LETTERS.index(letter)
    return str(UUID(int=value))


def load(folder: Path, canaries: tuple[str, ...] = (), *, settled: bool = True) -> Record:
    """Read a run's folder: history.jsonl, tables/, studio/, artifacts/ and the logs."""
    creations, arrivals, marks = _books(folder / "studio" / "ledger.jsonl")
    tables = {path.stem: _table(path) for path in sorted((folder / "tables").glob("*.csv"))}
    artifacts = {path: file for path, file in _files(folder / "artifacts").items() if path.startswith("tsk_")}
    made = {name.rpartition(".")[0]: file for name, file in _files(folder / "studio" / "files").items()}
    read = [*folder.glob("*.log"), *(folder / "tables").glob("*.csv"), *(folder / "artifacts").rglob("*")]
    texts = {str(path.relative_to(folder)): path.read_bytes() for path in read if path.is_file()}
    history = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    return Record(history, tables, creations, arrivals, marks, artifacts, made, texts, canaries, settled)


def _books(path: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, str]]:
    creations: list[dict[str, Any]] = []
    arrivals: dict[int, dict[str, Any]] = {}
    marks: dict[str, str] = {}
    for line in path.read_text().splitlines():
        entry = json.loads(line)
        if entry["event"] == "created":
            creations.append(entry)
        elif entry["event"] == "asked":
            arrivals[entry["number"]] = entry | {"refused": False}
        elif entry["event"] == "refused":
            arrivals[entry["number"]]["refused"] = True
        elif entry["event"] in ("cancelled", "deleted"):
            marks[entry["id"]] = entry["event"]
    return creations, list(arrivals.values()), marks


def _table(path: Path) -> list[Row]:
    with path.open(newline="") as file:
        return [
            {name: None if value == _NULL else value for name, value in row.items()}
            for row in csv.DictReader(file)
        ]


def _files(folder: Path) -> dict[str, File]:
    found: dict[str, File] = {}
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            found[str(path.relative_to(folder))] = File(len(content), hashlib.sha256(content).hexdigest())
    return found


def _grouped(rows: list[Row], by: str, order: str) -> Mapping[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: number(row, order)):
        found[text(row, by)].append(row)
    return found
