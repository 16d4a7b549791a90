"""`creative-tasks up` and `creative-tasks demo`: everything on this machine with one command."""

import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from tasks_service.cli.configuration import read_settings
from tasks_service.cli.supervisor.plan import Plan

_INTERRUPTED = 130

Port = Annotated[int | None, typer.Option(min=0, max=65535, help="Port of the API; 0 takes any free one.")]
Host = Annotated[str | None, typer.Option(help="Address that the API listens on.")]
Workers = Annotated[int, typer.Option(min=1, max=64, help="How many worker processes to start.")]


def up(
    demo: Annotated[
        bool, typer.Option("--demo", help="Start the sandbox and tell the demo stories.")
    ] = False,
    workers: Workers = 1,
    port: Port = None,
    host: Host = None,
    folder: Annotated[
        str | None, typer.Option(metavar="PATH", help="Where everything is kept.", show_default=".data")
    ] = None,
) -> None:
    """Start everything on this machine and keep it up until Ctrl-C.

    PostgreSQL and Valkey are started from their wheels unless DATABASE_URL and REDIS_URL name others; their
    data stays in the folder. Without configured routes, or with --demo, a sandbox studio stands in for a
    provider. What dies is started again.
    """
    settings = read_settings(data_folder=folder, port=port, host=host)
    plan = Plan(settings, workers, sandbox=demo or not settings.routes, stories=demo)
    plan.check()
    from tasks_service.cli.up.stay import stay_up

    stay_up(plan)


def demo(
    folder: Annotated[
        str | None,
        typer.Option(
            metavar="PATH", help="Where to keep everything; without it a temporary folder that is deleted."
        ),
    ] = None,
    workers: Workers = 1,
    port: Port = 0,
) -> None:
    """Tell the demo stories once, from nothing to the end, and say whether each ended as it should.

    The smoke test: it uses its own embedded servers and sandbox, whatever the environment names.
    Exit code 0 when every story ended as told, 1 otherwise.
    """
    from tasks_service.cli.up.stay import tell_once

    with _place(folder) as place:
        settings = read_settings(
            database_url="",
            redis_url="",
            store_url="",
            routes=(),
            public_url="",
            callback_base_url="",
            data_folder=place,
            port=port,
        )
        plan = Plan(settings, workers, sandbox=True, stories=True, throwaway=folder is None, alone=True)
        code = tell_once(plan)
    raise typer.Exit(_INTERRUPTED if code is None else code)


@contextmanager
def _place(folder: str | None) -> Generator[str]:
    if folder is not None:
        yield folder
        return
    temporary = Path(tempfile.mkdtemp(prefix="creative-tasks-demo-"))
    try:
        temporary.chmod(0o711)  # root's PostgreSQL runs as another user, who has to pass through
        yield str(temporary)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
