"""Several hosts, of which some lose their link for longer than a lease: nothing is lost, nothing is bought twice."""

import asyncio
import json

import pytest

from tests.faults.cut_off import apart, cuts
from tests.faults.hosts import why_not
from tests.faults.stage import LEASE_S

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]


async def test_hosts_that_were_cut_off_and_healed_lose_nothing_and_pay_once():
    if reason := why_not():
        pytest.skip(reason)

    done = await asyncio.to_thread(apart, ["--seconds", "20", "--seed", "7", "--rate", "3"])

    told = json.loads(done.stdout)
    assert told["violations"] == {}, told["seen"]
    assert told["acked"] == told["stored"] > 0
    assert told["settle_s"] is not None
    assert told["cut"] == ["worker-1", "api-2", "worker-3"]
    assert told["unanswered_tries"] > 0, "an API was really out of reach"


def test_every_cut_is_longer_than_a_lease():
    assert all(cut.seconds > LEASE_S for cut in cuts(20))
