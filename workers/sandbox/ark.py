"""Volcengine Ark's dialect for video tasks, under /ark/api/v3.

Written from volcengine-ark-runtime 5.0.54 and Ark's documentation, read 2026-11-21.
"""

from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from workers.sandbox.ark_orders import OFFERS, Slip, without_nulls, words_of, work_of
from workers.sandbox.behaviour import Behaviour, BehaviourError, read_behaviour
from workers.sandbox.delivery import hand_out
from workers.sandbox.ledger import Creation, Work
from workers.sandbox.mischief import Gone, at_look, at_lookup, create, lies
from workers.sandbox.studio import NotAPicture, Studio

_TASKS: Final = "/ark/api/v3/contents/generations/tasks"
_LISTED_FOR_S: Final = 7 * 86400
_STATUS: Final = {"waiting": "queued", "rendering": "running", "ready": "succeeded", "error": "failed"}
_ENDINGS: Final = {
    "content": (
        "OutputVideoSensitiveContentDetected",
        "The request failed because the output video may contain sensitive information.",
    ),
    "internal": ("InternalServiceError", "The service encountered an unexpected internal error."),
    "money": ("AccountOverdueError", "The request failed because your account has an overdue balance."),
}
_SPECIAL: Final = {"timeout": "expired", "cancelled": "cancelled"}
_ERRORS: Final = {
    "auth": (401, "Unauthorized", "AuthenticationError", "The API key in the request is missing or invalid."),
    "money": (403, "Forbidden", "AccountOverdueError", "Your account has an overdue balance."),
    "state": (403, "Forbidden", "OperationDenied.InvalidState", "The task is in a state that forbids this."),
    "no_job": (404, "NotFound", "NotFound.id", "The specified task is not found."),
    "no_model": (404, "NotFound", "InvalidEndpointOrModel.NotFound", "The model or endpoint does not exist."),
    "parameters": (400, "BadRequest", "InvalidParameter", "A parameter in the request is not valid."),
    "missing": (400, "BadRequest", "MissingParameter", "A required parameter is missing."),
    "content": (
        400,
        "BadRequest",
        "InputTextSensitiveContentDetected",
        "The request failed because the input text may contain sensitive information.",
    ),
    "rate": (
        429,
        "TooManyRequests",
        "RateLimitExceeded.EndpointRPMExceeded",
        "The Requests Per Minute (RPM) limit of the endpoint has been exceeded.",
    ),
    "busy": (429, "TooManyRequests", "ServerOverloaded", "The service is overloaded. Please retry later."),
    "internal": (500, "InternalServerError", "InternalServiceError", "An unexpected internal error."),
}


def refuse(kind: str, message: str | None = None, param: str = "") -> Response:
    """An error in Ark's envelope."""
    status, type_, code, words = _ERRORS[kind]
    told = f"{message or words} Request id: {uuid4().hex}"
    return JSONResponse({"error": {"code": code, "message": told, "param": param, "type": type_}}, status)


class Ark:
    """The handlers of the dialect."""

    def __init__(self, studio: Studio):
        self._studio = studio

    @property
    def routes(self) -> list[Route]:
        """Where they are."""
        return [
            Route(_TASKS, self.submit, methods=["POST"]),
            Route(_TASKS, self.all, methods=["GET"]),
            Route(f"{_TASKS}/{{id}}", self.look, methods=["GET"]),
            Route(f"{_TASKS}/{{id}}", self.delete, methods=["DELETE"]),
        ]

    async def submit(self, request: Request) -> Response:
        """Create a task, each time anew."""
        self._studio.ledger.called("ark", "submit")
        if not self._known(request):
            return refuse("auth")
        try:
            body: Any = without_nulls(await request.json())
            if "model" not in body or "content" not in body:
                return refuse("missing")
            if body["model"] not in OFFERS:
                return refuse("no_model")
            said = words_of(body["content"])
            prompt, behaviour = read_behaviour(said)
            work = work_of(body, prompt, self._studio.keep_reference)
        except Slip as slip:
            return refuse("parameters", str(slip), slip.param)
        except (BehaviourError, NotAPicture) as error:
            return refuse("parameters", str(error), "content")
        except (ValueError, KeyError, TypeError, AttributeError):
            return refuse("parameters", "the body is not a task")
        return await self._create(request, body, said, prompt, behaviour, work)

    async def look(self, request: Request) -> Response:
        """How a task is doing."""
        self._studio.ledger.called("ark", "look")
        if not self._known(request):
            return refuse("auth")
        job = self._studio.find(request.path_params["id"], "ark")
        if job is None:
            return refuse("no_job")
        return at_look(self._studio, job, request, refuse) or JSONResponse(self._shown(request, job))

    async def all(self, request: Request) -> Response:
        """The tasks of the last seven days, newest first, as the filters say."""
        self._studio.ledger.called("ark", "list")
        if not self._known(request):
            return refuse("auth")
        asked = request.query_params
        try:
            page, size = int(asked.get("page_num", 1)), int(asked.get("page_size", 10))
        except ValueError:
            return refuse("parameters", "page_num and page_size are whole numbers", "page_num")
        if not (1 <= page <= 500 and 1 <= size <= 500):
            return refuse("parameters", "page_num and page_size are 1 to 500", "page_num")
        jobs = [job for job in self._studio.all_of("ark") if self._matches(job, request)]
        said = {job.id: at_lookup(self._studio, job, anew=page == 1) for job in jobs}
        if {"hang", "lost"} & set(said.values()):
            return Gone(request, cut="lost" in said.values())
        if "500" in said.values():
            return refuse("internal")
        if "garbage" in said.values():
            return Response("<!-- cached -->", media_type="text/html")
        shown = [job for job in jobs if said[job.id] != "hidden"]
        items = [self._shown(request, job) for job in shown[(page - 1) * size : page * size]]
        return JSONResponse({"total": len(shown), "items": items})

    async def delete(self, request: Request) -> Response:
        """Cancel what waits, forget what is over; what runs and what was cancelled stays."""
        self._studio.ledger.called("ark", "delete")
        if not self._known(request):
            return refuse("auth")
        job = self._studio.find(request.path_params["id"], "ark")
        if job is None:
            return refuse("no_job")
        status = self._status(job)
        if status in ("running", "cancelled"):
            return refuse("state")
        if not await self._studio.cancel(job):
            self._studio.ledger.mark(job.id, "deleted", self._studio.now())
            await self._studio.ledger.durable()
        return JSONResponse({})

    async def _create(
        self,
        request: Request,
        body: Mapping[str, Any],
        said: str,
        prompt: str,
        behaviour: Behaviour,
        work: Work,
    ) -> Response:
        reference = body.get("safety_identifier")
        asked = self._studio.asked("ark", reference, prompt)

        async def make() -> Creation:
            job = await self._studio.create(
                "ark", body["model"], prompt, behaviour, work, reference=reference
            )
            self._studio.callbacks.begin(job, body.get("callback_url"), lambda: self._shown(request, job))
            return job

        def answer(job: Creation) -> Response:
            return JSONResponse({"id": job.id})

        return await create(
            self._studio,
            request,
            behaviour,
            asked=asked,
            tries_of=f"ark:{said}",
            refuse=refuse,
            make=make,
            answer=answer,
            no_id={},
        )

    def _matches(self, job: Creation, request: Request) -> bool:
        asked = request.query_params
        ids = asked.getlist("filter.task_ids")
        return (
            self._studio.now() - job.at <= _LISTED_FOR_S
            and (not ids or job.id in ids)
            and asked.get("filter.model", job.model) == job.model
            and asked.get("filter.status", "") in ("", self._status(job))
            and asked.get("filter.service_tier", "default") == "default"
        )

    def _status(self, job: Creation) -> str:
        seen = self._studio.look(job)
        return _SPECIAL.get(seen.error or "", _STATUS[seen.status])

    def _shown(self, request: Request, job: Creation) -> dict[str, Any]:
        seen, status = self._studio.look(job), self._status(job)
        if status != "queued" and lies(self._studio, job, "unknown_status"):
            status = "polishing"
        elif status == "running" and lies(self._studio, job, "backwards"):
            status = "queued"
        url = None
        if status == "succeeded" and not lies(self._studio, job, "empty_results"):
            url = hand_out(self._studio, request, job, 0)[0]
        ending = _ENDINGS.get(seen.error or "")
        error = {"code": ending[0], "message": ending[1]} if ending else None
        tokens = job.work.seconds * job.work.width * job.work.height * 24 // 1024
        return {
            "id": job.id,
            "model": job.model,
            "status": status,
            "error": error,
            "content": {"video_url": url} if url else None,
            "usage": {"completion_tokens": tokens, "total_tokens": tokens} if url else None,
            "created_at": int(job.at),
            "updated_at": int(seen.ended_at or job.at),
            "seed": job.work.seed,
            "duration": job.work.seconds,
            "framespersecond": 24,
            "service_tier": "default",
            "generate_audio": job.work.audio,
            "safety_identifier": job.reference,
        }

    def _known(self, request: Request) -> bool:
        return request.headers.get("authorization") == f"Bearer {self._studio.key}"
