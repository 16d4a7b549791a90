"""`creative-tasks check`: what would be said to a request, without a server and without spending anything."""

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from schemas.providers import CATALOGUE, PROVIDERS
from schemas.refusals import MalformedRequest, Overloaded, problem
from schemas.routes import Route
from schemas.rules.nearest import whole
from schemas.task import TaskRequest
from tasks_service.cli.configuration import read_settings
from tasks_service.cli.errors import Trouble
from tasks_service.cli.screen import as_json, clipped, plain
from tasks_service.doorbell import SilentDoorbell
from tasks_service.ledger.keys import Caller
from tasks_service.ledger.ledger import Ledger
from tasks_service.settings import Settings

if TYPE_CHECKING:
    from tasks_service.admission import Quote

_ECHO = 200
_NOBODY = Caller(account_id=0, account="nobody", key_id="", role="customer")


def check(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A request as JSON; - reads it from standard input.")
    ] = "-",
    json_: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Check a request as POST /v1/tasks?validate_only=true does: every rule, its images, its price.

    Nothing is written, kept or spent, and no database is needed. Ends with 1 where something is wrong.
    """
    # Loaded only here: every other command would start later for it.
    from tasks_service.admission import Quote

    text = _read(file)
    try:
        quote = asyncio.run(_quote(read_settings(), text))
        problems = [problem(found) for found in quote.problems]
    except MalformedRequest as refusal:
        quote, problems = Quote(()), list(refusal.members.get("problems", [])) or [{"detail": refusal.detail}]
    except Overloaded as refusal:
        raise Trouble(refusal.detail) from None
    typer.echo(_as_json(quote, problems) if json_ else "\n".join(_told(quote, problems)))
    if problems:
        raise typer.Exit(1)


async def _quote(settings: Settings, text: bytes) -> "Quote":
    from tasks_service.admission import Admission
    from tasks_service.api.problems import understood
    from tasks_service.pictures.vetting import Vetting

    # It is asked only about uploaded files, and connects only then.
    ledger = await Ledger.connect("postgresql://nowhere.invalid/none", lazy=True)
    vetting = Vetting.open(ledger, settings)
    try:
        routes = settings.routes or tuple(_every_provider())
        admission = Admission(ledger, SilentDoorbell(), routes, vetting)
        request = understood(TaskRequest, text, admission.judge)
        if any(image.file_id for image in request.reference_images):
            raise Trouble("A file_id belongs to an account; check it with POST /v1/tasks?validate_only=true.")
        return await admission.quote(request, _NOBODY, guards=False)
    finally:
        await vetting.close()
        await ledger.close()


def _every_provider() -> Iterable[Route]:
    """Where no route is configured, the whole catalogue can be asked about."""
    return (Route(name=name, provider=name, base_url="http://nowhere.invalid") for name in PROVIDERS)


def _read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise Trouble(f"{clipped(file, _ECHO)} cannot be read: {error.strerror}.") from None


def _as_json(quote: "Quote", problems: list[dict[str, Any]]) -> str:
    price = quote.estimate
    told = price and {
        "amount": price.text,
        "currency": price.currency,
        "basis": price.basis,
        "source": price.source,
    }
    return as_json(
        {
            "valid": not problems,
            "problems": problems,
            "quote": told,
            "not_checked": list(quote.not_checked),
            "warnings": list(quote.warnings),
            "catalogue": CATALOGUE,
        }
    )


def _value(nearest: Any) -> str:
    """As the sentence before it says numbers: 12 and not 12.0."""
    return as_json(whole(nearest) if isinstance(nearest, float) else nearest, indent=None)


def _told(quote: "Quote", problems: list[dict[str, Any]]) -> Iterable[str]:
    if problems:
        yield f"{len(problems)} {'problem' if len(problems) == 1 else 'problems'}; nothing would be spent"
    else:
        yield "fine: it would be accepted, unless the same work is on its way already, which the server knows"
    for found in problems:
        nearest = found.get("nearest")
        # Names of models that may be meant, the likelier first; anything else is a value.
        models = nearest if found.get("pointer") == "/model" else None
        named = ", ".join(models) if isinstance(models, list) else _value(nearest)
        hint = f" Nearest: {plain(named)}." if nearest not in (None, []) else ""
        yield f"  {found.get('pointer', '') or '/':<22} {clipped(plain(str(found['detail'])), 600)}{hint}"
    for warning in quote.warnings:
        yield f"  note                   {warning}"
    if quote.not_checked:
        yield f"  not checked            {', '.join(quote.not_checked)}: nobody told us what the model takes"
    if quote.estimate:
        price = quote.estimate
        yield f"  about {price.text} {price.currency}  ({price.basis}; {price.source})"
