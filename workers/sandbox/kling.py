"""Kling's classic dialect, under /kling: several endpoints, each of which knows only its own tasks.

Written from Kling's API reference, read 2026-11-21. The account is `studio|KEY`, for a signed token, or KEY
as a plain bearer key.
"""

from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from workers.sandbox.behaviour import Behaviour, BehaviourError, read_behaviour
from workers.sandbox.delivery import hand_out
from workers.sandbox.kling_orders import FAMILIES, STILLS, Slip, work_of
from workers.sandbox.ledger import Creation, Work
from workers.sandbox.mischief import Gone, at_look, at_lookup, create, lies
from workers.sandbox.studio import NotAPicture, Studio
from workers.sandbox.tokens import judge

ACCESS_KEY: Final = "studio"

_STATUS: Final = {"waiting": "submitted", "rendering": "processing", "ready": "succeed", "error": "failed"}
_ENDINGS: Final = {
    "content": "Failure to pass the risk control system",
    "internal": "Generation failed due to an internal error",
    "money": "The account balance is not enough",
    "timeout": "The generation timed out",
    "cancelled": "The task was cancelled",
}
_ERRORS: Final = {
    "auth": (401, 1000, "Authentication failed"),
    "auth_empty": (401, 1001, "Authorization is empty"),
    "auth_invalid": (401, 1002, "Authorization is invalid"),
    "auth_early": (401, 1003, "Authorization is not yet valid"),
    "auth_late": (401, 1004, "Authorization has expired"),
    "money": (429, 1102, "Account balance not enough"),
    "parameters": (400, 1201, "Invalid request parameters"),
    "no_job": (404, 1203, "The requested resource does not exist"),
    "no_model": (404, 1203, "The requested model does not exist"),
    "content": (400, 1301, "The request triggered the content security policy"),
    "rate": (429, 1302, "The request is too fast"),
    "internal": (500, 5000, "Internal server error, please try again later"),
    "busy": (503, 5001, "The server is temporarily under maintenance"),
}


class _UsedTwice(Exception):
    """A second request with an external id that the account has used."""


def refuse(kind: str, message: str | None = None) -> Response:
    """An error in Kling's envelope."""
    status, code, words = _ERRORS[kind]
    return JSONResponse({"code": code, "message": message or words, "request_id": str(uuid4())}, status)


def answer(data: Any) -> Response:
    """A success in Kling's envelope."""
    return JSONResponse({"code": 0, "message": "SUCCEED", "request_id": str(uuid4()), "data": data})


class Kling:
    """The handlers of the dialect."""

    def __init__(self, studio: Studio):
        self._studio = studio

    @property
    def routes(self) -> list[Route]:
        """Where they are."""
        return [
            route
            for family in FAMILIES
            for route in (
                Route(f"/kling{family}", self.submit, methods=["POST"]),
                Route(f"/kling{family}", self.all, methods=["GET"]),
                Route(f"/kling{family}/{{id}}", self.look, methods=["GET"]),
            )
        ]

    async def submit(self, request: Request) -> Response:
        """Create a task, unless its external id has been used."""
        self._studio.ledger.called("kling", "submit")
        family = request.url.path.removeprefix("/kling")
        refusal = self._refusal(request)
        if refusal:
            return refusal
        try:
            given: Any = await request.json()
            body = {name: value for name, value in given.items() if value is not None}
            prompt, behaviour = read_behaviour(body.get("prompt", ""))
            if body.get("model_name", "kling-v1") not in FAMILIES[family]:
                return refuse("no_model")
            work = work_of(family, body, prompt, self._studio.keep_reference)
            return await self._create(request, family, body, prompt, behaviour, work)
        except (BehaviourError, Slip, NotAPicture) as error:
            return refuse("parameters", str(error))
        except _UsedTwice as error:
            return refuse("parameters", f"external_task_id {error} already exists")
        except (ValueError, TypeError, AttributeError):
            return refuse("parameters", "the body is a JSON object")

    async def look(self, request: Request) -> Response:
        """How a task is doing, asked for by its id or by its external id."""
        refusal = self._refusal(request)
        name = request.path_params["id"]
        job = self._studio.find(name, "kling")
        self._studio.ledger.called("kling", "look" if job else "lookup")
        if refusal:
            return refusal
        if job is None:
            return self._by_external_id(request, name)
        if not self._is_here(job, request):
            return refuse("no_job")
        return at_look(self._studio, job, request, refuse) or answer(self._shown(request, job))

    async def all(self, request: Request) -> Response:
        """The endpoint's tasks, newest first."""
        self._studio.ledger.called("kling", "list")
        refusal = self._refusal(request)
        if refusal:
            return refusal
        try:
            page = int(request.query_params.get("pageNum", 1))
            size = int(request.query_params.get("pageSize", 30))
        except ValueError:
            return refuse("parameters", "pageNum and pageSize are whole numbers")
        if not (1 <= page <= 1000 and 1 <= size <= 500):
            return refuse("parameters", "pageNum is 1 to 1000, pageSize 1 to 500")
        jobs = [job for job in self._studio.all_of("kling") if self._is_here(job, request)]
        return answer([self._shown(request, job) for job in jobs[(page - 1) * size : page * size]])

    async def _create(
        self,
        request: Request,
        family: str,
        body: Mapping[str, Any],
        prompt: str,
        behaviour: Behaviour,
        work: Work,
    ) -> Response:
        reference = body.get("external_task_id")
        asked = self._studio.asked("kling", reference, prompt)

        async def make() -> Creation:
            # Nothing is awaited between this look and the creation, so two at once cannot both pass.
            if reference and not behaviour.reuse and self._studio.by_reference(reference, "kling"):
                raise _UsedTwice(reference)
            model = str(body.get("model_name", "kling-v1"))
            job = await self._studio.create(
                "kling", model, prompt, behaviour, work, reference=reference, endpoint=family
            )
            self._studio.callbacks.begin(job, body.get("callback_url"), lambda: self._shown(request, job))
            return job

        return await create(
            self._studio,
            request,
            behaviour,
            asked=asked,
            tries_of=f"kling:{body.get('prompt')}",
            refuse=refuse,
            make=make,
            answer=lambda job: answer(_record(job, "submitted")),
            no_id={"code": 0, "message": "SUCCEED", "request_id": str(uuid4()), "data": {}},
        )

    def _by_external_id(self, request: Request, name: str) -> Response:
        job = self._studio.by_reference(name, "kling")
        if job is None or not self._is_here(job, request):
            return refuse("no_job")
        match at_lookup(self._studio, job):
            case "hang" | "lost" as how:
                return Gone(request, cut=how == "lost")
            case "hidden":
                return refuse("no_job")
            case "500":
                return refuse("internal")
            case "garbage":
                return Response("<!-- cached -->", media_type="text/html")
            case _:
                return answer(self._shown(request, job))

    def _is_here(self, job: Creation, request: Request) -> bool:
        path = request.url.path.removeprefix("/kling")
        return path == job.endpoint or path.rpartition("/")[0] == job.endpoint

    def _refusal(self, request: Request) -> Response | None:
        given = request.headers.get("authorization", "")
        verdict = judge(given, ACCESS_KEY, self._studio.key, self._studio.now())
        return None if verdict == "good" else refuse(f"auth_{verdict}")

    def _shown(self, request: Request, job: Creation) -> dict[str, Any]:
        seen = self._studio.look(job)
        status = _STATUS[seen.status]
        if seen.status != "waiting" and lies(self._studio, job, "unknown_status"):
            status = "polishing"
        elif seen.status == "rendering" and lies(self._studio, job, "backwards"):
            status = "submitted"
        record = _record(job, status) | {"task_status_msg": _ENDINGS[seen.error] if seen.error else ""}
        if status == "succeed" and not lies(self._studio, job, "empty_results"):
            record |= {"task_result": self._results(request, job), "final_unit_deduction": "1"}
        return record

    def _results(self, request: Request, job: Creation) -> dict[str, Any]:
        urls = [hand_out(self._studio, request, job, index)[0] for index in range(job.work.count)]
        if job.endpoint in STILLS:
            return {"images": [{"index": index, "url": url} for index, url in enumerate(urls)]}
        return {"videos": [{"id": job.id, "url": urls[0], "duration": str(job.work.seconds)}]}


def _record(job: Creation, status: str) -> dict[str, Any]:
    moment = int(job.at * 1000)
    return {
        "task_id": job.id,
        "task_status": status,
        "task_info": {"external_task_id": job.reference},
        "created_at": moment,
        "updated_at": moment,
    }
