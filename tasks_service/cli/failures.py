"""Groups of failures, straight from the ledger: list, look into one, say how it stands, draft an article."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeVar

import typer
from pydantic import ValidationError

from schemas.failure_groups import GroupState
from schemas.failures import FailureKind
from schemas.ids import task_id_text
from schemas.refusals import MalformedRequest, StateConflict
from tasks_service.api.failure_views import case_view, change_views, group_view
from tasks_service.articles import article as drafted
from tasks_service.cli.columns import print_columns
from tasks_service.cli.configuration import read_settings
from tasks_service.cli.database import ledger_of
from tasks_service.cli.errors import Trouble
from tasks_service.cli.person import actor
from tasks_service.cli.screen import as_json, clipped, plain
from tasks_service.explanation import Language
from tasks_service.failures import GroupStateRequest, say
from tasks_service.ledger.connection import Row
from tasks_service.ledger.failures import Case, Group, GroupFilters
from tasks_service.ledger.ledger import Ledger

failures = typer.Typer(
    invoke_without_command=True,
    help="The same trouble as one line: how often, since when, what it cost; and what to say of it.",
)

_ECHO = 80
_SPAN = re.compile(r"([0-9]{1,4})(m|h|d)")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_Found = TypeVar("_Found")

Name = Annotated[str, typer.Argument(metavar="GROUP", help="The name of the group, such as v1:3f9a….")]
Json = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]
Limit = Annotated[int, typer.Option(min=1, max=200, help="At most so many, those that failed last first.")]


@failures.callback()
def list_groups(
    context: typer.Context,
    state: Annotated[
        list[GroupState] | None, typer.Option(help="Only in this state; may be repeated.")
    ] = None,
    kind: Annotated[FailureKind | None, typer.Option(help="Only of this kind.")] = None,
    provider: Annotated[str | None, typer.Option(help="Only of this provider.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Only what failed since then: 24h, 7d, or a time with its zone.")
    ] = None,
    limit: Limit = 50,
    json_: Json = False,
) -> None:
    """List groups of failures: the same trouble is one line, and those that failed last come first."""
    if context.invoked_subcommand is not None:
        return
    filters = GroupFilters(
        states=[one.value for one in state] if state else None,
        kind=kind.value if kind else None,
        provider=provider,
        since=_moment(since, "--since", -1) if since else None,
    )

    async def look(ledger: Ledger) -> list[Group]:
        groups, _ = await ledger.failures.page(filters, None, limit)
        return groups

    groups = _with_ledger(look)
    if json_:
        typer.echo(as_json([group_view(one, staff=True).model_dump(mode="json") for one in groups]))
        return
    print_columns(
        ("group", "cases", "state", "last (UTC)", "kind", "provider", "their words"), map(_line, groups)
    )


@failures.command()
def show(group: Name, limit: Limit = 20, json_: Json = False) -> None:
    """Show one group: what is counted of it, whom it affects, what was said of it, and its latest cases."""
    found = _with_ledger(lambda ledger: _look_into(ledger, group, limit))
    if json_:
        views = {
            **group_view(found.group, staff=True).model_dump(mode="json"),
            "data": [case_view(one, staff=True).model_dump(mode="json") for one in found.cases],
            "affected": [dict(row) for row in found.affected],
            "changes": [one.model_dump(mode="json") for one in change_views(found.changes)],
        }
        typer.echo(as_json(views))
        return
    for name, value in _sheet(found):
        typer.echo(f"{name:<14} {' '.join(plain(value).split())}")
    rows = [
        (
            task_id_text(one.id),
            f"{one.at:%m-%d %H:%M:%S}",
            one.account,
            one.route,
            one.spent.value,
            one.failure.message,
        )
        for one in found.cases
    ]
    typer.echo("")
    print_columns(("task", "failed (UTC)", "account", "route", "charged", "their words"), rows)


@failures.command()
def mark(
    group: Name,
    state: Annotated[str, typer.Argument(metavar="STATE", help="known, muted or resolved.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept with your name, for staff.")],
    until: Annotated[
        str | None, typer.Option(help="For muted: the end of the quiet, as 12h, 7d, or a time with its zone.")
    ] = None,
) -> None:
    """Say how a group stands: known, muted until a time, or resolved. A failure after that reopens it."""
    try:
        quiet = _moment(until, "--until", 1) if until else None
        wish = GroupStateRequest.model_validate({"state": state, "reason": reason, "until": quiet})
    except ValidationError as error:
        raise Trouble(_wrong(error)) from None

    async def put_on_record(ledger: Ledger) -> Group:
        return await say(ledger, await _get(ledger, group), wish, actor(), datetime.now(UTC))

    try:
        now = _with_ledger(put_on_record)
    except (StateConflict, MalformedRequest) as refusal:
        raise Trouble(refusal.detail) from None
    typer.echo(f"{now.key}  {_state(now)}")


@failures.command()
def article(
    group: Name,
    lang: Annotated[Language, typer.Option(help="The language of the draft.")] = Language.EN,
) -> None:
    """Draft an article about a group, as Markdown: nobody's name is in it."""

    async def draft(ledger: Ledger) -> str:
        found = await _get(ledger, group)
        return drafted(found, await ledger.failures.names(found.key, None), lang)

    typer.echo(plain(_with_ledger(draft)), nl=False)


@dataclass(frozen=True, slots=True)
class _Insight:
    group: Group
    cases: list[Case]
    affected: list[Row]
    changes: list[Row]


async def _look_into(ledger: Ledger, name: str, limit: int) -> _Insight:
    group = await _get(ledger, name)
    return _Insight(
        group,
        await ledger.failures.cases(group.key, None, None, limit),
        await ledger.failures.most_affected(group.key, 20),
        await ledger.failures.changes(group.key),
    )


async def _get(ledger: Ledger, name: str) -> Group:
    found = await ledger.failures.get(name.strip(), None)
    if found is None:
        raise Trouble(
            f"There is no group of failures {clipped(name, _ECHO)}; creative-tasks failures lists them."
        )
    return found


def _with_ledger(work: Callable[[Ledger], Awaitable[_Found]]) -> _Found:
    async def run() -> _Found:
        async with ledger_of(read_settings()) as ledger:
            return await work(ledger)

    return asyncio.run(run())


def _line(group: Group) -> tuple[str, ...]:
    said = " ".join(part for part in (group.status_class, group.code, group.words) if part)
    last = f"{group.last_at:%m-%d %H:%M:%S}"
    return group.key, str(group.cases), _state(group), last, group.kind.value, group.provider, said


def _state(group: Group) -> str:
    muted = group.state is GroupState.MUTED and group.muted_until
    return f"muted until {muted:%Y-%m-%d %H:%M} UTC" if muted else group.state.value


def _sheet(found: _Insight) -> list[tuple[str, str]]:
    group, charged = found.group, found.group.charged
    affected = ", ".join(f"{row['account']} ({row['cases']})" for row in found.affected)
    facts = " ".join(part for part in (group.kind.value, group.status_class, group.code) if part)
    return [
        ("group", group.key),
        ("state", _state(group)),
        ("failure", facts),
        ("at", f"{group.provider}, {group.phase.value}, routes {', '.join(group.routes)}"),
        ("their words", group.words),
        ("cases", f"{group.cases} of {group.accounts} account(s): {affected}"),
        ("seen", f"{group.first_at:%Y-%m-%d %H:%M:%S} to {group.last_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("charged", f"yes {charged.yes}, no {charged.no}, not known {charged.unknown}"),
        *(
            ("said", f"{row['at']:%Y-%m-%d %H:%M} {row['actor']}: {row['to_state']}, “{row['reason']}”")
            for row in found.changes
        ),
    ]


def _moment(text: str, option: str, direction: int) -> datetime:
    """A span from now, or a time."""
    if span := _SPAN.fullmatch(text.strip()):
        return datetime.now(UTC) + direction * timedelta(**{_UNITS[span[2]]: int(span[1])})
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Trouble(f"{option} takes a span such as 12h or 7d, or a time such as 2026-11-30T08:00:00Z.")
    return at


def _wrong(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False)
    return "; ".join(f"{one['loc'][0]}: {one['msg']}" for one in found) + "."
