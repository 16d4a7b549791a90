"""What doctor looks at, one question each; nothing is started and nothing is changed."""

import asyncio
import os
import platform
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from importlib import metadata
from urllib.parse import urlsplit

from schemas.providers import PROVIDERS
from schemas.redaction import Redactor
from schemas.routes import Route
from tasks_service.cli.configuration import shown
from tasks_service.cli.database import database_url, open_ledger, reached_revision
from tasks_service.cli.doctor.findings import Finding, bad, good, note
from tasks_service.cli.doorbell import ask_redis
from tasks_service.cli.errors import Trouble
from tasks_service.cli.ports import trouble_with
from tasks_service.cli.supervisor.running import Running, what_runs
from tasks_service.cli.version import own_version
from tasks_service.embedded import EngineError, describe_postgres, describe_valkey
from tasks_service.ledger.ledger import Ledger
from tasks_service.ledger.migrate import newest_revision
from tasks_service.settings import Settings
from tasks_service.start import unknown_variables

_OLDEST_POSTGRES = 15
_LITTLE_DISK, _TOO_LITTLE_DISK = 2 << 30, 200 << 20
_CLOCK_TOLERANCE_S = 1.0
_PORT_PATIENCE_S = 2.0


async def checkup(settings: Settings) -> list[Finding]:
    """Every finding, in the order in which things are started."""
    running = what_runs(settings.data_folder)
    findings = [*versions(), *variables(settings), *folder(settings)]
    findings += [finding async for finding in port(settings, running)]
    findings += [finding async for finding in database(settings, running)]
    findings += [finding async for finding in doorbell(settings, running)]
    return [*findings, *store(settings), *routes(settings)]


def versions() -> Iterator[Finding]:
    """Our own, Python's, and the pair of arq and redis, of which other combinations break silently."""
    yield good(
        "version",
        f"creative-tasks {own_version()}, Python {platform.python_version()}, {platform.platform()}",
    )
    arq, redis = metadata.version("arq"), metadata.version("redis")
    fits = arq.startswith("0.28.") and redis.startswith("5.")
    yield (good if fits else bad)(
        "arq", f"arq {arq} with redis {redis}" + ("" if fits else "; it has to be arq 0.28 with redis 5")
    )


def folder(settings: Settings) -> Iterator[Finding]:
    """Where everything is kept, and how much room is left there."""
    wanted = settings.data_folder.absolute()
    existing = next(place for place in (wanted, *wanted.parents) if place.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        yield bad(
            "folder", f"{shown(wanted)} cannot be used: {existing} is not a folder that we may write to"
        )
        return
    yield good("folder", f"{shown(wanted)}" + ("" if wanted.exists() else ", made at the first start"))
    free = shutil.disk_usage(existing).free
    says = f"{free / (1 << 30):.1f} GB free"
    yield (bad if free < _TOO_LITTLE_DISK else note if free < _LITTLE_DISK else good)("disk", says)


async def port(settings: Settings, running: Running | None) -> AsyncIterator[Finding]:
    """Where the API listens that runs on the folder, and whether another could."""
    name, where = "port", f"{settings.host}:{settings.port}"
    if running:
        yield await _running_port(running)
        if urlsplit(running.local_address).port == settings.port:
            return
    if trouble := trouble_with(settings.host, settings.port):
        yield (note if running else bad)(name, trouble.rstrip("."))
    else:
        yield good(name, "any free one" if settings.port == 0 else f"{where} is free")


async def _running_port(running: Running) -> Finding:
    address = urlsplit(running.local_address)
    ours = f"{address.netloc} is ours: creative-tasks runs as process {running.pid}"
    try:
        async with asyncio.timeout(_PORT_PATIENCE_S):
            _, writer = await asyncio.open_connection(address.hostname, address.port)
    except (OSError, TimeoutError):
        return note("port", f"{ours}, but nobody answers there")
    writer.close()
    return good("port", ours)


async def database(settings: Settings, running: Running | None) -> AsyncIterator[Finding]:
    """Which PostgreSQL, and, where one answers, its version, clock and revision."""
    url = database_url(settings)
    if url is None:
        try:
            yield good("database", f"{describe_postgres()}, because DATABASE_URL is not set")
            yield note("clock", "not compared: no database runs yet")
        except EngineError as error:
            yield bad("database", str(error))
        return
    why = f"running as process {running.pid}" if running and url == running.database_url else "DATABASE_URL"
    async with AsyncExitStack() as stack:
        try:
            ledger = await stack.enter_async_context(open_ledger(url))
        except Trouble as trouble:
            yield bad("database", str(trouble))
            return
        async for finding in _answering(ledger, why):
            yield finding


async def _answering(ledger: Ledger, why: str) -> AsyncIterator[Finding]:
    before = time.monotonic()
    server = await ledger.months.server()
    travel_s = (time.monotonic() - before) / 2
    version = str(server["version"])
    recent = int(version.partition(".")[0].split()[0]) >= _OLDEST_POSTGRES
    says = f"PostgreSQL {version} ({why}), {server['bytes'] / (1 << 20):.0f} MB"
    yield (good if recent else bad)(
        "database", says if recent else f"{says}; it has to be {_OLDEST_POSTGRES} or newer"
    )
    ahead_s = (datetime.now(UTC) - server["clock"]).total_seconds() - travel_s
    yield (good if abs(ahead_s) < _CLOCK_TOLERANCE_S else note)(
        "clock", f"{abs(ahead_s) * 1000:.0f} ms {'ahead of' if ahead_s > 0 else 'behind'} the database's"
    )
    reached = await reached_revision(ledger)
    yield _schema(reached)
    if reached == newest_revision():
        yield await _sending(ledger)


def _schema(reached: str | None) -> Finding:
    newest = newest_revision()
    if reached == newest:
        return good("schema", f"revision {newest}")
    return note(
        "schema", f"revision {reached or 'none'}, this version needs {newest}; up and migrate bring it there"
    )


async def _sending(ledger: Ledger) -> Finding:
    standing = await ledger.instance.look()
    if standing.quarantine is None:
        return good("sending", f"no quarantine, epoch {standing.epoch}")
    return note(
        "sending",
        f"nothing is sent since {standing.quarantine.began_at:%Y-%m-%d %H:%M} UTC. "
        f"{standing.quarantine.words}; creative-tasks quarantine shows more",
    )


async def doorbell(settings: Settings, running: Running | None) -> AsyncIterator[Finding]:
    """Which Valkey or Redis; none at all is all right."""
    name, url = "doorbell", settings.redis_url.get_secret_value()
    if not url:
        why = f"running as process {running.pid}" if running and running.redis_url else "REDIS_URL is not set"
        yield good(name, f"{describe_valkey()} ({why})")
    elif isinstance(answer := await ask_redis(url), str):
        yield note(
            name,
            f"the server of REDIS_URL does not answer ({answer.rstrip('.')}); "
            "work continues at most a second slower",
        )
    else:
        version = answer.get("valkey_version") or answer.get("redis_version")
        yield good(name, f"{answer.get('server_name', 'redis')} {version} (REDIS_URL)")


def store(settings: Settings) -> Iterator[Finding]:
    """Where the files of results go."""
    if settings.store_url:
        yield good("store", f"{Redactor(settings.secrets())(settings.store_url)} (STORE_URL)")
    else:
        yield good("store", f"{shown(settings.data_folder / 'artifacts')} (STORE_URL is not set)")


def variables(settings: Settings) -> Iterator[Finding]:
    """What was meant to be a setting, and is none."""
    for name, meant in unknown_variables(settings):
        yield note("setting", f"{name} means nothing to this program{meant}")


def routes(settings: Settings) -> Iterator[Finding]:
    """Upstream accounts: whether each has a credential, never which."""
    if not settings.routes:
        yield good("routes", "none configured: up starts the sandbox studio in their place")
    for route in settings.routes:
        where = Redactor(settings.secrets())(route.base_url)
        has = bool(route.credential.get_secret_value())
        told = "credential present" if has else "no credential"
        yield (good if has else note)("route", f"{route.name}: {route.provider} at {where}, {told}")
        yield from _doubts(settings, route)


def _doubts(settings: Settings, route: Route) -> Iterator[Finding]:
    """What looks wrong in a route, although it can be read."""
    if route.provider == "ark_seedance" and not route.base_url.rstrip("/").endswith("/api/v3"):
        yield note("route", f"{route.name}: Ark's base_url ends in /api/v3")
    vendor = route.provider == "kling" and "klingai.com" in route.base_url
    if vendor and "|" not in route.credential.get_secret_value():
        yield note("route", f"{route.name}: Kling takes ACCESS_KEY|SECRET_KEY, or a key of its console")
    provider_s = PROVIDERS[route.provider].absent_after_s
    if provider_s and settings.absent_after_s and settings.absent_after_s < provider_s:
        told = f"CREATIVE_TASKS_ABSENT_AFTER_S is less than the {provider_s:g} s of {route.provider}"
        yield note("route", f"{route.name}: {told}: what is only slow to appear would be called lost")
