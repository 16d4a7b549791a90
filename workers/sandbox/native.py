"""The studio's own dialect, under /sandbox/v1: the client's reference is an idempotency key."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from workers.sandbox.behaviour import Behaviour, BehaviourError, read_behaviour
from workers.sandbox.catalogue import OFFERS, Offer, sides, slips
from workers.sandbox.delivery import deliver, expired, hand_out
from workers.sandbox.ledger import Creation, Work
from workers.sandbox.mischief import at_look, create, lies
from workers.sandbox.studio import TYPES, NotAPicture, Studio, inline_bytes

_ERRORS: Final = {
    "auth": (401, "E401", "the key is not valid"),
    "money": (402, "E402", "insufficient credits: 余额不足，请充值后再试"),
    "no_job": (404, "E404", "there is no such job"),
    "no_model": (404, "E404", "there is no such model"),
    "conflict": (409, "E409", "the reference belongs to another request"),
    "started": (409, "E409", "the job is no longer waiting"),
    "parameters": (422, "E422", "a parameter is not acceptable"),
    "rate": (429, "E429", "too many requests, please slow down"),
    "content": (451, "E451", "your request was rejected by our content rules: 提示词包含违规内容"),
    "internal": (500, "E500", "internal error, please contact support with the request id"),
    "busy": (503, "E503", "all our renderers are busy"),
}
# How a job ends badly; the HTTP status of the look is 200.
_ENDINGS: Final = {
    "content": ("E452", "the result was withheld by our content rules: 生成内容未通过审核"),
    "internal": ("E500", "renderer crashed: CUDA error: an illegal memory access was encountered"),
    "money": ("E402", "insufficient credits: 余额不足，请充值后再试"),
    "timeout": ("E504", "the renderer did not finish in time"),
    "cancelled": ("E499", "cancelled by the client"),
}


def refuse(kind: str, message: str | None = None, field: str | None = None) -> Response:
    """An error in this dialect."""
    status, code, words = _ERRORS[kind]
    error = {"code": code, "message": message or words} | ({"field": field} if field else {})
    headers = {"retry-after": "1"} if kind == "rate" else None
    return JSONResponse({"error": error}, status, headers)


class Native:
    """The handlers of the dialect."""

    def __init__(self, studio: Studio):
        self._studio = studio

    @property
    def routes(self) -> list[Route]:
        """Where they are."""
        return [
            Route("/sandbox/v1/jobs", self.submit, methods=["POST"]),
            Route("/sandbox/v1/jobs", self.find, methods=["GET"]),
            Route("/sandbox/v1/jobs/{id}", self.look, methods=["GET"]),
            Route("/sandbox/v1/jobs/{id}/cancel", self.cancel, methods=["POST"]),
            Route("/sandbox/v1/files/{token}", self.file, methods=["GET"]),
        ]

    async def submit(self, request: Request) -> Response:
        """Create a job, or find the one that the reference stands for."""
        self._studio.ledger.called("sandbox", "submit")
        if not self._known(request):
            return refuse("auth")
        try:
            body: Any = await request.json()
            offer = OFFERS.get(str(body["model"]))
            prompt, behaviour = read_behaviour(body["prompt"], body.get("behaviour", ""))
        except BehaviourError as error:
            return refuse("parameters", str(error), "behaviour")
        except (ValueError, KeyError, TypeError, AttributeError):
            return refuse("parameters", "the body is a JSON object with model and prompt")
        if offer is None:
            return refuse("no_model")
        for slip in slips(offer, body | {"prompt": prompt}):
            return refuse("parameters", slip.message, slip.field)
        return await self._submit(request, body, offer, prompt, behaviour)

    async def find(self, request: Request) -> Response:
        """Look for a job by the client's reference."""
        self._studio.ledger.called("sandbox", "find")
        if not self._known(request):
            return refuse("auth")
        job = self._studio.by_reference(request.query_params.get("reference", ""), "sandbox")
        return JSONResponse({"jobs": [self._shown(request, job)] if job else []})

    async def look(self, request: Request) -> Response:
        """How a job is doing."""
        self._studio.ledger.called("sandbox", "look")
        if not self._known(request):
            return refuse("auth")
        job = self._studio.find(request.path_params["id"], "sandbox")
        if job is None:
            return refuse("no_job")
        return at_look(self._studio, job, request, refuse) or JSONResponse(self._shown(request, job))

    async def cancel(self, request: Request) -> Response:
        """End a job that still waits."""
        self._studio.ledger.called("sandbox", "cancel")
        if not self._known(request):
            return refuse("auth")
        job = self._studio.find(request.path_params["id"], "sandbox")
        if job is None:
            return refuse("no_job")
        if not await self._studio.cancel(job):
            return refuse("started")
        return JSONResponse(self._shown(request, job))

    async def file(self, request: Request) -> Response:
        """A result, for whoever has the link, while it lives."""
        self._studio.ledger.called("sandbox", "file")
        found = self._studio.resolve(request.path_params["token"])
        if found is None:
            return refuse("no_job")
        job, index, alive = found
        return await deliver(self._studio, request, job, index, str(request.url)) if alive else expired()

    async def _submit(
        self, request: Request, body: dict[str, Any], offer: Offer, prompt: str, behaviour: Behaviour
    ) -> Response:
        reference = body.get("reference")
        asked = self._studio.asked("sandbox", reference, prompt)
        fingerprint = _fingerprint(body)
        known = self._studio.by_reference(reference, "sandbox") if reference else None
        if known and known.fingerprint != fingerprint:
            return refuse("conflict")
        try:
            work = known.work if known else self._work(body, offer, prompt)
        except NotAPicture as error:
            return refuse("parameters", str(error), "images")

        async def make() -> Creation:
            again = self._studio.by_reference(reference, "sandbox") if reference else None
            if again:
                return again
            job = await self._studio.create(
                "sandbox",
                body["model"],
                prompt,
                behaviour,
                work,
                reference=reference,
                fingerprint=fingerprint,
            )
            self._studio.callbacks.begin(job, body.get("callback_url"), lambda: self._shown(request, job))
            return job

        def answer(job: Creation) -> Response:
            headers = {"idempotent-replayed": "true"} if known else None
            return JSONResponse(self._shown(request, job), 200 if known else 201, headers)

        return await create(
            self._studio,
            request,
            behaviour,
            asked=asked,
            # By the prompt: a new attempt at the same work has another reference, and is another try.
            tries_of=f"native:{body['prompt']}",
            refuse=refuse,
            make=make,
            answer=answer,
        )

    def _work(self, body: dict[str, Any], offer: Offer, prompt: str) -> Work:
        width, height = sides(offer, body.get("ratio", "1:1"), body.get("resolution"))
        images = [
            self._studio.keep_reference(
                image["role"], image.get("url"), inline_bytes(image["data"]) if "data" in image else None
            )
            for image in body.get("images", [])
        ]
        film = offer.kind == "film"
        return Work(
            kind=offer.kind,
            suffix=offer.suffix,
            caption=prompt,
            width=width,
            height=height,
            seed=body.get("seed", 0),
            count=body.get("n", 1),
            seconds=int(body.get("duration_s", offer.durations[0])) if film else 0,
            fps=8 if film else 0,
            watermark=bool(body.get("watermark", False)),
            references=tuple(images),
        )

    def _shown(self, request: Request, job: Creation) -> dict[str, Any]:
        seen = self._studio.look(job)
        status, position = seen.status, seen.position
        if status != "waiting" and lies(self._studio, job, "unknown_status"):
            status = "polishing"
        elif status == "rendering" and lies(self._studio, job, "backwards"):
            status, position = "waiting", 1
        results: list[dict[str, Any]] = []
        if status == "ready" and not lies(self._studio, job, "empty_results"):
            results = [self._result(request, job, index) for index in range(job.work.count)]
        code, words = _ENDINGS[seen.error] if seen.error else ("", "")
        return {
            "id": job.id,
            "status": status,
            "position": position,
            "progress": seen.progress,
            "results": results,
            "error": {"code": code, "message": words} if seen.error else None,
            "model": job.model,
            "reference": job.reference,
            "created_at": _time(job.at),
        }

    def _result(self, request: Request, job: Creation, index: int) -> dict[str, Any]:
        url, dies_at = hand_out(self._studio, request, job, index)
        return {"url": url, "type": TYPES[job.work.suffix], "expires_at": _time(dies_at)}

    def _known(self, request: Request) -> bool:
        return request.headers.get("authorization") == f"Bearer {self._studio.key}"


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _fingerprint(body: dict[str, Any]) -> str:
    """Of what is wanted; where to ring is no part of that."""
    wanted = {name: value for name, value in body.items() if name != "callback_url"}
    return hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()
