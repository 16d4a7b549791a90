"""Provider files and the studio, each written from the vendors' pages and not from the other, meet here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from schemas.providers import model_of
from schemas.redaction import Redactor
from schemas.routes import Route
from schemas.rules import check, with_defaults
from schemas.task import TaskRequest
from schemas.upstream import Flow, Job, Lost, Observation, Submission
from workers.sandbox.app import running_studio
from workers.upstream import Upstream

KEY = "studio-key-0123456789"
REFERENCE = "tsk_01kfz3gk5ne1r9v4y0q8s6w2ab_1"
PREFIXES = {"kling": "/kling", "ark_seedance": "/ark/api/v3"}


@dataclass
class Meeting:
    """One provider file at the studio."""

    upstream: Upstream
    studio: httpx.AsyncClient

    def submission(self, model: str, script: str = "", **parameters) -> Submission:
        known = model_of(self.upstream.provider.name, model)
        asked = {"model": model, "prompt": f"a boat [sandbox: queue=0 run=0 {script}]"} | parameters
        request = with_defaults(TaskRequest.model_validate(asked, strict=False), known)
        assert check(request, known) == []
        return Submission(request, known, REFERENCE)

    async def submit(self, sent: Submission) -> Observation:
        return await self._drive(self.upstream.provider.submit(sent))

    async def look(self, sent: Submission, seen: Observation) -> Observation:
        return await self._drive(self.upstream.provider.poll(self._job(sent, seen)))

    async def cancel(self, sent: Submission, seen: Observation) -> Observation:
        return await self._drive(self.upstream.provider.cancel(self._job(sent, seen)))

    async def search(self, sent: Submission) -> Observation:
        lost = Lost(sent.request, sent.model, sent.reference, datetime.now(UTC))
        return await self._drive(self.upstream.provider.lookup(lost))

    async def created(self) -> int:
        return (await self.studio.get("/ledger", params={"reference": REFERENCE})).json()["count"]

    def _job(self, sent: Submission, seen: Observation) -> Job:
        return Job(seen.upstream_id, self.upstream.provider.endpoint(sent.request))

    async def _drive(self, flow: Flow) -> Observation:
        return (await self.upstream.drive(flow, "contract", 1, 2)).observation


@pytest.fixture
def meet(tmp_path: Path):
    """A provider file at a studio of its own."""

    @asynccontextmanager
    async def meeting(provider: str, credential: str = KEY) -> AsyncIterator[Meeting]:
        async with running_studio(tmp_path / "studio", KEY) as url, httpx.AsyncClient(base_url=url) as client:
            route = Route(
                name=provider,
                provider=provider,
                base_url=url + PREFIXES[provider],
                credential=SecretStr(credential),
            )
            upstream = Upstream(route, Redactor([credential]))
            try:
                yield Meeting(upstream, client)
            finally:
                await upstream.close()

    return meeting
