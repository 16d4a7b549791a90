"""A redirect is a stranger's address, too: vetted like the first, and headers stay with their origin."""

import pytest

from tasks_service.outside import NotAllowed, Unfetched, _next_hop

from .internet import PUBLIC, fetch


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
