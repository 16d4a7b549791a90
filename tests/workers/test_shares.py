"""Workers share a route's limits: together never more than all, nobody starves, and losing Redis stops nobody."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from uuid import uuid4

import pytest

from schemas.routes import Route
from tasks_service.embedded import start_valkey
from tests.order import beating
from workers.lanes import Lanes
from workers.shares import Shares

ROUTE = Route(name="r", provider="sandbox", base_url="http://localhost", max_concurrency=10, max_per_s=100)


@pytest.fixture(scope="module")
def valkey(tmp_path_factory):
    server = start_valkey(tmp_path_factory.mktemp("shares") / "valkey")
    yield server
    server.stop()


@pytest.fixture
async def workers(valkey):
    """Makes workers that share a route; each test has a route of its own."""
    name, stack = f"r-{uuid4().hex}", AsyncExitStack()

    def make(wants: int, **limits) -> Shares:
        shares = Shares([ROUTE.model_copy(update={"name": name} | limits)], valkey.url, 1)
        shares.wants = lambda: Counter({name: wants})
        stack.push_async_callback(shares.close)
        return shares

    yield make
    await stack.aclose()


def share_of(shares: Shares):
    [share] = shares._routes.values()
    return share


async def rounds(workers, number: int = 3) -> list[int]:
    """Each hears its share a few times, one after the other; the places of each."""
    for _ in range(number):
        for shares in workers:
            await shares.exchange()
            assert sum(share_of(one).places for one in workers if share_of(one).workers > 1) <= 10
    return [share_of(shares).places for shares in workers]


async def test_who_is_alone_has_everything(workers):
    alone = workers(5)

    assert await rounds([alone]) == [10]
    assert share_of(alone).per_s == 100


async def test_shares_follow_what_each_has_in_its_care(workers):
    much, little = workers(800), workers(200)

    assert await rounds([much, little]) == [8, 2]
    assert [share_of(one).per_s for one in (much, little)] == [80, 20]


async def test_who_has_little_beside_much_still_has_a_place(workers):
    assert await rounds([workers(100_000), workers(1)]) == [9, 1]


async def test_who_wants_nothing_gets_nothing(workers):
    assert await rounds([workers(3), workers(0)]) == [10, 0]


async def test_what_another_still_uses_is_not_given_away(workers):
    first, second = workers(10), workers(10)
    await first.exchange()
    share_of(first).busy = 10
    await second.exchange()
    await first.exchange()
    await second.exchange()
    assert [share_of(one).places for one in (first, second)] == [10, 0]

    share_of(first).busy = 3
    assert await rounds([first, second]) == [5, 5]


async def test_fewer_places_than_workers_are_taken_in_turns(workers):
    three, had = [workers(5, max_concurrency=1) for _ in range(3)], Counter()
    async with asyncio.timeout(30):
        while len(had) < 3:
            for shares in three:
                await shares.exchange()
                had.update([shares._worker] * share_of(shares).places)
                assert sum(share_of(one).places for one in three if share_of(one).workers > 1) <= 1
            await asyncio.sleep(0.2)


async def test_when_an_upstream_asks_one_worker_for_quiet_all_of_them_are_quiet(workers):
    told, other = workers(5), workers(5)
    told.quiet(share_of(told).route.name, 30)
    await told.exchange()
    await other.exchange()

    assert 25 < share_of(other).quiet_s <= 30


async def test_a_quiet_time_never_lasts_longer_than_five_minutes(workers):
    told = workers(5)
    told.quiet(share_of(told).route.name, 1e9)
    await told.exchange()

    assert share_of(told).quiet_s <= 300


@pytest.mark.parametrize("nonsense", ["garbage", "-1 -1", "9 9 99999999999999999999", ""])
async def test_nonsense_in_redis_takes_no_share(workers, valkey, nonsense):
    mine = workers(5)
    key = f"creative-tasks:{{shares}}:{share_of(mine).route.name}"
    await mine._redis.hset(key, "somebody", nonsense)
    await mine.exchange()

    assert share_of(mine).places >= 1


async def test_without_redis_each_takes_an_equal_part():
    shares = Shares([ROUTE], "", 4)

    assert (share_of(shares).places, share_of(shares).per_s) == (2, 25)


async def test_when_redis_goes_away_each_takes_an_equal_part_of_what_is_known(tmp_path):
    server = await asyncio.to_thread(start_valkey, tmp_path / "valkey")
    heard = asyncio.Event()
    two = [Shares([ROUTE], server.url, 1) for _ in range(2)]
    for shares in (*two, *two):
        shares.wants = lambda: Counter({"r": 7})
        await shares.exchange()
    await asyncio.to_thread(server.stop)
    running = asyncio.create_task(two[0].run(heard.set))
    await asyncio.wait_for(heard.wait(), 10)
    running.cancel()

    assert share_of(two[0]).places == 5
    for shares in two:
        await shares.close()


class Looks:
    """Looks that last until they are told to end."""

    def __init__(self, shares: Shares, beats: Sequence[None] = ()):
        self.began: list[int] = []  # after so many beats
        self._beats = beats
        self.lanes = Lanes(shares, self._begin)

    def _begin(self, watched) -> bool:
        self.began.append(len(self._beats))
        return True


class Waiting:
    class task:  # noqa: N801
        route = "r"


async def test_no_more_looks_are_under_way_than_there_are_places():
    looks = Looks(Shares([ROUTE], "", 1))
    for _ in range(25):
        looks.lanes.enter(Waiting(), 0)
    assert len(looks.began) == 10

    looks.lanes.leave("r")
    assert len(looks.began) == 11


async def test_a_rate_lets_them_begin_one_after_the_other():
    shares = Shares([ROUTE.model_copy(update={"max_concurrency": 1000, "max_per_s": 20})], "", 1)
    with beating(1 / 20) as beats:
        looks = Looks(shares, beats)
        for _ in range(10):
            looks.lanes.enter(Waiting(), 0)
        async with asyncio.timeout(30):
            while len(looks.began) < 10:  # noqa: ASYNC110 - the clock does it
                await asyncio.sleep(0.01)

    # Two at once may be a burst; none of the others comes sooner than its time.
    assert all(beats >= n - 3 for n, beats in enumerate(looks.began))


async def test_places_that_come_later_are_used_when_they_are_heard_of():
    shares = Shares([ROUTE], "", 1)
    looks = Looks(shares)
    share_of(shares).places = 0
    looks.lanes.enter(Waiting(), 0)
    assert looks.began == []

    share_of(shares).places = 1
    looks.lanes.look_again()
    assert len(looks.began) == 1
