"""Everything that a run needs, as real processes: PostgreSQL, Valkey, the studio, two APIs, three workers."""

import asyncio
import json
import os
import secrets
import signal
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import asyncpg

from schemas.providers import PROVIDERS
from tasks_service.embedded import Postgres, Valkey, start_postgres, start_valkey
from tasks_service.ledger.ledger import Ledger
from tasks_service.ledger.migrate import migrate
from tests.faults.mix import PLACES
from tests.journeys.conftest import Fleet, answers, free_port

APIS: tuple[str, ...] = ("api-1", "api-2")
WORKERS: tuple[str, ...] = ("worker-1", "worker-2", "worker-3")
LEASE_S = 3
_SLOWEST_START_S = 120  # of a process, on a machine that does other things too
# Short, so that an upstream that hangs is given up within the run.
_PACE = {
    "LEASE_S": LEASE_S, "SUBMIT_TIMEOUT_S": 3, "CALL_TIMEOUT_S": 3, "STOP_WAIT_S": 3, "SUBMIT_GIVE_UP_S": 600,
    "PARKED_WAIT_S": 20, "ABSENT_AFTER_S": 8, "PARK_UNKNOWN_AFTER_S": 10,
}  # fmt: skip
# Where the money is: after a kill here nobody knows, from our record alone, whether the request arrived. The two
# that settle are left out, since look-ups come there too.
SEND_WINDOW = frozenset({"submit.intent_committed", "submit.covered", "submit.connected", "submit.answered"})
_UNDER_WAY = "SELECT count(*) FROM task WHERE due_at IS NOT NULL AND parked IS NULL"


class Stage(Fleet):
    """The processes, a keeper who starts again what has ended, and the armed failpoints."""

    def __init__(self, folder: Path, postgres: Postgres, valkey: Valkey | None, armed: Mapping[str, str]):
        super().__init__(folder, postgres.dsn, valkey)
        self.postgres = postgres
        self.environment |= {f"CREATIVE_TASKS_{name}": str(value) for name, value in _PACE.items()}
        self.environment["CREATIVE_TASKS_FAILPOINTS_LOG"] = str(folder / "firings")
        # Of its own for each run, so that finding it anywhere means something.
        self.studio_key = self.environment["STUDIO_KEY"] = f"studio-{secrets.token_hex(16)}"
        self.armed = armed  # which failpoints each process carries from its next start on
        self.down_until: dict[str, float] = {}
        self.ports = {name: free_port() for name in APIS}
        self.starts: Counter[str] = Counter()
        self._keeping: asyncio.Task[None] | None = None

    @classmethod
    async def build(cls, folder: Path, armed: Mapping[str, str], *, with_valkey: bool = True) -> "Stage":
        """Start all of it, and wait until both APIs are ready."""
        folder.chmod(0o711)  # PostgreSQL's own user has to get through
        # Not a throw-away server: what is promised is promised of one that writes through to the disk.
        postgres = await asyncio.to_thread(start_postgres, folder / "postgres")
        valkey = await asyncio.to_thread(start_valkey, folder / "valkey") if with_valkey else None
        stage = cls(folder, postgres, valkey, armed)
        try:
            await stage._open()
        except BaseException:
            stage.stop()
            raise
        return stage

    async def _open(self) -> None:
        await migrate(self.postgres.dsn)
        ledger = await Ledger.connect(self.postgres.dsn, size=1)
        self.key = await ledger.keys.new("acme")
        await ledger.close()
        await self.start_studio()
        for name in APIS + WORKERS:
            self._begin(name)
        for address in self.addresses:
            await answers(f"{address}/readyz", within_s=_SLOWEST_START_S)
        self._keeping = asyncio.create_task(self._keep())

    @property
    def addresses(self) -> list[str]:
        """Of the APIs."""
        return [f"http://127.0.0.1:{port}" for port in self.ports.values()]

    @property
    def canaries(self) -> tuple[str, ...]:
        """What must be found nowhere."""
        return self.studio_key, self.key

    async def start_studio(self) -> None:
        await self.start_studio_at("127.0.0.1", free_port())

    async def start_studio_at(self, host: str, port: int) -> None:
        """The studio at an address, and the routes that lead there."""
        self.studio = f"http://{host}:{port}"
        where = ("--host", host, "--port", str(port), "--folder", str(self.folder / "studio"))
        self.start("studio", "workers.sandbox.main", *where, SANDBOX_KEY=self.studio_key)
        await answers(f"{self.studio}/healthz", within_s=_SLOWEST_START_S)
        routes = [
            {
                "name": name,
                "provider": name,
                "base_url": self.studio + PLACES[name],
                "credential": "env:STUDIO_KEY",
            }
            for name in PROVIDERS
            if name in PLACES
        ]
        self.environment["CREATIVE_TASKS_ROUTES"] = json.dumps(routes)

    async def roll(self, armed: Mapping[str, str]) -> None:
        """Start every process anew, one after the other, with these failpoints: they are read at the start."""
        self.armed = armed
        for name in APIS + WORKERS:
            before = self.starts[name]
            self.signal(name, signal.SIGTERM)
            async with asyncio.timeout(_SLOWEST_START_S):
                while self.starts[name] == before:  # noqa: ASYNC110 - the keeper looks, and so do we
                    await asyncio.sleep(0.1)
            if name in APIS:
                await answers(f"{self.addresses[APIS.index(name)]}/readyz", within_s=_SLOWEST_START_S)

    def hold_down(self, name: str, seconds: float) -> None:
        """The keeper leaves a process that ended alone for so long."""
        self.down_until[name] = time.monotonic() + seconds

    async def rest(self) -> None:
        """The workers stop, in order, and stay away until told to go on."""
        for name in WORKERS:
            self.hold_down(name, _SLOWEST_START_S)
            self.signal(name, signal.SIGTERM)
        async with asyncio.timeout(_SLOWEST_START_S):
            while any(self.processes[name].poll() is None for name in WORKERS):  # noqa: ASYNC110 - processes
                await asyncio.sleep(0.1)

    def go_on(self) -> None:
        """The keeper starts the workers again."""
        for name in WORKERS:
            self.hold_down(name, 0)

    def signal(self, name: str, which: signal.Signals) -> None:
        """Send a signal to whichever process has the name now."""
        process = self.processes[name]
        if process.poll() is None:
            process.send_signal(which)

    def firings(self) -> Counter[str]:
        """Which failpoints fired, and how often."""
        noted = self.folder / "firings"
        return Counter(noted.read_text().split()) if noted.exists() else Counter()

    async def crash_postgres(self, pause_s: float) -> None:
        """What `pg_ctl stop -m immediate` does: no checkpoint, repair at the next start."""
        os.kill(self.postgres.pid, signal.SIGQUIT)
        await asyncio.sleep(pause_s)
        await asyncio.to_thread(self.postgres.restart)

    async def under_way(self) -> int:
        """How many tasks neither ended nor wait for a person."""
        connection = await asyncpg.connect(self.postgres.dsn)
        try:
            return await connection.fetchval(_UNDER_WAY)
        finally:
            await connection.close()

    async def close(self) -> None:
        """Stop the processes, the way an operator would; the engines go on."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        for name in self.processes:
            self.signal(name, signal.SIGCONT)
        await asyncio.to_thread(super().stop)

    def stop(self) -> None:
        """Stop everything, and throw the database away."""
        super().stop()
        if self.valkey is not None:
            self.valkey.stop()
        self.postgres.discard()

    def _begin(self, name: str) -> None:
        self.starts[name] += 1
        failpoints = {"CREATIVE_TASKS_FAILPOINTS": self.armed[name]}
        if name in APIS:
            port = {"CREATIVE_TASKS_PORT": str(self.ports[name])}
            self.start(name, "tasks_service.cli.main", "api", **failpoints, **port)
        else:
            self.start(name, "workers.main", **failpoints)

    async def _keep(self) -> None:
        """What every platform does: a process that ended is started again."""
        while True:
            now = time.monotonic()
            for name in APIS + WORKERS:
                if self.processes[name].poll() is not None and now >= self.down_until.get(name, 0):
                    self._begin(name)
            await asyncio.sleep(0.1)
