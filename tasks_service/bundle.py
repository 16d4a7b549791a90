"""A task's evidence as one file to hand on: JSON for programs, Markdown for people, or both in a zip.

The same record gives the same bytes: nothing here asks what time it is. It leaves the house, so it is
redacted once more, the customer's own words too.
"""

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from schemas.redaction import redacted

FORMAT = "creative-tasks bundle 1"

# The first that zip can write.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
_GROUPS = {
    "checks": ("check",),
    "states": ("state",),
    "calls": ("call",),
    "notes": ("note", "parked", "decision", "money", "notification"),
    "artifacts": ("artifact",),
}
_HEADLINES = (
    "state",
    "kind",
    "model",
    "account",
    "key",
    "external_id",
    "created_at",
    "finished_at",
    "downloaded_at",
)
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")

Json = dict[str, Any]


def bundle(
    task: Mapping[str, Any],
    entries: Sequence[Mapping[str, Any]],
    explained: Mapping[str, Json],
    redact: Callable[[str], str],
) -> Json:
    """Everything that is on record about a task, by what it is; `explained` is by language."""
    groups = {name: [entry for entry in entries if entry["type"] in types] for name, types in _GROUPS.items()}
    whole = {
        "format": FORMAT,
        "as_of": max([task["created_at"], *(entry["at"] for entry in entries)]),
        "task": task,
        "explanation": dict(explained),
        **groups,
    }
    return redacted(whole, redact)


def as_json(found: Json) -> str:
    """The bundle for programs."""
    return json.dumps(found, ensure_ascii=False, indent=2) + "\n"


def as_zip(found: Json) -> bytes:
    """Both forms in one file."""
    name = found["task"]["id"]
    packed = io.BytesIO()
    # Stored, because a compressor of another version would give other bytes.
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as file:
        for ending, content in (("json", as_json(found)), ("md", as_markdown(found))):
            file.writestr(zipfile.ZipInfo(f"{name}/{name}.{ending}", _NO_TIME), content.encode())
    return packed.getvalue()


def as_markdown(found: Json) -> str:
    """The bundle for people."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Json) -> Iterator[str]:
    task = found["task"]
    yield f"# {task['id']}"
    yield f"\nOn record until {found['as_of']}. Secrets are taken out.\n"
    yield from _table(
        ("what", "value"), [(name, task[name]) for name in _HEADLINES if task[name] is not None]
    )
    for language, points in found["explanation"].items():
        yield f"\n## {'结论' if language == 'zh' else 'What happened'}\n"
        yield from (f"- **{_cell(question)}** {_cell(answer)}" for question, answer in points.items())
    yield "\n## Parameters\n"
    yield from _code(json.dumps(task["request"], ensure_ascii=False, indent=2), "json")
    yield "\n## Checks before spending\n"
    yield from _rows(found["checks"], ("rule", "outcome"))
    yield "\n## States and notes\n"
    moments = sorted([*found["states"], *found["notes"]], key=lambda entry: entry["seq"])
    yield from _rows(moments, ("at", "type", "actor", "from", "to", "cause", "reason", "detail"))
    yield "\n## Exchanges with the upstream\n"
    for call in found["calls"]:
        yield from _call(call)
    yield "\n## Files\n"
    yield from _rows(task["artifacts"], ("n", "type", "bytes", "width", "height", "duration_s", "sha256"))


def _call(call: Json) -> Iterator[str]:
    answer = call.get("status") or call.get("trouble")
    yield f"### {call['at']} {call['purpose']}: {_cell(answer)} in {call['latency_ms']} ms\n"
    names = (
        "attempt",
        "route",
        "method",
        "path",
        "upstream_request_id",
        "answer_digest",
        "repeats",
        "last_at",
    )
    yield from _table(("what", "value"), [(name, call[name]) for name in names if call.get(name)])
    if call.get("body"):
        yield ""
        yield from _code(call["body"])
    yield ""


def _rows(entries: Sequence[Json], names: Sequence[str]) -> Iterator[str]:
    used = [name for name in names if any(entry.get(name) is not None for entry in entries)]
    if not used:
        yield "None."
        return
    yield from _table(used, [[entry.get(name) for name in used] for entry in entries])


def _table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{' --- |' * len(heads)}"
    yield from (f"| {' | '.join(map(_cell, row))} |" for row in rows)


def _cell(value: Any) -> str:
    """One line that ends no cell, opens no tag, and turns no writing around."""
    text = "" if value is None else " ".join(_CONTROLS.sub("\ufffd", str(value)).split())
    return re.sub(r"([\\`*_<>|\[\]])", r"\\\1", text)


def _code(text: str, language: str = "") -> Iterator[str]:
    """A block that nothing in it can end."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    yield f"{fence}{language}"
    yield _CONTROLS.sub("\ufffd", text)
    yield fence
