"""The studio calls back: a POST for every change of a job, or what its script makes of that."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.workers.sandbox.test_ark import TASKS, order
from tests.workers.sandbox.test_kling import TEXT, film
from tests.workers.sandbox.test_studio import studio

IMAGE = {"model": "sandbox-image-1", "prompt": "a boat"}


class Listener:
    """Takes whatever is posted, and refuses the first few."""

    def __init__(self) -> None:
        self.heard: list[dict] = []
        self.refusals = 0
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status = 503 if listener.refusals else 204
                listener.refusals -= bool(listener.refusals)
                listener.heard.append(json.loads(body))
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/bell"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    async def hears(self, times: int) -> list[dict]:
        async with asyncio.timeout(30):
            while len(self.heard) < times:  # noqa: ASYNC110 - another thread
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)
        return self.heard


@pytest.fixture
def listener() -> Iterator[Listener]:
    one = Listener()
    yield one
    one.stop()


async def test_every_change_is_told_in_the_words_of_the_dialect(tmp_path, listener):
    script = "queue=0.3 run=0.3"
    async with studio(tmp_path) as client:
        native = IMAGE | {"behaviour": script, "callback_url": listener.url}
        name = (await client.post("/sandbox/v1/jobs", json=native)).json()["id"]
        heard = list(await listener.hears(3))
        assert [(one["id"], one["status"]) for one in heard] == [
            (name, "waiting"), (name, "rendering"), (name, "ready"),
        ]  # fmt: skip
        assert heard[-1] == (await client.get(f"/sandbox/v1/jobs/{name}")).json() | {
            "results": heard[-1]["results"]
        }

        await client.post(TEXT, json=film("queue=0.3 run=0.3", callback_url=listener.url))
        heard = (await listener.hears(6))[3:]
        assert [one["task_status"] for one in heard] == ["submitted", "processing", "succeed"]
        assert heard[-1]["task_result"]["videos"]

        await client.post(TASKS, json=order(script, callback_url=listener.url))
        heard = (await listener.hears(9))[6:]
        assert [one["status"] for one in heard] == ["queued", "running", "succeeded"]
        assert (await client.get("/ledger")).json()["called_back"] == {"204": 9}


@pytest.mark.parametrize(
    ("script", "heard"),
    [
        ("end=content", ["rendering", "error"]),
        ("end=never", ["rendering"]),
        ("callback=silent", []),
        ("callback=repeated callback_times=5", ["rendering"] * 5 + ["ready"] * 5),
        ("callback=lies callback_times=1", ["ready", "ready"]),
        ("callback=huge callback_times=1", ["rendering", "ready"]),
    ],
)
async def test_a_script_says_how(tmp_path, listener, script, heard):
    async with studio(tmp_path) as client:
        wish = IMAGE | {"behaviour": f"queue=0 run=0.3 {script}", "callback_url": listener.url}
        await client.post("/sandbox/v1/jobs", json=wish)
        bodies = await listener.hears(len(heard))

        assert [body["status"] for body in bodies] == heard
        assert ("evil.test" in json.dumps(bodies)) == ("lies" in script)
        assert any(len(body.get("padding", "")) > 1 << 20 for body in bodies) == ("huge" in script)


async def test_who_refuses_is_called_again(tmp_path, listener):
    listener.refusals = 2
    async with studio(tmp_path) as client:
        wish = IMAGE | {"behaviour": "queue=0 run=0 ", "callback_url": listener.url}
        await client.post("/sandbox/v1/jobs", json=wish)
        await listener.hears(3)

        assert (await client.get("/ledger")).json()["called_back"] == {"503": 2, "204": 1}


async def test_where_to_ring_is_no_part_of_what_a_reference_stands_for(tmp_path, listener):
    async with studio(tmp_path) as client:
        body = IMAGE | {"reference": "r", "callback_url": listener.url}
        names = {
            (await client.post("/sandbox/v1/jobs", json=one)).json()["id"]
            for one in (body, body, body | {"callback_url": f"{listener.url}/2"})
        }

        assert len(names) == 1
