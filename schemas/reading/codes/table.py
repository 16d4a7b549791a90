"""How a table of codes is written."""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.failures import FailureKind


@dataclass(frozen=True, slots=True)
class Code:
    """What a code means; a vague one only where the words beside it say nothing."""

    kind: FailureKind
    vague: bool = False


Table = Mapping[str, Code]


def table(sure: Mapping[FailureKind, str], vague: Mapping[FailureKind, str] | None = None) -> dict[str, Code]:
    """A table from one line of codes per kind, in lower case."""
    written = {code: Code(kind, vague=True) for kind, line in (vague or {}).items() for code in line.split()}
    return written | {code: Code(kind) for kind, line in sure.items() for code in line.split()}
