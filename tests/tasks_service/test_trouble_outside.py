"""Whatever is wrong out there is one of two exceptions; the reader's own trouble stays its own."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks_service.outside import NotAllowed, Outside, Unfetched

from .internet import fetch

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


async def test_a_name_that_is_nobodys_was_not_fetched(outside, internet):
    internet.names = {"empty.example": [[]]}
    for host in ("nobody.example", "empty.example"):
        with pytest.raises(Unfetched):
            await fetch(outside, f"http://{host}/")


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


async def test_trouble_of_the_reader_stays_its_own(outside, site):
    with pytest.raises(ZeroDivisionError):
        async with outside.get(f"{site.url}/x", trusted=site.url):
            raise ZeroDivisionError
