"""Groups of failures: what is counted of their cases, and what people say of them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from schemas.failure_groups import GroupState, Phase
from schemas.failures import Answer, Failure, FailureKind, was_spent
from schemas.lifecycle import Spend
from tasks_service.ledger.connection import Book, Row
from tasks_service.ledger.decisions import Said

_ALL = (datetime.max.replace(tzinfo=UTC), UUID(int=(1 << 128) - 1))
_MOST_CHANGES = 100


@dataclass(frozen=True, slots=True)
class GroupFilters:
    """What a page of groups is narrowed to; None means: all."""

    account_id: int | None = None
    states: list[str] | None = None
    kind: str | None = None
    provider: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Below:
    """Where a page begins: below a group, in the order as it was at a moment."""

    as_of: datetime
    at: datetime
    key: str


@dataclass(frozen=True, slots=True)
class Charged:
    """Of how many cases money was spent, was not, or nobody knows."""

    yes: int
    no: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Group:
    """A group and what is counted of it, as one account or everybody sees it."""

    key: str
    provider: str
    phase: Phase
    kind: FailureKind
    status_class: str | None
    code: str | None
    words: str
    state: GroupState
    muted_until: datetime | None
    changes: int
    cases: int
    first_at: datetime
    last_at: datetime
    accounts: int
    routes: tuple[str, ...]
    charged: Charged


@dataclass(frozen=True, slots=True)
class Case:
    """One task of a group."""

    id: UUID
    at: datetime
    account: str
    route: str
    model: str
    failure: Failure
    spent: Answer


class Failures(Book, beside=__file__):
    """Counts are read from the cases themselves, so they are exact and nobody has to keep them."""

    async def page(
        self, filters: GroupFilters, below: Below | None, limit: int
    ) -> tuple[list[Group], Below | None]:
        """So many groups, those that failed last first; with where the next page begins, if there is one."""
        place = {
            "as_of": below and below.as_of,
            "below_at": below and below.at,
            "below_key": below and below.key,
        }
        rows = await self._rows("page", **asdict(filters), **place, limit=limit + 1)
        more, rows = len(rows) > limit, rows[:limit]
        known = await self._groups([row["key"] for row in rows], filters.account_id)
        groups = [known[row["key"]] for row in rows if row["key"] in known]
        return groups, Below(rows[-1]["as_of"], rows[-1]["at"], rows[-1]["key"]) if more else None

    async def get(self, key: str, account_id: int | None) -> Group | None:
        """One group; None where it has no case, or none of this account."""
        return (await self._groups([key], account_id)).get(key)

    async def cases(
        self, key: str, account_id: int | None, below: tuple[datetime, UUID] | None, limit: int
    ) -> list[Case]:
        """Its tasks, those that failed last first, below one of them."""
        below_at, below_id = below or _ALL
        rows = await self._rows(
            "cases", key=key, account_id=account_id, below_at=below_at, below_id=below_id, limit=limit
        )
        return [_case(row) for row in rows]

    async def most_affected(self, key: str, limit: int) -> list[Row]:
        """The accounts with the most cases."""
        return await self._rows("most_affected", key=key, limit=limit)

    async def names(self, key: str, account_id: int | None) -> list[str]:
        """The names of the accounts that have a case, so that they can be kept out of what is published."""
        return [row["name"] for row in await self._rows("names", key=key, account_id=account_id)]

    async def changes(self, key: str) -> list[Row]:
        """What people said of it, the latest first."""
        return await self._rows("changes", key=key, limit=_MOST_CHANGES)

    async def say(self, group: Group, state: GroupState, said: Said, muted_until: datetime | None) -> bool:
        """Put on record how a group stands; False where somebody said something since it was read."""
        row = await self._row(
            "say",
            key=group.key,
            changes=group.changes,
            from_state=group.state.value,
            to_state=state.value,
            muted_until=muted_until,
            actor=said.actor,
            reason=said.reason,
        )
        return row is not None

    async def _groups(self, keys: Sequence[str], account_id: int | None) -> dict[str, Group]:
        rows = await self._rows("groups", keys=list(keys), account_id=account_id)
        return {row["key"]: _group(row) for row in rows}


def _group(row: Row) -> Group:
    kind = FailureKind(row["kind"])
    same: dict[str, Any] = {
        name: row[name]
        for name in (
            "key", "provider", "status_class", "code", "words", "changes", "muted_until", "cases", "first_at",
            "last_at", "accounts",
        )
    }  # fmt: skip
    return Group(
        phase=Phase(row["phase"]),
        kind=kind,
        state=GroupState(row["state"]),
        routes=tuple(row["routes"]),
        charged=_charged(row, kind),
        **same,
    )


def _charged(row: Row, kind: FailureKind) -> Charged:
    """A result that came after the end was paid for, whatever was known before."""
    counts = {Answer.YES: row["came_late"], Answer.NO: row["free"], Answer.UNKNOWN: row["unknown"]}
    counts[was_spent(kind, Spend.CONFIRMED)] += row["confirmed"]
    return Charged(counts[Answer.YES], counts[Answer.NO], counts[Answer.UNKNOWN])


def _case(row: Row) -> Case:
    failure = Failure(
        FailureKind(row["failure_kind"]),
        row["failure_message"] or "",
        row["failure_code"],
        row["failure_status"],
        row["failure_request_id"],
    )
    spent = Answer.YES if row["came_late"] else was_spent(failure.kind, Spend(row["spend"]))
    return Case(row["id"], row["failed_at"], row["account"], row["route"], row["model"], failure, spent)
