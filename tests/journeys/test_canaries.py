"""Secrets are put wherever one may appear; afterwards nothing that is kept, logged or answered holds one.

What stays is the customer's own request: it is sent as it was written, so it is kept as it was written, in one
column, and shown to its account and to staff in `request`. Nowhere else.
"""

import asyncio
import base64
import json
import os
import re
import sys
from collections.abc import Iterable
from typing import Any

import asyncpg
import httpx
import pytest
import redis.asyncio
from redis.asyncio import Redis

from tasks_service.ledger.ledger import Ledger
from tests.journeys.conftest import Fleet, free_port
from tests.journeys.leaky import FORMS, Leaky

pytestmark = pytest.mark.journey

ECHOES = ("echo", "echo in base64", "echo in basic", "echo in json", "echo in a link")
OURS = (
    "path of a link", "request id header", "cookie header", "provider key", "other provider key",
    "database password", "doorbell password", "prompt", "request id", "idempotency key", "query", "pasted key",
    "wrong ratio", "unknown field", "image token", "lost image token", "wrong key", "path", "cookie of a customer",
    "broken body", "external id", "name in metadata", "metadata", "query of a callback", "user of a callback",
)  # fmt: skip
# A customer's own words to its upstream. What it tells us alone is refused where it holds a key.
OWN = ("request",)


class Canaries:
    """Each has a name for the place where it was put."""

    def __init__(self) -> None:
        names = [*FORMS, *OURS]
        self._words = {name: f"CANARY{number:02}QZX7" for number, name in enumerate(names)}
        self.key = ""

    def __call__(self, name: str) -> str:
        return self._words[name]

    def __len__(self) -> int:
        return len(self._words)

    def found_in(self, texts: Iterable[str]) -> set[str]:
        """Which of them sing in a text, plainly or in base64."""
        whole = "\n".join(texts)
        needles = {name: {word, *_in_base64(word)} for name, word in self._words.items()}
        if self.key:
            needles["client key"] = {self.key.split("_", 3)[-1]}
        return {name for name, words in needles.items() if any(word in whole for word in words)}


def _in_base64(word: str) -> set[str]:
    """However the text before it is long: without the letters that it shares with its neighbours."""
    shifted = (base64.b64encode(b"\0" * shift + word.encode()).decode() for shift in range(3))
    return {text[start:].rstrip("=")[:-1] for text, start in zip(shifted, (0, 2, 3), strict=True)}


@pytest.fixture
def canaries() -> Canaries:
    return Canaries()


@pytest.fixture
async def leaking(fleet: Fleet, canaries: Canaries, ledger: Ledger, dsn: str):
    """A fleet whose upstream leaks, and whose own secrets are canaries."""
    studio = Leaky(canaries)
    fleet.processes["studio"].terminate()
    canaries.key = fleet.key
    assert fleet.valkey
    async with Redis.from_url(fleet.valkey.url) as client:
        await client.config_set("requirepass", canaries("doorbell password"))
    routes = [
        {"name": "leaky", "provider": "openai_videos", "base_url": studio.url, "credential": "env:LEAKY_KEY"},
        {
            "name": "pair",
            "provider": "kling",
            "base_url": studio.url,
            "credential": "env:PAIR_KEY",
        },
    ]
    fleet.environment |= {
        "LEAKY_KEY": f'{canaries("provider key")}/a+b"c',
        "PAIR_KEY": "|".join([canaries("other provider key")] * 2),
        "CREATIVE_TASKS_ROUTES": json.dumps(routes),
        "CREATIVE_TASKS_TRUSTED_IMAGE_ORIGINS": json.dumps([studio.url]),
        "DATABASE_URL": dsn.replace("postgres@", f"postgres:{canaries('database password')}@"),
        "REDIS_URL": fleet.valkey.url.replace("://", f"://:{canaries('doorbell password')}@"),
    }
    yield studio
    studio.stop()
    print(*logs_as_text(fleet))  # shown where a test fails


async def submit_all(client: httpx.AsyncClient) -> list[str]:
    """One task for every leak: every other one refuses at once, the rest fail later."""
    ids = []
    for number, name in enumerate((*FORMS, *ECHOES)):
        at = "later" if number % 2 and name in FORMS else "once"
        reply = await client.post("/v1/tasks", json={"model": "sora-2", "prompt": f"leak {name} at {at}"})
        assert reply.status_code == 202, reply.text
        ids.append(reply.json()["id"])
    return ids


async def misbehave(client: httpx.AsyncClient, studio: Leaky, canary: Canaries) -> list[str]:
    """Everything that a customer can do wrong with a secret; the answers."""
    boat = {"model": "sora-2", "prompt": "leak vendor key at once, twice"}
    image = {"role": "first_frame", "url": f"{studio.url}/image.png?token={canary('image token')}"}
    lost = {"role": "first_frame", "url": f"{studio.url}/lost.png?token={canary('lost image token')}"}
    key = {name: f"sk-{canary(name)}-A1b2C3d4e5f6" for name in OURS}
    labels = [
        {"external_id": key["external id"]},
        {"metadata": {key["name in metadata"]: "x"}},
        {"metadata": {"of": key["metadata"]}},
        {"callback_url": f"https://example.com/done?of={key['query of a callback']}"},
        {"callback_url": f"https://me:{key['user of a callback']}@example.com/done"},
    ]
    replies = [
        await client.post("/v1/tasks", json=boat | {"prompt": f"paint {key['prompt']} on a wall"}),
        await client.post("/v1/tasks", json=boat, headers={"X-Request-Id": key["request id"]}),
        await client.post("/v1/tasks", json=boat, headers={"Idempotency-Key": key["idempotency key"]}),
        await client.post("/v1/tasks", json=boat | {"ratio": key["wrong ratio"]}),
        await client.post("/v1/tasks", json=boat | {key["unknown field"]: key["unknown field"]}),
        await client.post("/v1/tasks", json=boat | {"prompt": "with an image", "reference_images": [image]}),
        await client.post("/v1/tasks", json=boat | {"prompt": "with another", "reference_images": [lost]}),
        await client.post("/v1/tasks", content=f'{{"prompt": "{key["broken body"]}'),
        await client.get(f"/v1/tasks?api_key={key['query']}&limit={key['query']}"),
        await client.get("/v1/tasks", params={"q": f"why {key['pasted key']}?"}),
        await client.get(f"/v1/tasks/{key['path']}"),
        await client.get("/v1/models", headers={"Cookie": f"session={canary('cookie of a customer')}"}),
        await client.get("/v1/tasks", headers={"Authorization": f"Bearer {key['wrong key']}"}),
        await client.get("/v1/tasks", params={"q": client.headers["authorization"]}),
        *[await client.post("/v1/tasks", json=boat | label) for label in labels],
        *[await client.post("/v1/tasks?validate_only=true", json=boat | label) for label in labels],
    ]
    assert [reply.status_code for reply in replies] == [
        202, 202, 400, 422, 400, 202, 422, 400, 400, 422, 404, 200, 401, 422, *[422] * 5, *[200] * 5,
    ]  # fmt: skip
    assert all("whole_key" in reply.text for reply in replies[-10:])
    return [answer_of(reply) for reply in replies]


def answer_of(reply: httpx.Response) -> str:
    """Head and body, without what the customer asked for."""
    body = reply.text
    if reply.headers.get("content-type", "").endswith("json"):
        body = json.dumps(_without_own(reply.json()), ensure_ascii=False)
    return f"{dict(reply.headers)} {body}"


def _without_own(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_own(held) for name, held in value.items() if name not in OWN}
    return [_without_own(one) for one in value] if isinstance(value, list) else value


async def everything_answered(client: httpx.AsyncClient, ids: list[str]) -> list[str]:
    """Every route that reads."""
    paths = ["/healthz", "/readyz", "/metrics", "/openapi.json", "/v1/models", "/v1/models/sora-2"]
    paths += ["/v1/quarantine", "/v1/tasks?limit=200", "/v1/tasks?q=leak", "/v1/tasks?q=revoked"]
    paths += [f"/v1/tasks/{name}/bundle" for name in ids]
    paths += [f"/v1/tasks/{ids[1]}{ending}" for ending in ("", "/history", "/bundle?format=md")]
    return [answer_of(await client.get(path)) for path in paths]


async def ledger_as_text(dsn: str, own: Iterable[str] = OWN) -> list[str]:
    """Every row of every table, but for the customers' own requests."""
    connection = await asyncpg.connect(dsn)
    tables = await connection.fetch(
        """SELECT relname AS name FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
           WHERE nspname = 'public' AND relkind IN ('r', 'p') AND NOT relispartition"""
    )
    rows: list[str] = []
    for table in tables:
        less = "".join(f" - '{name}'" for name in own) if table["name"] == "task" else ""
        found = await connection.fetch(f'SELECT (to_jsonb(t){less})::text AS text FROM "{table["name"]}" t')
        rows += [row["text"] for row in found]
    await connection.close()
    return rows


async def doorbell_as_text(url: str) -> list[str]:
    """Every key of Valkey, and what it holds."""
    async with redis.asyncio.from_url(url) as client:
        keys = await client.keys("*")
        return [str((key, await client.dump(key))) for key in keys]


async def commands_as_text(fleet: Fleet, ids: list[str]) -> list[str]:
    """What the command line says, on both streams."""
    commands = [["list", "--limit", "200"], ["find", "leak"], ["doctor"], ["show", ids[0]], ["why", ids[0]]]
    commands += [["history", ids[1]], ["bundle", ids[1], "--format", "md", "-o", "-"]]
    calls = [(sys.executable, "-m", "tasks_service.cli.main", *words) for words in commands]
    calls.append(
        (sys.executable, "-c", "from tasks_service.settings import Settings; print(repr(Settings()))")
    )

    async def output_of(call: tuple[str, ...]) -> str:
        process = await asyncio.create_subprocess_exec(
            *call,
            env=os.environ | fleet.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        return output.decode()

    return await asyncio.gather(*map(output_of, calls))


def logs_as_text(fleet: Fleet) -> list[str]:
    return [log.read_text() for log in fleet.folder.glob("*.log")]


@pytest.mark.timeout(600)
async def test_no_canary_is_kept_logged_or_answered(
    fleet: Fleet, leaking: Leaky, canaries: Canaries, ledger: Ledger, dsn: str
):
    assert len(canaries) >= 40
    await fleet.start_api()
    staff_key = await ledger.keys.new("ops", "operator")
    async with fleet.client() as client:
        ids = await submit_all(client)
        answers = await misbehave(client, leaking, canaries)
        waiting = await doorbell_as_text(fleet.environment["REDIS_URL"])
        fleet.start_worker(CREATIVE_TASKS_METRICS_PORT=str(free_port()))
        tasks = await fleet.ended(client, ids, within_s=300)
        assert {task["state"] for task in tasks} == {"failed"}
        answers += await everything_answered(client, ids)
    await asyncio.sleep(6)  # until the words are taken up, which has a pace of its own
    async with httpx.AsyncClient(
        base_url=fleet.api, headers={"authorization": f"Bearer {staff_key}"}, timeout=30
    ) as staff:
        answers += await everything_answered(staff, ids)
    said = await commands_as_text(fleet, ids)
    kept = await ledger_as_text(dsn)

    assert any("rings" in line or "arq" in line for line in waiting), waiting
    assert any("leak vendor key" in row for row in kept), "the words were not taken up"
    assert any("[redacted]" in row for row in kept)
    found = {
        "ledger": canaries.found_in(kept),
        "doorbell": canaries.found_in([*waiting, *await doorbell_as_text(fleet.environment["REDIS_URL"])]),
        "logs": canaries.found_in(logs_as_text(fleet)),
        "answers": canaries.found_in(answers),
        "commands": canaries.found_in(said),
    }
    assert found == {place: set() for place in found}
    assert canaries.found_in(await ledger_as_text(dsn, own=())) == {"prompt"}, "no other request was kept"


@pytest.mark.timeout(600)
async def test_without_the_redactor_every_leak_of_an_upstream_is_found(
    fleet: Fleet, leaking: Leaky, canaries: Canaries, dsn: str
):
    await fleet.start_api()
    fleet.start("worker", "tests.journeys.unguarded")
    async with fleet.client() as client:
        ids = await submit_all(client)
        await fleet.ended(client, ids, within_s=300)

    found = canaries.found_in(await ledger_as_text(dsn))

    assert found >= {*FORMS, "path of a link", "request id header", "provider key"}


def test_the_search_for_canaries_sees_them_in_base64_wherever_they_begin(canaries: Canaries):
    for before in ("", "x", "xy", "xyz"):
        text = base64.b64encode(f"{before}{canaries('prompt')}:rest".encode()).decode()
        assert canaries.found_in([text]) == {"prompt"}
    assert canaries.found_in(["nothing"]) == set()
    assert re.fullmatch(r"CANARY\d\dQZX7", canaries("prompt"))
