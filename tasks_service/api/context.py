"""What a handler is given: the service's parts, who is asking, and the task that the path names."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends
from starlette.requests import Request

from schemas.ids import parse_task_id
from schemas.refusals import Forbidden, NotFound
from schemas.task import Task
from tasks_service.admission import Admission
from tasks_service.api.auth import Keyring
from tasks_service.api.bells import Bells
from tasks_service.api.readiness import Readiness
from tasks_service.api.receiving import Receiving
from tasks_service.api.waiting import Waiting
from tasks_service.artifacts import Artifacts
from tasks_service.callbacks import Callbacks
from tasks_service.doorbell import Doorbell
from tasks_service.ledger.keys import Caller
from tasks_service.ledger.ledger import Ledger
from tasks_service.pictures.vetting import Vetting
from tasks_service.settings import Settings


@dataclass(frozen=True, slots=True)
class Service:
    """Everything that handlers use, wired once in `app.py`."""

    settings: Settings
    ledger: Ledger
    doorbell: Doorbell
    artifacts: Artifacts
    vetting: Vetting
    admission: Admission
    keyring: Keyring
    waiting: Waiting
    receiving: Receiving
    readiness: Readiness
    callbacks: Callbacks
    bells: Bells


def parts(request: Request) -> Service:
    """The parts of this process."""
    return cast("Service", request.app.state.service)


# Dependencies are `async def` throughout: a plain one would cost a thread for every request.


async def the_service(request: Request) -> Service:
    """The parts of this process."""
    return parts(request)


Parts = Annotated[Service, Depends(the_service)]


async def known_caller(request: Request, service: Parts) -> Caller:
    """Who is asking. Raises Unauthenticated."""
    return await service.keyring.caller(request)


Who = Annotated[Caller, Depends(known_caller)]


async def reachable_task(task_id: str, service: Parts, caller: Who) -> Task:
    """The task of the path. A stranger's is answered exactly like one that is not there."""
    found = parse_task_id(task_id)
    task = await service.ledger.tasks.get(found) if found else None
    if task is None or not (caller.staff or task.account_id == caller.account_id):
        raise NotFound("There is no task with this id among yours.")
    return task


TheirTask = Annotated[Task, Depends(reachable_task)]


def allow(caller: Caller, roles: tuple[str, ...], what: str) -> None:
    """Let only these roles do it. Raises Forbidden."""
    if caller.role not in roles:
        detail = f"A {caller.role} key may not {what}; it takes one of role {' or '.join(roles)}."
        raise Forbidden(detail, members={"role": caller.role, "allowed": list(roles)})
