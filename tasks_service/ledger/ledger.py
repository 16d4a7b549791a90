"""The ledger as one object: its books over one pool, or inside one transaction."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Self

from tasks_service.ledger.connection import Database
from tasks_service.ledger.decisions import Decisions
from tasks_service.ledger.erasure import Erasure
from tasks_service.ledger.history import History
from tasks_service.ledger.instance import Instance
from tasks_service.ledger.keys import Keys
from tasks_service.ledger.late import Late
from tasks_service.ledger.months import Months
from tasks_service.ledger.opening import Opening
from tasks_service.ledger.reference_images import ReferenceImages
from tasks_service.ledger.retention import Retention
from tasks_service.ledger.search import Search
from tasks_service.ledger.spend import Spends
from tasks_service.ledger.tasks import Tasks
from tasks_service.ledger.work import Work

BOOKS = (
    Tasks,
    Opening,
    Work,
    Spends,
    History,
    Keys,
    Months,
    Instance,
    Late,
    Decisions,
    ReferenceImages,
    Search,
    Erasure,
    Retention,
)


class Ledger:
    """The only way to PostgreSQL."""

    def __init__(self, database: Database):
        self._database = database
        self.tasks = Tasks(database)
        self.work = Work(database)
        self.spends = Spends(database)
        self.history = History(database)
        self.keys = Keys(database)
        self.months = Months(database)
        self.instance = Instance(database)
        self.late = Late(database)
        self.decisions = Decisions(database)
        self.reference_images = ReferenceImages(database)
        self.search = Search(database)
        self.erasure = Erasure(database)
        self.retention = Retention(database)

    @classmethod
    async def connect(cls, dsn: str, *, size: int = 10, lazy: bool = False) -> Self:
        """Open the ledger, a lazy one at its first query. Raises what `connection.UNAVAILABLE` lists."""
        return cls(await Database.connect(dsn, size=size, lazy=lazy))

    async def close(self) -> None:
        """Let go of the connections."""
        await self._database.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator["Ledger"]:
        """All or nothing: what is done on the yielded ledger is committed together."""
        async with self._database.transaction() as database:
            yield Ledger(database)
