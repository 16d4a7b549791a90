"""How many bytes of images are in memory at once: of one request, and of all requests of one account."""

from collections import Counter
from typing import Self

from schemas.refusals import Overloaded
from tasks_service.pictures.flaws import Flaw

_REQUESTS = 4  # of the largest size, that one account may have under way


class Memory:
    """What is held for whom."""

    def __init__(self, most_together: int):
        self._most_together = most_together
        self._held: Counter[int] = Counter()

    def hold(self, account_id: int) -> "Hold":
        """For one request, until it is over."""
        return Hold(account_id, self._most_together, self._held)


class Hold:
    """The images of one request, as a context manager: afterwards nothing of it is in memory any more."""

    def __init__(self, account_id: int, most: int, held: Counter[int]):
        self.account_id = account_id
        self._most = most
        self._held = held
        self._taken = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go()

    def take(self, size: int) -> None:
        """Count some bytes. Raises Flaw where the request has too many, Overloaded where its account has."""
        if self._taken + size > self._most:
            words = f"The images have more than {self._most} bytes together, which is all that is taken."
            raise Flaw("too_large_together", words)
        if self._held[self.account_id] + size > _REQUESTS * self._most:
            detail = "Too many large images of yours are being looked at. Nothing was accepted; try again."
            raise Overloaded(detail, headers={"Retry-After": "5"})
        self._taken += size
        self._held[self.account_id] += size

    def let_go(self) -> None:
        """Nothing of it is in memory any more."""
        self._held[self.account_id] -= self._taken
        self._taken = 0
        if not self._held[self.account_id]:
            del self._held[self.account_id]
