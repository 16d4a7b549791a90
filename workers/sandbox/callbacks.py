"""The studio calls back: a POST whenever a job's state has changed, in the words of a look, or worse."""

import asyncio
import json
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, Protocol

from workers.sandbox.behaviour import Behaviour
from workers.sandbox.ledger import Creation

EVIL: Final = "http://evil.test/not-yours.mp4"
# "Done", and where, in the words of every dialect.
_LIE: Final[Mapping[str, Any]] = {
    "status": "ready",
    "results": [{"index": 0, "url": EVIL}],
    "task_status": "succeed",
    "task_result": {"videos": [{"id": "1", "url": EVIL, "duration": "5"}]},
    "content": {"video_url": EVIL},
}
_HUGE_BYTES: Final = 4 << 20
_PATIENCE_S: Final = 5.0
_PAUSES_S: Final = (0.0, 0.5, 1.0, 2.0)  # before the first call, and before each that repeats a failed one
_AT_ONCE: Final = 8


class _Seen(Protocol):
    @property
    def status(self) -> str: ...


class Callbacks:
    """Calls on their way. `answers` counts what was answered, by status; 0 where nothing was."""

    def __init__(
        self,
        look: Callable[[Creation], _Seen],
        until_change_s: Callable[[Creation], float | None],
        behaviour: Callable[[Creation], Behaviour],
    ):
        self._look, self._until_change_s, self._behaviour = look, until_change_s, behaviour
        self._telling: set[asyncio.Task[None]] = set()
        self._lines = asyncio.Semaphore(_AT_ONCE)
        self.answers: Counter[int] = Counter()

    def begin(self, job: Creation, url: str | None, shown: Callable[[], Mapping[str, Any]]) -> None:
        """Tell an address of every change of a job; `shown` is what a look would say at the moment."""
        if url is None or self._behaviour(job).callback == "silent":
            return
        telling = asyncio.create_task(self._tell(job, url, shown))
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)

    async def close(self) -> None:
        """Tell nobody any more."""
        for telling in self._telling:
            telling.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)

    async def _tell(self, job: Creation, url: str, shown: Callable[[], Mapping[str, Any]]) -> None:
        told, known = self._behaviour(job), ""
        times = told.callback_times if told.callback else 1
        while True:
            seen = self._look(job)
            if seen.status != known:
                known = seen.status
                body = _body(told, shown())
                await asyncio.gather(*(self._call(url, body) for _ in range(times)))
            wait_s = None if known in ("ready", "error") else self._until_change_s(job)
            if wait_s is None:
                return
            await asyncio.sleep(max(wait_s, 0.01))

    async def _call(self, url: str, body: bytes) -> None:
        async with self._lines:
            for pause_s in _PAUSES_S:
                await asyncio.sleep(pause_s)
                status = await asyncio.to_thread(_post, url, body)
                self.answers[status] += 1
                if status == HTTPStatus.NO_CONTENT:
                    return


def _body(told: Behaviour, shown: Mapping[str, Any]) -> bytes:
    if told.callback == "lies":
        return json.dumps({**shown, **_LIE}).encode()
    if told.callback == "huge":
        return json.dumps({**shown, "padding": "x" * _HUGE_BYTES}).encode()
    return json.dumps(shown).encode()


def _post(url: str, body: bytes) -> int:
    kind = {"content-type": "application/json"}
    request = urllib.request.Request(url, body, kind, method="POST")  # noqa: S310 - the client's own address
    # Not through whatever proxy the environment names.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_PATIENCE_S) as answer:
            return answer.status
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code
    except OSError:
        return 0
