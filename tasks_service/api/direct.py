"""Routes without the framework's detour: described like any other, and called by the edge itself.

What the framework does between a request and its handler, and between an answer and the line, costs more
than all of our checks: a stack of middleware, dependencies, and a wrapper around each of both.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, cast

from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, request_response
from starlette.types import ASGIApp, Receive, Scope, Send

_Handler = Callable[[Request], Awaitable[Response]]


class Direct(APIRoute):
    """A route whose handler takes the request alone, and reads path, query and body by itself.

    It refuses by `Refusal` only: for the framework's own exceptions nobody listens on this way.
    """

    def __init__(self, path: str, endpoint: _Handler, **options: Any):
        super().__init__(path, endpoint, **options)
        self.app = request_response(endpoint)
        self.handler = endpoint


class _Fields(Headers):
    """The headers of a request, by name: Starlette's look through all of them for each question."""

    def __init__(self, raw: Iterable[tuple[bytes, bytes]]):
        super().__init__(raw=list(raw))
        self._by_name: dict[str, list[str]] = {}
        for name, value in self.raw:
            self._by_name.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))

    def getlist(self, key: str) -> list[str]:
        """Every value of a name, in their order."""
        return self._by_name.get(key.lower(), [])

    def get(self, key: str, default: Any = None) -> Any:
        """The first value of a name."""
        return self._by_name.get(key.lower(), (default,))[0]

    def __getitem__(self, key: str) -> str:
        return self._by_name[key.lower()][0]

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key.lower() in self._by_name


class _Request(Request):
    """A request whose headers are found quickly."""

    def __init__(self, scope: Scope, receive: Receive, send: Send):
        super().__init__(scope, receive, send)
        self._headers = _Fields(scope["headers"])


class Shortcut:
    """Pure ASGI: direct routes are answered here, everything else by the app behind it."""

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute]):
        self._app = app
        self._direct = [route for route in routes if isinstance(route, Direct)]
        plain = [route for route in self._direct if not route.param_convertors]
        self._plain = {(method, route.path): route for route in plain for method in route.methods or ()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises what its handler raises."""
        route = self._found(scope) if scope["type"] == "http" else None
        if route is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = route
        answer = await route.handler(_Request(scope, receive, send))
        await answer(scope, receive, send)

    def _found(self, scope: Scope) -> Direct | None:
        method, path = cast("str", scope["method"]), cast("str", scope["path"])
        if plain := self._plain.get((method, path)):
            scope["path_params"] = {}
            return plain
        for route in self._direct:
            if method in (route.methods or ()) and (fits := route.path_regex.match(path)):
                scope["path_params"] = fits.groupdict()
                return route
        return None
