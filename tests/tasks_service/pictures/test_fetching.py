"""Images at addresses that strangers name: little is fetched, slowly is not waited for, and little is told."""

import asyncio
import gzip
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from schemas.refusals import Overloaded
from tasks_service.outside import Outside
from tasks_service.pictures import fetching as module
from tasks_service.pictures.fetching import Fetching
from tasks_service.pictures.flaws import Flaw
from tasks_service.pictures.memory import Hold, Memory
from tests.gallery import Gallery, head, picture, showing
from tests.order import not_before_a_bell
from tests.tasks_service.internet import PUBLIC, Internet
from tests.tasks_service.test_addresses import ODD, PRIVATE

MOST = 100_000
ACME, GLOBEX = 1, 2


def of(account_id: int) -> Hold:
    """Room enough for one request of an account."""
    return Hold(account_id, 10 * MOST, Counter())


PNG = picture()


@pytest.fixture(autouse=True)
def no_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failures at once, except in the test of the floor itself."""
    monkeypatch.setattr(module, "_LEAST_S", 0)


@pytest.fixture
async def fetching(gallery: Gallery) -> AsyncIterator[Fetching]:
    """What is tested; the gallery is a trusted origin."""
    opened = Fetching(Outside(), [gallery.url], 8, 0.6)
    yield opened
    await opened.close()


@pytest.fixture
async def from_outside(internet: Internet) -> AsyncIterator[Fetching]:
    """What is tested, with the names of our internet and nobody trusted."""
    opened = Fetching(Outside(resolve=internet.resolve), [], 8, 0.6)
    yield opened
    await opened.close()


async def slowly(writer: asyncio.StreamWriter) -> None:
    writer.write(head("Content-Length: 9000"))
    for byte in PNG * 10:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.05)


async def silently(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def endlessly(writer: asyncio.StreamWriter) -> None:
    writer.write(head("Transfer-Encoding: chunked"))
    while True:
        writer.write(b"4000\r\n" + bytes(0x4000) + b"\r\n")
        await writer.drain()


def says(*lines: str, content: bytes = PNG, status: str = "200 OK") -> Any:
    async def show(writer: asyncio.StreamWriter) -> None:
        writer.write(head(*lines, status=status) + content)

    return show


# How it is shown, and the code and the beginning of the words with which it is refused.
ODDLY = {
    "nothing there": (None, "not_fetched", "The image's address answered with status 404."),
    "an error": (says(status="500 No"), "not_fetched", "The image's address answered with status 500."),
    "a part": (says("Content-Range: bytes 0-9/99", status="206 Part"), "not_fetched", "The image's address answered"),
    "slow loris": (slowly, "not_fetched", "The image could not be fetched."),
    "silence": (silently, "not_fetched", "The image could not be fetched."),
    "less than announced": (says(f"Content-Length: {len(PNG) + 1}"), "not_fetched", "The image could not be fetched."),
    "more than announced": (says(f"Content-Length: {len(PNG)}", content=PNG + b"x"), "not_fetched", "The image could not"),
    "far more announced": (says("Content-Length: 99999999999999"), "too_large", "The image has more than 100000"),
    "far more than announced": (says(content=bytes(MOST + 1)), "too_large", "The image has more than 100000"),
    "without an end": (endlessly, "too_large", "The image has more than 100000"),
    "gzip": (says("Content-Encoding: gzip", content=gzip.compress(bytes(64 << 20))), "not_fetched", "The image came with"),
    "brotli": (says("Content-Encoding: br"), "not_fetched", "The image came with"),
    "a broken chunk": (says("Transfer-Encoding: chunked", content=b"zz\r\n"), "not_fetched", "The image could not"),
}  # fmt: skip


async def test_an_image_is_fetched_as_it_is(fetching: Fetching, gallery: Gallery) -> None:
    assert await fetching.fetch(gallery.hang("/a.png", PNG), MOST, of(ACME)) == PNG
    assert await fetching.fetch(gallery.hang("/c", says()), MOST, of(ACME)) == PNG


@pytest.mark.parametrize("name", ODDLY)
async def test_what_is_shown_oddly_is_refused(fetching: Fetching, gallery: Gallery, name: str) -> None:
    how, code, words = ODDLY[name]
    if how is not None:
        gallery.hang("/x", how)

    with pytest.raises(Flaw) as refused:
        await fetching.fetch(f"{gallery.url}/x", MOST, of(ACME))
    assert (refused.value.code, refused.value.words[: len(words)]) == (code, words)


async def words_for(fetching: Fetching, url: str) -> str:
    with pytest.raises(Flaw) as refused:
        await fetching.fetch(url, MOST, of(ACME))
    assert refused.value.code == "not_fetched"
    return refused.value.words


async def test_forbidden_refused_and_silent_addresses_are_told_apart_by_nobody(
    from_outside: Fetching, fetching: Fetching, internet: Internet, gallery: Gallery
) -> None:
    internet.names |= {"inside.example": [["10.0.0.1"]], "mixed.example": [[PUBLIC, "127.0.0.1"]]}
    hosts = [f"[{ip}]" if ":" in ip else ip for ip in PRIVATE]
    forbidden = [
        *(f"http://{host}/" for host in hosts),
        *ODD,
        "http://inside.example/",
        "http://mixed.example/",
    ]
    said = {await words_for(from_outside, url) for url in forbidden}
    said |= {await words_for(from_outside, "http://no-such-name.example/")}
    assert internet.connected == []

    said |= {await words_for(fetching, gallery.hang("/x", silently))}
    async with showing() as closed:
        pass
    trusting = Fetching(Outside(), [closed.url], 8, 0.6)
    said |= {await words_for(trusting, closed.url)}
    await trusting.close()
    assert len(said) == 1


async def test_a_failure_takes_a_while_even_when_it_is_known_at_once(
    from_outside: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LEAST_S", 0.3)
    with not_before_a_bell(0.3):
        await words_for(from_outside, "http://127.0.0.1/")


async def test_a_name_that_changes_its_address_is_vetted_each_time(
    from_outside: Fetching, internet: Internet
) -> None:
    internet.names["files.example"] = [[PUBLIC], ["127.0.0.1"]]

    assert await from_outside.fetch("http://files.example/", MOST, of(ACME)) == b"hello"
    await words_for(from_outside, "http://files.example/")
    assert internet.connected == [PUBLIC]


@pytest.mark.parametrize(
    "location",
    ["http://127.0.0.1:1/", "http://[::1]/", "http://169.254.169.254/", "file:///etc/passwd", "//10.0.0.1/"],
)
async def test_a_redirect_leads_nowhere_else(
    from_outside: Fetching, internet: Internet, location: str
) -> None:
    internet.far.paths["/x"] = location

    await words_for(from_outside, "http://files.example/x")
    assert len(internet.far.requests) == 1


async def test_a_public_address_does_not_lead_to_a_trusted_one(internet: Internet, gallery: Gallery) -> None:
    trusting = Fetching(Outside(resolve=internet.resolve), [gallery.url], 8, 0.6)
    internet.far.paths["/x"] = gallery.hang("/a.png", PNG)

    await words_for(trusting, "http://files.example/x")
    assert gallery.visits == []
    await trusting.close()


async def test_a_slow_host_holds_up_nobody_else(gallery: Gallery) -> None:
    let_go = asyncio.Event()

    async def held(writer: asyncio.StreamWriter) -> None:
        await let_go.wait()
        writer.write(head(f"Content-Length: {len(PNG)}") + PNG)

    async with showing() as slow:
        fetching = Fetching(Outside(), [gallery.url, slow.url], 16, 30)
        url = slow.hang("/x", held)
        forty = [asyncio.create_task(fetching.fetch(f"{url}?{n}", MOST, of(ACME))) for n in range(36)]
        await slow.visited_by(4)
        # All the others are waiting for the slow one, which has let nobody go yet.
        assert await fetching.fetch(gallery.hang("/a.png", PNG), MOST, of(ACME)) == PNG
        with pytest.raises(Overloaded):
            await fetching.fetch(f"{url}?one-too-many", MOST, of(ACME))
        assert not any(one.done() for one in forty)
        let_go.set()
        assert set(await asyncio.gather(*forty)) == {PNG}
        assert slow.most_open == 4
        assert (len(fetching._hosts), len(fetching._accounts)) == (0, 0)
        await fetching.close()


async def test_an_account_with_many_slow_hosts_holds_up_no_other_account(gallery: Gallery) -> None:
    let_go = asyncio.Event()

    async def held(writer: asyncio.StreamWriter) -> None:
        await let_go.wait()
        writer.write(head(f"Content-Length: {len(PNG)}") + PNG)

    async with AsyncExitStack() as opened:
        slow = [await opened.enter_async_context(showing()) for _ in range(6)]
        fetching = Fetching(Outside(), [gallery.url, *(host.url for host in slow)], 8, 30)
        urls = [f"{host.hang('/x', held)}?{n}" for host in slow for n in range(2)]
        twelve = [asyncio.create_task(fetching.fetch(url, MOST, of(ACME))) for url in urls]
        # Half of the places, whatever its hosts are called.
        await until(lambda: sum(len(host.visits) for host in slow) == 4)
        assert await fetching.fetch(gallery.hang("/a.png", PNG), MOST, of(GLOBEX)) == PNG
        assert not any(one.done() for one in twelve)
        let_go.set()
        assert set(await asyncio.gather(*twelve)) == {PNG}
        assert sum(host.most_open for host in slow) >= 4
        await fetching.close()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - a server does it
            await asyncio.sleep(0.01)


async def test_what_lies_at_our_own_address_is_not_fetched(gallery: Gallery) -> None:
    fetching = Fetching(Outside(), [gallery.url], 8, 0.6, gallery.url)

    await words_for(fetching, gallery.hang("/a.png", PNG))
    assert gallery.visits == []
    await fetching.close()


async def test_the_images_of_a_request_and_of_an_account_are_counted_together(
    fetching: Fetching, gallery: Gallery
) -> None:
    url, memory = gallery.hang("/a.png", PNG), Memory(2 * len(PNG))
    with memory.hold(ACME) as first, memory.hold(ACME) as second, memory.hold(GLOBEX) as other:
        for _ in range(2):
            assert await fetching.fetch(url, MOST, first) == PNG
        with pytest.raises(Flaw) as refused:
            await fetching.fetch(url, MOST, first)
        assert refused.value.code == "too_large_together"
        for hold in (second, second, other):
            assert await fetching.fetch(url, MOST, hold) == PNG
        more = [Hold(ACME, 2 * len(PNG), memory._held) for _ in range(2)]
        for hold in (*more, *more):
            await fetching.fetch(url, MOST, hold)
        with memory.hold(ACME) as too_much, pytest.raises(Overloaded):
            await fetching.fetch(url, MOST, too_much)
        for hold in more:
            hold.let_go()
    assert memory._held == {}
