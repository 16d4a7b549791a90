"""The script a request carries: how long its job takes and where the studio misbehaves."""

import math
import re
from dataclasses import dataclass
from typing import Final

CREATE_BEFORE: Final = frozenset(
    {
        "refuse_parameters",
        "refuse_content",
        "refuse_money",
        "refuse_rate",
        "refuse_auth",
        "busy",
        "500_before",
        "lost_before",
        "hang_before",
        "redirect",
    }
)
CLEAR_NO: Final = frozenset(
    {"refuse_parameters", "refuse_content", "refuse_money", "refuse_rate", "refuse_auth", "busy"}
)
CREATE_AFTER: Final = frozenset(
    {"500_after", "html_502_after", "lost_after", "hang_after", "garbage", "no_id"}
)

CHOICES: Final[dict[str, frozenset[str]]] = {
    "create": CREATE_BEFORE | CREATE_AFTER,
    # What becomes of the tries after those that `create_times` counts.
    "then": CREATE_BEFORE | CREATE_AFTER,
    # A client's reference that was used before: another job is made, where the vendor would refuse.
    "reuse": frozenset({"accepted"}),
    "end": frozenset({"content", "internal", "money", "timeout", "never"}),
    "poll": frozenset(
        {"unknown_status", "garbage", "500", "503", "404", "401", "429", "hang", "backwards", "empty_results"}
    ),
    # What a search by the client's reference and a list say of a job that exists.
    "lookup": frozenset({"hidden", "500", "garbage", "hang", "lost"}),
    # How the studio calls back where a request names an address: "lies" says at once that all is done, and
    # where it is to be had; "silent" does not call at all.
    "callback": frozenset({"silent", "lies", "repeated", "huge"}),
    "result": frozenset(
        {
            "expired",
            "dying_link",
            "truncated",
            "cut",
            "no_range",
            "gzip",
            "html",
            "404",
            "500",
            "slow",
            "wrong_type",
            "redirect",
        },
    ),
}
SECONDS: Final[dict[str, float]] = {"queue": 0.3, "run": 0.7, "latency": 0.0, "link": 3600.0}
COUNTS: Final[dict[str, str]] = {
    "create_times": "create",
    "poll_times": "poll",
    "lookup_times": "lookup",
    "callback_times": "callback",
    "result_times": "result",
}
ALWAYS: Final = 1_000_000_000
FIRST_FEW: Final = {
    "create_times": ALWAYS,
    "poll_times": 3,
    "lookup_times": 3,
    "callback_times": 3,
    "result_times": 1,
}

_DIRECTIVE = re.compile(r"\[sandbox:([^\]]*)\]")
_LOOKS_LIKE_ONE = re.compile(r"\[\s*sandbox\b", re.IGNORECASE)


class BehaviourError(ValueError):
    """The script asks for something the studio cannot do; the message names what it can."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How one job behaves, from the answer to its creation to the bytes of its result."""

    queue: float
    run: float
    latency: float
    link: float
    create: str | None
    create_times: int
    then: str | None
    reuse: str | None
    end: str | None
    poll: str | None
    poll_times: int
    lookup: str | None
    lookup_times: int
    callback: str | None
    callback_times: int
    result: str | None
    result_times: int
    text: str


def read_behaviour(prompt: str, field: str = "") -> tuple[str, Behaviour]:
    """Split the directive off a prompt: what is left to draw, and the behaviour asked for.

    The words of `field` are read after those in the prompt, so they win.
    """
    scripts = [match.group(1) for match in _DIRECTIVE.finditer(prompt)]
    drawn = " ".join(_DIRECTIVE.sub(" ", prompt).split())
    if _LOOKS_LIKE_ONE.search(drawn):
        # A directive with a slip in it would otherwise be drawn, and the test using it pass inertly.
        raise BehaviourError("a directive reads [sandbox: key=value key=value]")
    return drawn, parse_behaviour(" ".join([*scripts, field]))


def parse_behaviour(script: str) -> Behaviour:
    """Read `key=value key=value`; anything unknown or without effect is a BehaviourError."""
    words = dict(_pair(word) for word in script.split())
    _refuse_inert(words)
    seconds = {
        key: _seconds(key, words[key]) if key in words else default for key, default in SECONDS.items()
    }
    counts = {key: _count(key, words[key]) if key in words else default for key, default in FIRST_FEW.items()}
    for key, allowed in CHOICES.items():
        if key in words and words[key] not in allowed:
            raise BehaviourError(f"{key}={words[key]} is unknown; allowed: {', '.join(sorted(allowed))}")
    return Behaviour(
        queue=seconds["queue"],
        run=seconds["run"],
        latency=seconds["latency"],
        link=seconds["link"],
        create=words.get("create"),
        create_times=counts["create_times"],
        then=words.get("then"),
        reuse=words.get("reuse"),
        end=words.get("end"),
        poll=words.get("poll"),
        poll_times=counts["poll_times"],
        lookup=words.get("lookup"),
        lookup_times=counts["lookup_times"],
        callback=words.get("callback"),
        callback_times=counts["callback_times"],
        result=words.get("result"),
        result_times=counts["result_times"],
        text=" ".join(f"{key}={value}" for key, value in words.items()),
    )


def _pair(word: str) -> tuple[str, str]:
    key, equals, value = word.partition("=")
    allowed = [*SECONDS, *CHOICES, *COUNTS]
    if not equals or key not in allowed:
        raise BehaviourError(f"unknown behaviour {word!r}; allowed keys: {', '.join(sorted(allowed))}")
    return key, value


def _refuse_inert(words: dict[str, str]) -> None:
    for count, what in COUNTS.items():
        if count in words and what not in words:
            raise BehaviourError(f"{count} means nothing without {what}=")
    if "then" in words and "create_times" not in words:
        raise BehaviourError("then means nothing without create_times=")


def _seconds(key: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise BehaviourError(f"{key}={text} is unknown; allowed: a number of seconds from 0 up")
    return value


def _count(key: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise BehaviourError(f"{key}={text} is unknown; allowed: a whole number from 1 up")
    return int(text)
