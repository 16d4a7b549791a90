"""How the studio misbehaves: lines that are cut, answers that never come, pages that are not JSON."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from workers.sandbox.behaviour import CLEAR_NO, CREATE_AFTER, CREATE_BEFORE, Behaviour
from workers.sandbox.ledger import Creation
from workers.sandbox.studio import Studio

_LONGEST_HANG_S: Final = 120
_PROXY_PAGE: Final = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    "<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx/1.25.3</center>\r\n</body>\r\n</html>\r\n"
)

Refuse = Callable[[str], Response]


class Cuttable:
    """Lets a handler cut its own connection: ASGI has no word for that, the server's transport has."""

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with the way to the transport noted."""
        scope["cut"] = getattr(send, "__self__", None)
        await self._app(scope, receive, send)


class Gone(Response):
    """An answer that never comes, or a line that is cut, after some bytes or none."""

    def __init__(
        self,
        request: Request,
        *,
        after: bytes = b"",
        headers: Mapping[str, str] | None = None,
        status: int = 200,
        cut: bool,
    ):
        super().__init__(status_code=status)
        self._request, self._after, self._start, self._cut = request, after, headers, cut

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Be gone; returns when the client is."""
        if self._start is not None:
            fields = [(name.encode(), value.encode()) for name, value in self._start.items()]
            await send({"type": "http.response.start", "status": self.status_code, "headers": fields})
            await send({"type": "http.response.body", "body": self._after, "more_body": True})
        if self._cut:
            # What was written still goes out; then the line ends in the middle of the answer.
            scope["cut"].transport.close() if self._start is not None else scope["cut"].transport.abort()
        try:
            async with asyncio.timeout(_LONGEST_HANG_S):
                while (await receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            scope["cut"].transport.abort()


async def create(
    studio: Studio,
    request: Request,
    behaviour: Behaviour,
    *,
    asked: int,
    tries_of: str,
    refuse: Refuse,
    make: Callable[[], Awaitable[Creation]],
    answer: Callable[[Creation], Response],
    no_id: Mapping[str, object] = MappingProxyType({"status": "waiting", "message": "SUCCEED"}),
) -> Response:
    """Answer a paid request, misbehaving as its script says: before anything is made, or after."""
    if behaviour.latency:
        await asyncio.sleep(behaviour.latency)
    tries = studio.count("create", tries_of)
    mischief = behaviour.create if tries <= behaviour.create_times else behaviour.then
    if mischief in CLEAR_NO:
        studio.ledger.refused(asked)
    if mischief in CREATE_BEFORE:
        return _instead(mischief, request, refuse)
    job = await make()
    if mischief == "no_id":
        return JSONResponse(dict(no_id))
    if mischief in CREATE_AFTER:
        return _instead(mischief, request, refuse)
    return answer(job)


def _instead(mischief: str | None, request: Request, refuse: Refuse) -> Response:
    match mischief:
        case "lost_before" | "lost_after":
            return Gone(request, cut=True)
        case "hang_before" | "hang_after":
            return Gone(request, cut=False)
        case "500_before" | "500_after":
            return refuse("internal")
        case "html_502_after":
            return HTMLResponse(_PROXY_PAGE, 502)
        case "garbage":
            return PlainTextResponse("ok, we are on it", 200)
        case "redirect":
            return RedirectResponse("/elsewhere", 302)
        case _:
            return refuse((mischief or "").removeprefix("refuse_"))


def at_look(studio: Studio, job: Creation, request: Request, refuse: Refuse) -> Response | None:
    """Instead of a true answer about a job, where its script says so. What it may say falsely is not here."""
    told = studio.behaviour(job)
    if told.poll in (None, "unknown_status", "backwards", "empty_results"):
        return None
    if studio.count("poll", job.id) > told.poll_times:
        return None
    match told.poll:
        case "garbage":
            return PlainTextResponse("<!-- cached -->", 200)
        case "hang":
            return Gone(request, cut=False)
        case "404":
            return refuse("no_job")
        case "401":
            return refuse("auth")
        case "429":
            return refuse("rate")
        case "503":
            return refuse("busy")
        case _:
            return refuse("internal")


def at_lookup(studio: Studio, job: Creation, *, anew: bool = True) -> str | None:
    """What a search that ought to find a job does instead; not `anew` on the later pages of one search."""
    told = studio.behaviour(job)
    if told.lookup is None:
        return None
    times = studio.count("lookup", job.id) if anew else studio.counted("lookup", job.id)
    return told.lookup if times <= told.lookup_times else None


def lies(studio: Studio, job: Creation, which: str) -> bool:
    """Whether this look is one at which the job says something false."""
    told = studio.behaviour(job)
    return told.poll == which and studio.count("lie", job.id) <= told.poll_times
