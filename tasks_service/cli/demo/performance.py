"""Tells the stories over HTTP, as any client would, and follows them to their ends."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Self

import httpx

from tasks_service.cli.demo.progress import Telling
from tasks_service.cli.demo.stories import STORIES, Take
from tasks_service.cli.supervisor.starting import Started

_LOOK_S = 0.3
_AGAIN_S = 0.3


class Demo:
    """All stories of one take. Everything is tried again while the API is away: that is part of the story."""

    def __init__(self, api: httpx.AsyncClient, studio: httpx.AsyncClient, take: Take):
        self._api = api
        self._studio = studio
        self._take = take
        self.tellings: list[Telling] = []

    @classmethod
    @asynccontextmanager
    async def open(cls, started: Started) -> AsyncGenerator[Self]:
        """A demo on what has been started."""
        assert started.sandbox is not None
        async with (
            _client(f"{started.local_address}/v1", started.api_key or "") as api,
            _client(started.sandbox.url, started.sandbox.key) as studio,
        ):
            yield cls(api, studio, Take(int(time.time())))

    async def tell(self, deadline_s: float, changed: Callable[[Telling], None]) -> None:
        """Submit everything and follow it until it has ended, or the time is over."""
        try:
            async with asyncio.timeout(deadline_s):
                for story in STORIES:
                    telling = Telling(story)
                    self.tellings.append(telling)
                    await self._submit(telling)
                    changed(telling)
                while not all(telling.ended for telling in self.tellings):
                    await asyncio.sleep(_LOOK_S)
                    await self._look(changed)
        except TimeoutError:
            pass  # what has not ended by now is told as it is

    async def count_creations(self) -> None:
        """Ask the studio's own books how many jobs each story has made there."""
        jobs = await self._prompts()
        for telling in self.tellings:
            prompt = str(telling.story.request(self._take)["prompt"]).partition(" [sandbox:")[0]
            mine = 0 if telling.story.repeats else sum(job.startswith(prompt) for job in jobs)
            telling.creations = mine

    def otherwise(self) -> list[str]:
        """What ended otherwise than told, one sentence each."""
        return [sentence for telling in self.tellings if (sentence := telling.otherwise())]

    async def _submit(self, telling: Telling) -> None:
        story = telling.story
        # The key makes a second try harmless, whatever became of the first one.
        headers = {"Idempotency-Key": story.reference(self._take)}
        while True:
            reply = await self._ask("POST", "/tasks", json=story.request(self._take), headers=headers)
            if reply is not None and reply.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                break
            await asyncio.sleep(_AGAIN_S)
        told = reply.json()
        if reply.status_code == HTTPStatus.ACCEPTED:
            telling.hear(task=told)
        else:
            telling.hear(problem={"status": reply.status_code, **told})

    async def _look(self, changed: Callable[[Telling], None]) -> None:
        waiting = {telling.task_id: telling for telling in self.tellings if not telling.ended}
        reply = await self._ask("POST", "/tasks/lookup", json={"ids": list(waiting)})
        if reply is None or reply.status_code != HTTPStatus.OK:
            return
        for brief in reply.json()["data"]:
            await self._note(waiting[brief["id"]], brief, changed)

    async def _note(
        self, telling: Telling, brief: dict[str, Any], changed: Callable[[Telling], None]
    ) -> None:
        if telling.brief == brief:
            return
        reply = await self._ask("GET", f"/tasks/{brief['id']}")
        if reply is None or reply.status_code != HTTPStatus.OK:
            return
        before = (telling.state, telling.says)
        telling.brief = brief
        telling.hear(task=reply.json())
        if before != (telling.state, telling.says):
            changed(telling)

    async def _prompts(self) -> list[str]:
        reply = await self._studio.get("/ledger")
        return [str(job["prompt"]) for job in reply.json()["creations"]]

    async def _ask(self, method: str, path: str, **request: Any) -> httpx.Response | None:
        try:
            return await self._api.request(method, path, **request)
        except httpx.TransportError:
            return None


def _client(url: str, key: str) -> httpx.AsyncClient:
    # Not through a proxy that the environment may name: this is our own machine.
    return httpx.AsyncClient(
        base_url=url, headers={"Authorization": f"Bearer {key}"}, trust_env=False, timeout=10
    )
