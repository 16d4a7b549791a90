"""Strangers name addresses; we visit public ones, and the origin of the task's own route."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks_service.addresses import is_public
from tasks_service.outside import NotAllowed, Outside, Unfetched, _next_hop, origin, vet

PUBLIC, ALSO_PUBLIC = "93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"
PRIVATE = [
    "127.0.0.1", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "100.100.100.200", "169.254.169.254",
    "168.63.129.16", "192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "192.88.99.1", "224.0.0.1",
    "240.0.0.1", "255.255.255.255", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "::ffff:7f00:1", "::127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001::1", "2001:db8::1", "fe80::1", "fc00::1", "fd00:ec2::254",
    "fec0::1", "ff02::1", "100::1", "3fff::1", "5f00::1", "::ffff:0:127.0.0.1", "::ffff:93.184.216.34",
]  # fmt: skip
# What some parser on the way may read as an address, or as another host than the next parser does.
ODD = [
    "http://127.1/", "http://0/", "http://0177.0.0.1/", "http://2130706433/", "http://0x7f000001/", "http://0x7f.1/",
    "http://017700000001/", "http://127.0.0.1./", "http://127.0.0.1../", "http://127。0。0。1/", "http://１２７.0.0.1/",
    "http://93.184.216/", "http://93.184.216.034/", "http://0x5db8d822/", "http://a.1/", "http://a.0x/", "http://1.a.256/",
    "http://localhost/", "http://LOCALHOST./", "http://a.localhost/", "http://a%2eb/", "http://%31/", "http://a b/",
    "http://[fe80::1%25eth0]/", "http://[::1/", "http://::1/", "http://[v1.a]/", "http://[]/", "http://[1.1.1.1]/",
    "http://evil\\@127.0.0.1/", "http://example.com\\.127.0.0.1/", "http://example.com@127.0.0.1/",
    "http://user:pass@example.com/", "http://127.0.0.1#@example.com/", "http://127.0.0.1?@example.com/",
    "http://exa\tmple.com/", "http://example.com/\r\nx: y", "\thttp://example.com/", " http://example.com/",
    "http://example.com:22/", "http://example.com:8080/", "http://example.com:0/", "http://example.com:99999/",
    "http://example.com:-80/", "http://example.com:80a/", "http://93.184.216.34:22/", "http://[2606:2800::1]:22/",
    "file:///etc/passwd", "gopher://example.com/", "ftp://example.com/", "data:text/plain,x", "//example.com/", "/x", "",
    "http://", "http:///x", "http://.../", "http://a..b/", "http://.a/", "http://℀.com/", "http://\ud800/",
    "http://" + "a" * 64 + ".com/", "http://" + "a." * 200 + "com/", "http://a/" + "x" * 70_000, "http://a\x00b/",
]  # fmt: skip


class Site:
    """A real server on loopback; a path may lead on, and every request is kept."""

    def __init__(self) -> None:
        self.paths: dict[str, str | None] = {}
        self.requests: list[str] = []
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.requests.append(request)
        path = request.split(" ")[1]
        status = "302 Found" if path in self.paths else "200 OK"
        location = self.paths.get(path)
        more = "" if location is None else f"Location: {location}\r\n"
        writer.write(
            f"HTTP/1.1 {status}\r\n{more}Content-Length: 5\r\nConnection: close\r\n\r\nhello".encode()
        )
        await writer.drain()
        writer.close()


@asynccontextmanager
async def serving() -> AsyncIterator[Site]:
    site = Site()
    server = await asyncio.start_server(site.answer, "127.0.0.1", 0)
    site.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield site


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """The task's own route."""
    async with serving() as one:
        yield one


class Internet:
    """Names that resolve as told; a connection to a public address arrives at a site on loopback."""

    def __init__(self, names: Mapping[str, list[list[str]]], far: Site):
        self.names = {name: list(answers) for name, answers in names.items()}
        self.far = far
        self.asked: list[str] = []
        self.connected: list[str] = []

    async def resolve(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        answers = self.names.get(host.removesuffix("."), [])
        if not answers:
            raise OSError("no such name")
        return answers.pop(0) if len(answers) > 1 else answers[0]


@pytest.fixture
async def internet(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Internet]:
    """Everything beyond this machine; only the last step of a connection is replaced."""
    loop = asyncio.get_running_loop()
    really = loop.sock_connect
    async with serving() as far:
        world = Internet({"files.example": [[PUBLIC]]}, far)

        async def connect(sock: Any, address: tuple[Any, ...]) -> None:
            world.connected.append(address[0])
            port = int(far.url.rpartition(":")[2])
            await really(sock, address if address[0] == "127.0.0.1" else ("127.0.0.1", port))

        monkeypatch.setattr(loop, "sock_connect", connect)
        yield world


@pytest.fixture
async def outside(internet: Internet) -> AsyncIterator[Outside]:
    """What is tested, with the names of our internet."""
    opened = Outside(resolve=internet.resolve)
    yield opened
    await opened.close()


async def fetch(outside: Outside, url: str, headers: Mapping[str, str] | None = None, **more: Any) -> bytes:
    async with outside.get(url, headers, **more) as response:
        assert response.status_code == 200
        return b"".join([chunk async for chunk in response.aiter_raw()])


@pytest.mark.parametrize("url", [*(f"http://{f'[{ip}]' if ':' in ip else ip}/x" for ip in PRIVATE), *ODD])
async def test_what_is_not_plainly_public_is_not_even_resolved(outside, internet, url):
    with pytest.raises(NotAllowed, match=r"^address not allowed$"):
        vet(url)
    with pytest.raises(NotAllowed, match=r"^address not allowed$"):
        await fetch(outside, url)

    assert (internet.asked, internet.connected) == ([], [])


@pytest.mark.parametrize(
    "trusted", [None, "", "/", "nonsense", "file:///", "http://127.0.0.1#", "http://\ud800/"]
)
async def test_nothing_that_is_wrong_with_the_trusted_address_opens_a_door(outside, internet, trusted):
    for url in ("file:///etc/passwd", "http://\ud800/", "nonsense", "http://[::1]/"):
        with pytest.raises(NotAllowed):
            await fetch(outside, url, trusted=trusted)

    assert internet.connected == []


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_name_with_one_private_address_is_refused_in_the_same_words(outside, internet, address):
    internet.names = {"one.example": [[address]], "mixed.example": [[PUBLIC, ALSO_PUBLIC, address]]}
    for host in internet.names:
        with pytest.raises(NotAllowed, match=r"^address not allowed$"):
            await fetch(outside, f"http://{host}/")

    assert internet.connected == []
    assert not is_public(address)


@pytest.mark.parametrize("answer", [["nonsense"], ["fe80::1%eth0"], [""]])
async def test_what_is_no_address_is_not_public(outside, internet, answer):
    internet.names = {"odd.example": [answer]}

    with pytest.raises(NotAllowed):
        await fetch(outside, "http://odd.example/")


async def test_a_name_that_is_nobodys_was_not_fetched(outside, internet):
    internet.names = {"empty.example": [[]]}
    for host in ("nobody.example", "empty.example"):
        with pytest.raises(Unfetched):
            await fetch(outside, f"http://{host}/")


@pytest.mark.parametrize(
    "url",
    ["http://files.example/x?a=%20b#y", "http://files.example.:80/x?a=%20b", f"http://{PUBLIC}/x?a=%20b"],
)
async def test_the_public_internet_is_open(outside, internet, url):
    assert await fetch(outside, url) == b"hello"
    assert internet.connected == [PUBLIC]
    assert internet.far.requests[0].startswith("GET /x?a=%20b HTTP/1.1\r\n")


def test_an_ipv6_literal_keeps_its_brackets():
    assert origin(f"https://[{ALSO_PUBLIC}]/x") == f"https://[{ALSO_PUBLIC}]:443"
    vet(f"https://[{ALSO_PUBLIC}]/x")


async def test_the_connection_goes_to_what_was_vetted(outside, internet):
    internet.names["files.example"] = [[PUBLIC], ["127.0.0.1"]]

    assert await fetch(outside, "http://files.example/") == b"hello"
    assert (internet.asked, internet.connected) == (["files.example"], [PUBLIC])
    with pytest.raises(NotAllowed):
        await fetch(outside, "http://files.example/")
    assert internet.connected == [PUBLIC]


async def test_trust_is_for_one_origin_of_one_call(outside, site):
    assert await fetch(outside, f"{site.url}/x", trusted=f"{site.url}/v1") == b"hello"
    with pytest.raises(NotAllowed):
        await fetch(outside, f"{site.url}/x")
    with pytest.raises(NotAllowed):
        await fetch(outside, f"{site.url}/x", trusted="http://127.0.0.1:1")
    with pytest.raises(NotAllowed):
        await fetch(outside, f"{site.url}/x", trusted=site.url.replace("127.0.0.1", "localhost"))

    assert len(site.requests) == 1


async def test_three_redirects_are_followed_and_a_fourth_is_not(outside, site):
    site.paths = {"/4": "/3", "/3": f"{site.url}/2", "/2": "1", "/1": "?end"}

    assert await fetch(outside, f"{site.url}/3", {"x-key": "abc"}, trusted=site.url) == b"hello"
    assert all("x-key: abc" in request for request in site.requests)
    with pytest.raises(Unfetched, match="too many redirects"):
        await fetch(outside, f"{site.url}/4", trusted=site.url)


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd", "gopher://127.0.0.1/", "ftp://files.example/", "http://127.0.0.1:1/", "http://[::1]/",
        "//127.0.0.1:1/x", "http://10.0.0.1/", "http://private.example/", "http://files.example:22/", "",
        "http://[::1", "http://127.1/", "http://user@files.example/", "\\\\127.0.0.1\\x", "javascript:x",
    ],
)  # fmt: skip
@pytest.mark.parametrize("start", ["route", "public"])
async def test_a_redirect_to_where_we_do_not_go_is_refused(outside, internet, site, start, location):
    internet.names["private.example"] = [["10.0.0.1"]]
    site.paths = internet.far.paths = {"/x": location}
    url = f"{site.url}/x" if start == "route" else "http://files.example/x"

    if location.startswith("\\"):
        # Not an authority to our parser but a path, on the same origin.
        assert await fetch(outside, url, trusted=site.url) == b"hello"
        return
    with pytest.raises(NotAllowed, match=r"^address not allowed$"):
        await fetch(outside, url, trusted=site.url)
    assert len(site.requests) + len(internet.far.requests) == 1


async def test_whoever_left_the_route_does_not_come_back_to_it(outside, internet, site):
    site.paths = {"/x": "http://files.example/x"}
    internet.far.paths = {"/x": f"{site.url}/secret"}

    with pytest.raises(NotAllowed):
        await fetch(outside, f"{site.url}/x", trusted=site.url)
    with pytest.raises(NotAllowed):
        await fetch(outside, "http://files.example/x", trusted=site.url)
    assert [request.split(" ")[1] for request in site.requests] == ["/x"]


async def test_what_asks_for_a_part_goes_wherever_the_address_leads(outside, internet, site):
    site.paths["/start"] = "http://files.example/x"
    asked = {"Range": "bytes=5-", "if-range": '"v1"', "authorization": "Bearer x"}
    await fetch(outside, f"{site.url}/start", asked, trusted=site.url)

    far = internet.far.requests[0].lower()
    assert "range: bytes=5-" in far
    assert 'if-range: "v1"' in far
    assert "authorization" not in far


async def test_headers_do_not_go_to_another_origin_nor_come_back(outside, internet, site):
    internet.names["other.example"] = [[PUBLIC]]
    site.paths = {"/x": "http://files.example/x"}
    internet.far.paths = {"/x": "http://other.example/y", "/y": "http://files.example/z"}

    assert await fetch(outside, f"{site.url}/x", {"x-key": "abc"}, trusted=site.url) == b"hello"
    assert await fetch(outside, "http://files.example/x", {"x-key": "abc"}) == b"hello"
    assert ["x-key: abc" in request for request in site.requests] == [True]
    assert ["x-key: abc" in request for request in internet.far.requests] == [False] * 3 + [
        True,
        False,
        False,
    ]


def test_what_came_encrypted_does_not_go_on_in_the_open():
    assert _next_hop("https://a.example/x", "/y") == "https://a.example/y"
    for start in ("https://a.example/x", "HTTPS://a.example/x"):
        with pytest.raises(NotAllowed):
            _next_hop(start, "http://a.example/y")


async def test_a_redirect_to_nowhere_is_an_answer_for_the_reader(outside, site):
    site.paths = {"/x": None}

    async with outside.get(f"{site.url}/x", trusted=site.url) as response:
        assert response.status_code == 302


async def test_trouble_of_the_reader_stays_its_own(outside, site):
    with pytest.raises(ZeroDivisionError):
        async with outside.get(f"{site.url}/x", trusted=site.url):
            raise ZeroDivisionError


@pytest.mark.parametrize(
    "trouble", [UnicodeError("label too long"), ValueError(), TypeError(), TimeoutError()]
)
async def test_trouble_with_a_name_is_one_of_our_exceptions(trouble):
    async def resolve(host: str, port: int) -> list[str]:
        raise trouble

    outside = Outside(resolve=resolve)
    with pytest.raises(Unfetched):
        await fetch(outside, "http://files.example/")
    await outside.close()


HOSTS = st.sampled_from(
    [
        "127.0.0.1",
        "[::1]",
        "example.com",
        "0x7f",
        "1",
        "a@b",
        "\\",
        "%",
        "é",
        "\ud800",
        "[",
        "xn--",
        "",
        "\x00",
    ]
)
ODDITIES = st.one_of(
    st.text(max_size=40),
    st.builds(
        "{}{}{}{}{}".format,
        st.sampled_from(
            ["http://", "https://", "http:", "HTTP:///", "//", "http:\\\\", "file://", "\thttp://"]
        ),
        st.lists(HOSTS, max_size=3).map("".join),
        st.sampled_from(["", ":80", ":443", ":0", ":x", ":99999", ":-1", ".", ":", ":٣"]),
        st.sampled_from(["", "/", "?", "#", "/\r\n", "/\ud800", "/é", "/%zz", "\\"]),
        st.text(max_size=10),
    ),
    st.none(),
    st.integers(),
    st.binary(max_size=5),
)


def test_no_address_leads_to_anything_but_our_two_exceptions():
    async def resolve(host: str, port: int) -> list[str]:
        raise OSError(f"no {host.encode('idna')!r} here") if len(host) % 2 else UnicodeError("label too long")

    async def fetched(outside: Outside, url: Any) -> None:
        async def refuse(sock: Any, address: Any) -> None:
            raise ConnectionRefusedError

        asyncio.get_running_loop().sock_connect = refuse  # literal public addresses come so far
        with pytest.raises((NotAllowed, Unfetched)):
            await fetch(outside, url)

    with asyncio.Runner() as runner:
        outside = Outside(resolve=resolve)

        @given(url=ODDITIES)
        def any_address(url: Any) -> None:
            runner.run(fetched(outside, url))

        any_address()
        runner.run(outside.close())
