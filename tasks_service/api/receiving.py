"""How many bytes of bodies are in memory at once: an upload that stalls must not cost everybody theirs."""

from collections import Counter
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from starlette.requests import Request

from schemas.refusals import Overloaded

_SMALL = 64 << 10  # what nobody counts


class Receiving:
    """So many bytes in one process, and half of them for one account."""

    def __init__(self, most: int):
        self._most = most
        self._held: Counter[int] = Counter()

    def hold(self, request: Request, account_id: int, limit: int) -> AbstractContextManager[None]:
        """Make room for a body before it is read. Raises Overloaded where there is none for it now."""
        size = _size_of(request, limit)
        if size <= _SMALL:
            return nullcontext()
        if not self._has_room(account_id, size):
            detail = "Too many large bodies are being received. Nothing was accepted; try again."
            raise Overloaded(detail, headers={"Retry-After": "2", "Connection": "close"})
        return self._holding(account_id, size)

    @contextmanager
    def _holding(self, account_id: int, size: int) -> Generator[None]:
        self._held[account_id] += size
        try:
            yield
        finally:
            self._held[account_id] -= size
            if not self._held[account_id]:
                del self._held[account_id]

    def _has_room(self, account_id: int, size: int) -> bool:
        # The first one is always taken, however large a body may be.
        own, all_ = self._held[account_id], self._held.total()
        return (not own or own + size <= self._most // 2) and (not all_ or all_ + size <= self._most)


def _size_of(request: Request, limit: int) -> int:
    """As announced, which nobody can exceed; without a word as much as is allowed."""
    announced = request.headers.get("content-length", "")
    return min(int(announced[:15]), limit) if announced.isascii() and announced.isdigit() else limit
