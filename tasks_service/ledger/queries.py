"""Loads named SQL: each query is `-- name: sentence`, then its text with `:parameters`."""

import re
from dataclasses import dataclass
from pathlib import Path

_HEAD = re.compile(r"^-- (?P<name>[a-z_]+): (?P<sentence>.+)$", re.MULTILINE)
# A parameter is :name, but ::type is a cast.
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)")


@dataclass(frozen=True, slots=True)
class Query:
    """One statement: PostgreSQL's positional text, and the names in their order."""

    name: str
    sentence: str
    text: str
    parameters: tuple[str, ...]


def load(module_file: str) -> dict[str, Query]:
    """The queries of the `.sql` file beside a module."""
    source = Path(module_file).with_suffix(".sql").read_text(encoding="utf-8")
    heads = list(_HEAD.finditer(source))
    ends = [head.start() for head in heads[1:]] + [len(source)]
    queries = [_query(head, source[head.end() : end]) for head, end in zip(heads, ends, strict=True)]
    return {query.name: query for query in queries}


def _query(head: re.Match[str], body: str) -> Query:
    names: list[str] = []

    def position(found: re.Match[str]) -> str:
        if found[1] not in names:
            names.append(found[1])
        return f"${names.index(found[1]) + 1}"

    text = _PARAMETER.sub(position, body).strip().rstrip(";")
    return Query(head["name"], head["sentence"], text, tuple(names))
