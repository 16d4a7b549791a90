"""What goes out is what the document says, written as it always was."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_type_hints

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from typing_extensions import is_typeddict

from schemas.failures import FailureKind
from schemas.lifecycle import State
from tasks_service.api.history import HistoryView
from tasks_service.api.replies import json_of
from tasks_service.api.views import PageView, TaskView, rfc3339, without_addresses
from tasks_service.diagnosis import DiagnosisView, diagnosis
from tests.tasks_service.api.conftest import World, submit

_OFFSETS = st.timedeltas(timedelta(hours=-14), timedelta(hours=14)).map(timezone)
_MOMENTS = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=st.just(UTC) | _OFFSETS)  # noqa: DTZ001
# As the rule is written, without what makes it quick.
_ADDRESS = re.compile(r"(?i)\b[a-z][a-z0-9+.-]{1,15}(?::|%3a)(?:\\*+/|\\++u002f|%2f){2}[^\s\"'<>]*+")
_BITS = [
    "https",
    "s3",
    ":",
    "%3a",
    "%3A",
    "/",
    "\\",
    "\\u002f",
    "\\u002F",
    "%2f",
    "%2F",
    " ",
    '"',
    "x.test/a",
]
_PLAIN = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text()
_JSON = st.recursive(_PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(_MOMENTS)
def test_a_moment_is_in_utc_with_milliseconds(moment: datetime) -> None:
    assert rfc3339(moment) == moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


@given(st.lists(st.sampled_from(_BITS), max_size=12).map("".join))
def test_quickly_looked_at_no_address_is_passed_over(text: str) -> None:
    assert without_addresses(text) == _ADDRESS.sub("[address withheld]", text)


@given(st.dictionaries(st.text(), _JSON))
def test_a_dict_is_written_as_a_model_would_be(view: dict[str, Any]) -> None:
    assert json_of(view) == TypeAdapter(dict[str, Any]).dump_json(view)


@pytest.mark.parametrize("number", [2**64, -(10**30)])
def test_whole_numbers_of_any_length_go_out_as_they_are(number: int) -> None:
    assert json_of({"options": {"seed": number}}) == f'{{"options":{{"seed":{number}}}}}'.encode()


async def test_a_task_is_shown_in_the_order_of_the_document(
    world: World, acme: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    live, ended, failed = [await submit(acme, prompt=prompt) for prompt in ("one", "two", "three")]
    await world.finish(ended["id"])
    await world.move(failed["id"], State.QUEUED, State.FAILED)
    for client in (acme, staff):
        for task in (live, ended, failed):
            as_documented((await client.get(f"/v1/tasks/{task['id']}")).content, TaskView)
            as_documented((await client.get(f"/v1/tasks/{task['id']}/history")).content, HistoryView)
        as_documented((await client.get("/v1/tasks")).content, PageView)


@pytest.mark.parametrize("kind", FailureKind)
def test_every_diagnosis_is_as_documented(kind: FailureKind) -> None:
    as_documented(json_of(diagnosis(kind)), DiagnosisView)


def test_another_order_is_seen_at_any_depth() -> None:
    [first, *_] = (told := dict(diagnosis(FailureKind.TIMEOUT)))["evidence"]
    told["evidence"] = [dict(reversed(first.items()))]
    with pytest.raises(AssertionError):
        as_documented(json_of(told), DiagnosisView)


def as_documented(answer: bytes, kind: Any) -> None:
    """Assert that the types are right, and the members there in the order in which they are declared."""
    view = orjson.loads(answer)
    TypeAdapter(kind).validate_python(view)
    _ordered(view, kind)


def _ordered(view: Any, kind: Any) -> None:
    declared = {one for one in (kind, *getattr(kind, "__args__", ())) if is_typeddict(one)}
    if isinstance(view, list):
        for one in view:
            _ordered(one, kind)
    elif isinstance(view, dict) and declared:
        [of] = declared
        hints = get_type_hints(of)
        assert [name for name in view if name in hints] == list(hints)
        assert of.__name__ == "HistoryEntry" or view.keys() == hints.keys()
        for name, hint in hints.items():
            _ordered(view[name], hint)
