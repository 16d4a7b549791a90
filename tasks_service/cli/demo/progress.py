"""One story while it is told: what was answered, how far it is, and whether it ended as it should."""

import time
from dataclasses import dataclass, field
from typing import Any

from schemas.lifecycle import State
from tasks_service.cli.demo.stories import Story


@dataclass(slots=True)
class Telling:
    """A story under way. `task` and `problem` are the API's own words."""

    story: Story
    began: float = field(default_factory=time.monotonic)
    over: float | None = None
    task: dict[str, Any] | None = None
    problem: dict[str, Any] | None = None
    brief: dict[str, Any] = field(default_factory=dict[str, Any])  # as the look-up told it last
    creations: int | None = None

    @property
    def task_id(self) -> str | None:
        """The id that the API gave."""
        return self.task["id"] if self.task else None

    @property
    def state(self) -> str:
        """Where it is, in one word."""
        if self.problem:
            return f"refused {self.problem.get('status', '')}".strip()
        if not self.task:
            return "…"
        return "parked" if self._parked else str(self.task["state"])

    @property
    def age_s(self) -> float:
        """How long it has been told, or took."""
        return (self.over or time.monotonic()) - self.began

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        if self.problem or (self.task and State(self.task["state"]).final):
            return True
        return bool(self._parked) and self._parked == self.story.ending.parked

    def hear(self, task: dict[str, Any] | None = None, problem: dict[str, Any] | None = None) -> None:
        """Take in what the API says."""
        self.task, self.problem = task or self.task, problem or self.problem
        if self.ended and self.over is None:
            self.over = time.monotonic()

    def otherwise(self) -> str | None:
        """What is different from how it should have ended; None where nothing is."""
        ending, task = self.story.ending, self.task or {}
        told = {
            "refused": (self.problem or {}).get("code"),
            "state": task.get("state") if ending.state or self.ended else ending.state,
            "failure": (task.get("failure") or {}).get("kind"),
            "parked": self._parked,
            "files": len(task.get("artifacts") or ()),
        }
        if ending.parked:
            told["state"] = ending.state
        if self.creations is not None:
            told["creations"] = self.creations
        wrong = [
            f"{name} is {got or 'none'} and should be {getattr(ending, name) or 'none'}"
            for name, got in told.items()
            if (got or None) != (getattr(ending, name) or None)
        ]
        if not wrong and not self.ended:
            wrong = [f"still {self.state}"]
        return f"{self.story.name}: {', '.join(wrong)}" if wrong else None

    @property
    def says(self) -> str:
        """What there is to say about it, in one line."""
        if self.problem:
            return _refusal(self.problem)
        task = self.task or {}
        if failure := task.get("failure"):
            words = (failure.get("upstream") or {}).get("message")
            return f"{failure['kind']}: {words or failure['message_en']}"
        if self._parked:
            return f"{self._parked}: a person decides; it is never sent again by itself"
        if files := task.get("artifacts"):
            return _files(files)
        return _doing(str(task.get("state", "")), task)

    @property
    def _parked(self) -> str | None:
        return ((self.task or {}).get("parked") or {}).get("reason")


def _refusal(problem: dict[str, Any]) -> str:
    first = next(iter(problem.get("problems") or ()), None)
    if first:
        nearest = first.get("nearest")
        return f"{first['detail']}" + (f" Nearest: {nearest}." if nearest is not None else "")
    duplicate = problem.get("duplicate_of")
    if duplicate:
        return f"{problem['code']}: already on its way as {duplicate['id']} ({duplicate['state']})"
    return f"{problem.get('code')}: {problem.get('detail')}"


def _files(files: list[dict[str, Any]]) -> str:
    first, total = files[0], sum(file["bytes"] for file in files)
    size = f"{first['width']}x{first['height']}" if first.get("width") else ""
    count = "1 file" if len(files) == 1 else f"{len(files)} files"
    return " ".join(part for part in (f"{count}, {total / 1000:.0f} kB,", first["type"], size) if part)


def _doing(state: str, task: dict[str, Any]) -> str:
    since = str(task.get("queued_at") or task.get("created_at") or "")[11:19]
    return {
        "submitted": "accepted; nothing has been spent yet",
        "queued": f"waiting at the provider since {since} UTC",
        "running": "being made",
        "done": "finished at the provider; the file is being fetched",
    }.get(state, "")
