"""API keys: make, list and revoke."""

import asyncio
import re
from enum import StrEnum
from typing import Annotated

import typer

from tasks_service.cli.columns import print_columns
from tasks_service.cli.configuration import read_settings
from tasks_service.cli.database import ledger_of
from tasks_service.cli.errors import Trouble
from tasks_service.cli.screen import clipped
from tasks_service.ledger.connection import Row

keys = typer.Typer(no_args_is_help=True, help="API keys: make, list and revoke.")

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")


class Role(StrEnum):
    """What a key may do: customers see their own account, staff sees all."""

    CUSTOMER = "customer"
    SUPPORT = "support"
    OPERATOR = "operator"
    ADMIN = "admin"


@keys.command()
def new(
    account: Annotated[str, typer.Option(help="The account it acts for; made if need be.")],
    role: Annotated[Role, typer.Option(help="What it may do.")] = Role.CUSTOMER,
    label: Annotated[str, typer.Option(help="A note for people.")] = "",
) -> None:
    """Make a key and print it, once and alone; only its digest is kept."""
    if not _NAME.fullmatch(account):
        raise Trouble(
            f"{clipped(repr(account), 80)} cannot be an account's name; "
            "take up to 63 lower-case letters, digits, dots, dashes and underscores."
        )
    key = asyncio.run(_new(account, role, label))
    typer.echo(key)
    typer.echo(f"A {role.value} key for {account}. It is shown only now: keep it.", err=True)


@keys.command("list")
def list_keys() -> None:
    """List every key as far as people may see it: head, tail, account, role."""
    rows = [
        (
            row["id"],
            row["account"],
            row["role"],
            f"{row['head']}…{row['tail']}",
            f"{row['created_at']:%Y-%m-%d %H:%M}",
            f"{row['revoked_at']:%Y-%m-%d %H:%M}" if row["revoked_at"] else "",
            row["label"],
        )
        for row in asyncio.run(_all())
    ]
    print_columns(("id", "account", "role", "key", "made (UTC)", "revoked (UTC)", "label"), rows)


@keys.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `keys list` shows it.")],
) -> None:
    """End a key at once. Its row stays, so that history still names it."""
    # A whole key, or its head, is what people have at hand; only the id leaves this function.
    if not asyncio.run(_revoke(key_id.removeprefix("ct_live_").partition("_")[0])):
        raise Trouble("There is no such key, or it was revoked before; creative-tasks keys list shows them.")
    typer.echo("Revoked.", err=True)


async def _new(account: str, role: Role, label: str) -> str:
    async with ledger_of(read_settings()) as ledger:
        return await ledger.keys.new(account, role.value, label)


async def _all() -> list[Row]:
    async with ledger_of(read_settings()) as ledger:
        return await ledger.keys.all()


async def _revoke(key_id: str) -> bool:
    async with ledger_of(read_settings()) as ledger:
        return await ledger.keys.revoke(key_id)
