"""What the codes of vendors mean, as their documents and their answers say; one table each.

Codes that are `vague` cover several things, so that the words beside them are heard first. Names made of
letters are looked up for everybody, because gateways pass them on; bare numbers only for their own vendor.
"""

import re
from collections.abc import Iterator, Mapping

from schemas.failures import FailureKind
from schemas.reading.codes import clouds, gateways, vendors
from schemas.reading.codes.table import Code, Table

_WORD = re.compile(r"[a-z0-9]+(?:[-.][a-z0-9]+)*")

TABLES: Mapping[str, Table] = clouds.TABLES | vendors.TABLES | gateways.TABLES

# Other names under which the same answers come.
_ALSO: Mapping[str, str] = {
    "ark": "volcengine",
    "ark-seedance": "volcengine",
    "seedance": "volcengine",
    "seedream": "volcengine",
    "doubao": "volcengine",
    "bigmodel": "zhipu",
    "z.ai": "zhipu",
    "cogvideo": "zhipu",
    "hailuo": "minimax",
    "wan": "dashscope",
    "wanx": "dashscope",
    "qwen": "dashscope",
    "bailian": "dashscope",
    "veo": "vertex",
    "flux": "bfl",
    "rix": "new-api",
    "rixapi": "new-api",
    "dmxapi": "new-api",
}

# Words of anybody's language, which are codes only where their own vendor says them.
_ONLY_THERE = frozenset({"unknown", "aborted", "canceled", "banned", "blocked", "missing", "enum", "one_of"})

_FOR_ALL: dict[str, Code] = {}
for _name in ("everywhere", *reversed([name for name in TABLES if name != "everywhere"])):
    for _code, _meant in TABLES[_name].items():
        if not _code.isdigit() and _code not in _ONLY_THERE:
            held = _FOR_ALL.get(_code)
            # Where two vendors mean different things by one word, it is vague for everybody else.
            if held is None:
                _FOR_ALL[_code] = _meant
            elif held.kind is not _meant.kind:
                _FOR_ALL[_code] = Code(held.kind, vague=True)


def tables_for(
    provider: str | None, known: Mapping[str, Mapping[str, FailureKind]]
) -> Iterator[tuple[str, Table]]:
    """The tables that hold for a provider's answers: its own, those of whom it names, then everybody's."""
    for name in _WORD.findall((provider or "").lower().replace("_", "-")):
        if name in known:
            yield name, {code.lower(): _of_a_file(code.lower(), kind) for code, kind in known[name].items()}
        if (table := TABLES.get(_ALSO.get(name, name))) is not None:
            yield name, table
    yield "everybody", _FOR_ALL


def _of_a_file(code: str, kind: FailureKind) -> Code:
    """A code of a provider's file, which is asked only for a kind: it may be vague all the same."""
    others = _FOR_ALL.get(code)
    return Code(kind, vague=others is not None and others.vague)
