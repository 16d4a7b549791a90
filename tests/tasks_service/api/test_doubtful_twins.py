"""The same work is asked for again, while nobody knows whether it has been paid."""

import httpx
import pytest

from tests.tasks_service.api.conftest import InDoubt, refused, submit, wish
from tests.tasks_service.api.person import decide


@pytest.mark.parametrize(("parked", "next_"), [(True, "An operator"), (False, "asking the upstream")])
async def test_a_twin_of_unknown_outcome_refuses_and_says_why(
    acme: httpx.AsyncClient, in_doubt: InDoubt, parked: bool, next_: str
) -> None:
    name = await in_doubt(parked=parked)

    problem = refused(await acme.post("/v1/tasks", json=wish()), 409, "duplicate_task")

    assert (problem["reason"], problem["spend"]) == ("outcome_unknown", "unknown")
    assert problem["duplicate_of"]["id"] == name
    for words in (
        name,
        "may have been paid",
        next_,
        "allow_duplicate: true could pay for the same work twice",
    ):
        assert words in problem["detail"]


async def test_once_it_is_decided_the_twin_is_an_ordinary_one_or_was_maybe_paid(
    acme: httpx.AsyncClient, operator: httpx.AsyncClient, in_doubt: InDoubt
) -> None:
    name = await in_doubt()
    await decide(operator, name, "attach", upstream_id="vid_1")
    assert "reason" not in refused(await acme.post("/v1/tasks", json=wish()), 409, "duplicate_task")

    other = await in_doubt(prompt="another kite")
    await decide(operator, other, "close")
    problem = refused(await acme.post("/v1/tasks", json=wish(prompt="another kite")), 409, "duplicate_task")
    assert problem["duplicate_of"]["id"] == other
    assert (problem["reason"], problem["spend"]) == ("outcome_unknown", "unknown")
    assert "may have been paid" in problem["detail"]
    assert (await submit(acme, prompt="another kite", allow_duplicate=True))["id"] != other
