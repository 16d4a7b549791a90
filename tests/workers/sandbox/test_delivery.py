"""Results can be had in parts, and lines break where a script says so."""

import httpx
import pytest

from tests.workers.sandbox.test_studio import AT_ONCE, made, studio


async def halved(client: httpx.AsyncClient, url: str, **headers: str) -> tuple[httpx.Response, bytes]:
    """What comes before the line breaks."""
    got = bytearray()
    async with client.stream("GET", url, headers=headers) as reply:
        with pytest.raises(httpx.RemoteProtocolError):
            await read_into(got, reply)
    return reply, bytes(got)


async def read_into(got: bytearray, reply: httpx.Response) -> None:
    async for chunk in reply.aiter_raw():
        got += chunk


async def test_a_file_has_a_tag_that_outlives_the_studio(tmp_path):
    async with studio(tmp_path) as client:
        job = await made(client)
        before = (await client.get(job["results"][0]["url"])).headers["etag"]
    for path in (tmp_path / "files").iterdir():
        path.touch()
    async with studio(tmp_path) as client:
        again = (await client.get(f"/sandbox/v1/jobs/{job['id']}")).json()
        after = (await client.get(again["results"][0]["url"])).headers["etag"]

    assert before == after
    assert not before.startswith("W/")


async def test_a_part_is_given_only_of_the_file_that_was_meant(tmp_path):
    async with studio(tmp_path) as client:
        url = (await made(client))["results"][0]["url"]
        whole = await client.get(url)
        same = {"range": "bytes=9-", "if-range": whole.headers["etag"]}
        other = {"range": "bytes=9-", "if-range": '"another"'}
        part, changed = await client.get(url, headers=same), await client.get(url, headers=other)
        beyond = await client.get(url, headers={"range": f"bytes={len(whole.content)}-"})

    length = len(whole.content)
    assert (part.status_code, part.content) == (206, whole.content[9:])
    assert part.headers["content-range"] == f"bytes 9-{length - 1}/{length}"
    assert (changed.status_code, changed.content) == (200, whole.content)
    assert beyond.status_code == 416


async def test_a_line_that_was_cut_twice_can_be_continued_twice(tmp_path):
    async with studio(tmp_path) as client:
        job = await made(client, behaviour=f"{AT_ONCE} result=cut result_times=2")
        url = job["results"][0]["url"]
        first, got = await halved(client, url)
        tag = first.headers["etag"]
        second, more = await halved(client, url, **{"range": f"bytes={len(got)}-", "if-range": tag})
        rest = {"range": f"bytes={len(got) + len(more)}-", "if-range": tag}
        third = await client.get(url, headers=rest)
        whole = (await client.get(url)).content

    assert (first.status_code, second.status_code, third.status_code) == (200, 206, 206)
    assert int(first.headers["content-length"]) == len(whole) > len(got) > 0
    assert got + more + third.content == whole


async def test_a_studio_may_know_nothing_of_parts(tmp_path):
    async with studio(tmp_path) as client:
        url = (await made(client, behaviour=f"{AT_ONCE} result=no_range"))["results"][0]["url"]
        first, got = await halved(client, url)
        asked = {"range": f"bytes={len(got)}-", "if-range": first.headers["etag"]}
        second = await client.get(url, headers=asked)

    assert (second.status_code, "content-range" in second.headers) == (200, False)
    assert len(second.content) == int(first.headers["content-length"]) > len(got)


async def test_a_link_may_die_without_a_word_and_the_next_one_lives(tmp_path):
    async with studio(tmp_path) as client:
        # The answer to the creation hands out the first link, the look after it the second.
        script = f"{AT_ONCE} result=dying_link result_times=2 link=900"
        job = await made(client, behaviour=script)
        again = (await client.get(f"/sandbox/v1/jobs/{job['id']}")).json()
        [dead], [alive] = job["results"], again["results"]
        replies = [await client.get(result["url"]) for result in (dead, alive)]

    assert [reply.status_code for reply in replies] == [403, 200]
    assert dead["expires_at"] > job["created_at"], "it looked as if it lived"
