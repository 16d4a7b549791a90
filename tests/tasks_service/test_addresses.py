"""Strangers name addresses; we visit public ones, and the origin of the task's own route."""

import pytest

from tasks_service.addresses import is_public
from tasks_service.outside import NotAllowed, origin, vet

from .internet import ALSO_PUBLIC, PUBLIC, fetch

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
