"""The /v1/videos dialect as gateways speak it: no idempotency, so two requests are two jobs.

Shapes as in openai-python 3.54.0 (`types/video.py`, `resources/videos.py`), read 2026-11-21.
"""

from typing import Any, Final

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from workers.sandbox.behaviour import BehaviourError, read_behaviour
from workers.sandbox.delivery import deliver, expired, link_is_dead
from workers.sandbox.ledger import Creation, Reference, Work
from workers.sandbox.mischief import at_look, create, lies
from workers.sandbox.studio import NotAPicture, Studio

_MODELS: Final = ("sora-2", "sora-2-pro")
_SECONDS: Final = ("4", "8", "12")
_SIZES: Final = ("720x1280", "1280x720", "1024x1792", "1792x1024")
_STATUS: Final = {"waiting": "queued", "rendering": "in_progress", "ready": "completed", "error": "failed"}
_ENDINGS: Final = {
    "content": ("moderation_blocked", "Your request was blocked by our moderation system."),
    "internal": ("video_generation_failed", "Video generation failed due to an internal error."),
    "money": (
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    "timeout": ("internal_error", "The generation timed out."),
    "cancelled": ("internal_error", "The video was deleted."),
}
_QUOTA: Final = "You exceeded your current quota, please check your plan and billing details."
_ERRORS: Final = {
    "auth": (401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    "money": (429, "insufficient_quota", "insufficient_quota", _QUOTA),
    "no_job": (404, "invalid_request_error", "not_found", "Video not found."),
    "no_model": (404, "invalid_request_error", "model_not_found", "The model does not exist."),
    "parameters": (400, "invalid_request_error", "invalid_value", "Invalid value."),
    "type": (400, "invalid_request_error", "invalid_type", "Invalid type."),
    "not_ready": (400, "invalid_request_error", "invalid_value", "Video is not ready yet."),
    "rate": (429, "requests", "rate_limit_exceeded", "Rate limit reached for requests."),
    "content": (
        400, "image_generation_user_error", "moderation_blocked",
        "Your request was rejected by the safety system. safety_violations=[violence].",
    ),
    "internal": (500, "server_error", "server_error", "The server had an error processing your request."),
    "busy": (503, "server_error", "server_error", "The server is overloaded or not ready yet."),
}  # fmt: skip


class _Unacceptable(ValueError):
    def __init__(self, kind: str, param: str, message: str):
        super().__init__(message)
        self.kind, self.param = kind, param


def refuse(kind: str, message: str | None = None, param: str | None = None) -> Response:
    """An error in OpenAI's envelope."""
    status, type_, code, words = _ERRORS[kind]
    error = {"message": message or words, "type": type_, "param": param, "code": code}
    headers = {"retry-after": "1"} if kind == "rate" else None
    return JSONResponse({"error": error}, status, headers)


class Videos:
    """The handlers of the dialect."""

    def __init__(self, studio: Studio):
        self._studio = studio

    @property
    def routes(self) -> list[Route]:
        """Where they are."""
        return [
            Route("/v1/videos", self.submit, methods=["POST"]),
            Route("/v1/videos", self.all, methods=["GET"]),
            Route("/v1/videos/{id}", self.look, methods=["GET"]),
            Route("/v1/videos/{id}", self.delete, methods=["DELETE"]),
            Route("/v1/videos/{id}/content", self.content, methods=["GET"]),
        ]

    async def submit(self, request: Request) -> Response:
        """Create a job, each time anew."""
        self._studio.ledger.called("videos", "submit")
        if not self._known(request):
            return refuse("auth")
        try:
            fields = await _fields(request)
            prompt, behaviour = read_behaviour(str(fields.get("prompt") or ""))
            model = str(fields.get("model") or "sora-2")
            if model not in _MODELS:
                return refuse("no_model", param="model")
            work = await self._work(fields, prompt)
        except BehaviourError as error:
            return refuse("parameters", str(error), "prompt")
        except _Unacceptable as error:
            return refuse(error.kind, str(error), error.param)
        except (ValueError, TypeError):
            return refuse("parameters", "We could not parse the body of your request.")

        async def make() -> Creation:
            return await self._studio.create("videos", model, prompt, behaviour, work)

        def answer(job: Creation) -> Response:
            return JSONResponse(self._shown(job))

        asked = self._studio.asked("videos", None, prompt)
        tries_of = f"videos:{fields.get('prompt')}"
        return await create(
            self._studio,
            request,
            behaviour,
            asked=asked,
            tries_of=tries_of,
            refuse=refuse,
            make=make,
            answer=answer,
        )

    async def all(self, request: Request) -> Response:
        """Every video, newest first."""
        self._studio.ledger.called("videos", "list")
        if not self._known(request):
            return refuse("auth")
        jobs = [self._shown(job) for job in self._studio.all_of("videos")]
        return JSONResponse({"object": "list", "data": jobs, "has_more": False})

    async def look(self, request: Request) -> Response:
        """How a video is doing."""
        self._studio.ledger.called("videos", "look")
        if not self._known(request):
            return refuse("auth")
        job = self._studio.find(request.path_params["id"], "videos")
        if job is None:
            return refuse("no_job")
        return at_look(self._studio, job, request, refuse) or JSONResponse(self._shown(job))

    async def delete(self, request: Request) -> Response:
        """Forget a video."""
        self._studio.ledger.called("videos", "delete")
        if not self._known(request):
            return refuse("auth")
        job = self._studio.find(request.path_params["id"], "videos")
        if job is None:
            return refuse("no_job")
        self._studio.ledger.mark(job.id, "deleted", self._studio.now())
        await self._studio.ledger.durable()
        return JSONResponse({"id": job.id, "object": "video.deleted", "deleted": True})

    async def content(self, request: Request) -> Response:
        """The film, behind the same key."""
        self._studio.ledger.called("videos", "content")
        if not self._known(request):
            return refuse("auth")
        job = self._studio.find(request.path_params["id"], "videos")
        if job is None:
            return refuse("no_job")
        if self._studio.look(job).status != "ready":
            return refuse("not_ready")
        if link_is_dead(self._studio, job, 0):
            return expired()
        token, _ = self._studio.link(job, 0, self._studio.behaviour(job).link)
        return await deliver(self._studio, request, job, 0, str(request.url_for("file", token=token)))

    async def _work(self, fields: dict[str, Any], prompt: str) -> Work:
        if not prompt.strip():
            raise _Unacceptable("parameters", "prompt", "Missing required parameter: 'prompt'.")
        seconds, size = fields.get("seconds", "4"), fields.get("size", "720x1280")
        if isinstance(seconds, int):
            words = (
                "Invalid type for 'seconds': expected one of '4', '8', or '12', but got an integer instead."
            )
            raise _Unacceptable("type", "seconds", words)
        if seconds not in _SECONDS:
            raise _Unacceptable("parameters", "seconds", "Invalid value: 'seconds' must be '4', '8' or '12'.")
        if size not in _SIZES:
            raise _Unacceptable(
                "parameters", "size", f"Invalid value: 'size' must be one of {', '.join(_SIZES)}."
            )
        width, _, height = size.partition("x")
        references = await self._reference(fields.get("input_reference"))
        return Work(
            "film",
            "mp4",
            prompt,
            int(width),
            int(height),
            0,
            seconds=int(seconds),
            fps=8,
            references=references,
        )

    async def _reference(self, given: Any) -> tuple[Reference, ...]:
        if given is None:
            return ()
        try:
            if isinstance(given, UploadFile):
                content = await given.read()
                await given.close()
                return (self._studio.keep_reference("first_frame", None, content),)
            return (self._studio.keep_reference("first_frame", str(given["image_url"]), None),)
        except (NotAPicture, KeyError, TypeError) as error:
            raise _Unacceptable("parameters", "input_reference", "Invalid image file or mode.") from error

    def _shown(self, job: Creation) -> dict[str, Any]:
        seen = self._studio.look(job)
        status = _STATUS[seen.status]
        if seen.status != "waiting" and lies(self._studio, job, "unknown_status"):
            status = "polishing"
        elif seen.status == "rendering" and lies(self._studio, job, "backwards"):
            status = "queued"
        code, words = _ENDINGS[seen.error] if seen.error else ("", "")
        ended = seen.ended_at if seen.status == "ready" else None
        return {
            "id": job.id,
            "object": "video",
            "model": job.model,
            "status": status,
            "progress": seen.progress,
            "created_at": int(job.at),
            "completed_at": int(ended) if ended else None,
            "expires_at": int(ended + self._studio.behaviour(job).link) if ended else None,
            "seconds": str(job.work.seconds),
            "size": f"{job.work.width}x{job.work.height}",
            "prompt": job.prompt,
            "error": {"code": code, "message": words} if seen.error else None,
            "remixed_from_video_id": None,
        }

    def _known(self, request: Request) -> bool:
        return request.headers.get("authorization") == f"Bearer {self._studio.key}"


async def _fields(request: Request) -> dict[str, Any]:
    if request.headers.get("content-type", "").startswith("application/json"):
        body: Any = await request.json()
        if not isinstance(body, dict):
            raise TypeError("not an object")
        return body
    return dict(await request.form())
