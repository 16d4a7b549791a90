"""What the customers of a run ask for, and how the upstream treats them."""

from dataclasses import dataclass
from random import Random
from typing import Any

from schemas.providers import PROVIDERS

# Where each dialect lies in the studio.
PLACES = {"sandbox": "", "openai_videos": "", "kling": "/kling", "ark_seedance": "/ark/api/v3"}
# The way to a provider's cheapest work: films are drawn frame by frame, and two cores are soon busy.
_ASKED = {
    "sandbox": (
        ({"model": "sandbox-image-1-fast"}, 60),
        ({"model": "sandbox-image-1", "n": 2}, 6),
        ({"model": "sandbox-video-1-lite"}, 3),
    ),
    "openai_videos": (({"model": "sora-2"}, 12),),
    "kling": (({"model": "kling-image-v2-1"}, 12),),
    "ark_seedance": (({"model": "doubao-seedance-1-0-pro-fast-251015", "resolution": "480p", "ratio": "1:1"}, 10),),
}  # fmt: skip
# Films are drawn for only one in so many of the tasks that a video provider gets; the others end badly.
_DRAWN = 0.25

_REUSES = 0.5

_REFUSALS = ("refuse_content", "refuse_parameters", "refuse_money")
_CREATE = (
    "busy", "refuse_rate", "500_before", "lost_before", "hang_before", "redirect",
    "500_after", "html_502_after", "lost_after", "hang_after", "garbage", "no_id",
)  # fmt: skip
_POLL = ("unknown_status", "garbage", "500", "503", "404", "401", "429", "hang", "backwards", "empty_results")
_RESULT = (
    "expired", "dying_link", "truncated", "cut", "no_range", "gzip", "html", "404", "500", "wrong_type", "redirect",
)  # fmt: skip
_LOOKUP = ("hidden", "500", "garbage", "hang", "lost")
# Where a clear "no such reference" counts as proof after some time, an upstream that hides a job for longer
# breaks the premise: what was made is declared not created, and only the reference, which is taken, keeps it from
# being made again. The studio hides by looks, not by seconds; so no job is hidden from those who would believe it.
_BELIEVED = tuple(word for word in _LOOKUP if word != "hidden")


@dataclass(frozen=True, slots=True)
class Order:
    """One request of a customer, with the key under which it is repeated."""

    key: str
    body: dict[str, Any]


class Mix:
    """Orders without end, each for something of its own, the same for the same seed."""

    def __init__(self, rng: Random, seed: int, *, troubled: float = 0.4):
        self._rng, self._seed, self.troubled = rng, seed, troubled
        asked = [(p, body, share) for p in PROVIDERS if p in _ASKED for body, share in _offered(p)]
        self._choices = [(provider, body) for provider, body, _ in asked]
        self._shares = [share for *_, share in asked]
        self._number = 0

    def order(self) -> Order:
        """The next one."""
        self._number += 1
        [(provider, body)] = self._rng.choices(self._choices, self._shares)
        prompt = f"boat {self._seed}.{self._number:06}"
        script = self._script(provider)
        if provider == "sandbox":
            asked = body | {"prompt": prompt, "options": {"behaviour": script}}
        else:
            asked = body | {"prompt": f"{prompt} [sandbox: {script}]"}
        return Order(f"order-{self._seed}-{self._number}", asked)

    def _script(self, provider: str) -> str:
        rng = self._rng
        words = [f"queue={rng.uniform(0, 0.6):.2f}", f"run={rng.uniform(0.2, 1.5):.2f}"]
        if rng.random() < 0.7:
            words.append(f"latency={rng.uniform(0.02, 0.6):.2f}")
        fails = provider != "sandbox" and rng.random() > _DRAWN
        if fails or rng.random() < 0.04:
            words.append(f"end={rng.choice(('content', 'internal', 'timeout'))}")
        if rng.random() < self.troubled:
            words += self._trouble(provider)
        return " ".join(words)

    def _trouble(self, provider: str) -> list[str]:
        rng = self._rng
        where = rng.choices(("refused", "create", "poll", "result", "lookup"), (1, 5, 2, 2, 1))[0]
        if where == "refused":
            # A refusal of a second try proves nothing, so where one is possible it has to come to an end.
            return [f"create={rng.choice(_REFUSALS)}", *(["create_times=3"] if provider == "sandbox" else [])]
        if where == "create":
            # Some upstreams would refuse a reference that was used, and so hide that we had sent it twice.
            reuse = ["reuse=accepted"] if rng.random() < _REUSES else []
            return [f"create={rng.choice(_CREATE)}", f"create_times={rng.randint(1, 2)}", *reuse]
        if where == "poll":
            return [f"poll={rng.choice(_POLL)}", f"poll_times={rng.randint(1, 3)}"]
        if where == "result":
            return [f"result={rng.choice(_RESULT)}", "result_times=1"]
        # Found again only after it could not be found.
        words = _LOOKUP if PROVIDERS[provider].absent_after_s is None else _BELIEVED
        return ["create=lost_after", "create_times=1", f"lookup={rng.choice(words)}", "lookup_times=2"]


def _offered(provider: str) -> list[tuple[dict[str, Any], int]]:
    names = {model.name for model in PROVIDERS[provider].models}
    return [(body, share) for body, share in _ASKED[provider] if body["model"] in names]
