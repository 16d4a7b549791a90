"""What the supervisor knows of anything it keeps running."""

from typing import Protocol


class Part(Protocol):
    """A server or a process of ours."""

    @property
    def name(self) -> str:
        """How people call it."""
        ...

    @property
    def pid(self) -> int:
        """Its process number; another one after a restart."""
        ...

    def is_alive(self) -> bool:
        """Whether it still runs."""
        ...

    def how_it_ended(self) -> str:
        """In a few words, once it does not run any more."""
        ...

    async def restart(self) -> None:
        """Start it again, with the same settings and under the same address."""
        ...

    async def stop(self) -> None:
        """End it, gently first; harmless when it has ended already."""
        ...

    def kill(self) -> None:
        """Do not wait for it any longer."""
        ...
