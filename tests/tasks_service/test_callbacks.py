"""The addresses at which upstreams ring: known again by every process with our store, and by nobody else."""

import asyncio
from pathlib import Path

import pytest
from uuid_utils.compat import uuid7

from tasks_service.artifacts import Artifacts, StoreAway
from tasks_service.callbacks import TOKEN, Callbacks, Named

BASE = "https://tasks.example.com/api"


def callbacks(folder: Path, base: str = BASE) -> Callbacks:
    """As another process would open them."""
    return Callbacks(base, Artifacts(f"file://{folder}"))


def token_of(address: str | None) -> str:
    assert address is not None
    return address.rpartition("/")[2]


async def test_every_process_knows_the_addresses_of_all_others_also_when_all_begin_at_once(tmp_path: Path):
    processes = [callbacks(tmp_path) for _ in range(8)]
    tasks = [uuid7() for _ in processes]
    made = await asyncio.gather(
        *(one.address("kling", task, 7) for one, task in zip(processes, tasks, strict=True))
    )

    for address, task in zip(made, tasks, strict=True):
        assert address is not None
        assert address.startswith(f"{BASE}/v1/callbacks/kling/ct_bell_")
        for other in (*processes, callbacks(tmp_path)):
            assert await other.named_by("kling", token_of(address)) == Named("kling", task, 7)


async def test_the_same_attempt_has_the_same_address_for_ever_and_another_one_another(tmp_path: Path):
    task, made = uuid7(), callbacks(tmp_path)
    addresses = [await made.address("kling", task, 1), await callbacks(tmp_path).address("kling", task, 1)]

    assert addresses[0] == addresses[1]
    assert (
        len({token_of(await made.address("kling", one, n)) for one in (task, uuid7()) for n in (1, 2)}) == 4
    )


async def test_of_a_token_not_one_letter_may_be_another(tmp_path: Path):
    made = callbacks(tmp_path)
    token = token_of(await made.address("kling", uuid7(), 1))

    for place in range(len(token)):
        other = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        assert await made.named_by("kling", other) is None
    for other in ("", token[:-1], f"{token}A", f"{token}=", f" {token}", f"{token}\n", "ct_bell_", "\ud800"):
        assert await made.named_by("kling", other) is None
    assert await made.named_by("kling-2", token) is None
    assert await made.named_by("\ud800", token) is None
    assert TOKEN.fullmatch(token)


async def test_another_store_has_other_addresses(tmp_path: Path):
    ours, theirs, task = callbacks(tmp_path / "a"), callbacks(tmp_path / "b"), uuid7()
    token = token_of(await ours.address("kling", task, 1))

    assert token != token_of(await theirs.address("kling", task, 1))
    assert await theirs.named_by("kling", token) is None


async def test_who_gives_no_base_address_gives_none_and_knows_none(tmp_path: Path):
    token = token_of(await callbacks(tmp_path / "a").address("kling", uuid7(), 1))
    silent = callbacks(tmp_path / "a", "")

    assert await silent.address("kling", uuid7(), 1) is None
    assert await silent.named_by("kling", token) is None
    assert await callbacks(tmp_path / "b", "").address("kling", uuid7(), 1) is None
    assert not list((tmp_path / "b").rglob("key"))


async def test_a_key_that_is_broken_stops_the_bells_and_nothing_else(tmp_path: Path):
    made = callbacks(tmp_path)
    token = token_of(await made.address("kling", uuid7(), 1))
    (tmp_path / "callbacks" / "key").write_bytes(b"torn")
    later = callbacks(tmp_path)

    assert await later.address("kling", uuid7(), 1) is None
    assert await later.named_by("kling", token) is None


async def test_where_the_store_is_away_nobody_guesses(tmp_path: Path):
    made = callbacks(tmp_path / "store")
    (tmp_path / "store").rmdir()
    (tmp_path / "store").write_text("not a folder")

    with pytest.raises(StoreAway):
        await made.address("kling", uuid7(), 1)
