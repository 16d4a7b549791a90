"""Structured lines on standard error, without secrets."""

import json
import logging
import sys
import traceback
from collections.abc import Callable, MutableMapping, Sequence
from contextlib import nullcontext, suppress
from functools import lru_cache
from math import isfinite
from typing import Any, TextIO

import orjson
import structlog

from schemas.redaction import HIDDEN, Redactor, names_a_secret

# What JSON spells in one way only.
_PLAIN = frozenset({int, bool, type(None)})


def start_logging(process: str, *, style: str = "json", redactor: Redactor | None = None) -> None:
    """Send our lines and the libraries' through one chain: time, level, context, redaction, rendering."""
    redactor = redactor or Redactor()
    given: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    # What we add ourselves comes after the redaction: it is in every line, and holds no secret.
    shown: list[Any] = [
        _without_secrets(redactor),
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _naming(process),
        # The other formatter of exceptions shows local variables.
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if style == "console"
        else structlog.processors.JSONRenderer(_json),
    ]
    handler = _Lines(sys.stderr, redactor)
    # Ours do not pass through `logging`, whose record of each costs as much as all the rest of a line.
    structlog.configure(
        processors=[*given, _rendered(shown, handler, process)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: _Direct(handler),
        cache_logger_on_first_use=True,
    )
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=given,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *shown],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    # These write addresses with their query strings, and a line for every request.
    for chatty in ("httpx", "httpcore", "arq", "uvicorn.access", "asyncio", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


class _Lines(logging.StreamHandler[TextIO]):
    """A line that cannot be written becomes one about that; logging itself would print its arguments."""

    def __init__(self, stream: TextIO, redactor: Redactor):
        super().__init__(stream)
        self._redact = redactor

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        self.write(self.apology(record.name))

    def apology(self, logger: str) -> str:
        """A line about the error that is being handled."""
        words = self._redact(traceback.format_exc(limit=-3))
        return json.dumps(
            {"event": "unwritable_line", "level": "error", "logger": logger, "exception": words}
        )

    def write(self, line: str) -> None:
        """A line as it is, among the others."""
        # A line is not worth the work that it tells of.
        with self.lock or nullcontext(), suppress(OSError, ValueError):
            self.stream.write(f"{line}\n")
            if not getattr(self.stream, "line_buffering", False):
                self.flush()


class _Direct:
    """What structlog writes a rendered line to, whatever its level."""

    def __init__(self, lines: _Lines):
        self.debug = self.info = self.warning = self.error = self.critical = self.msg = lines.write


def _rendered(shown: Sequence[Any], lines: _Lines, process: str) -> Callable[..., str]:
    def render(logger: Any, method: str, event: Any) -> str:
        try:
            for processor in shown:
                event = processor(logger, method, event)
        except Exception:  # whatever an object's own spelling raises
            return lines.apology(process)
        return event

    return render


def _json(value: Any, **_: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # a number of more than 64 bits, or half a character
        return json.dumps(value, ensure_ascii=False)


def _naming(process: str) -> Callable[..., MutableMapping[str, Any]]:
    def name(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["process"] = process
        return event

    return name


def _without_secrets(redactor: Redactor) -> Callable[..., MutableMapping[str, Any]]:
    """Right before rendering: all that a line will show, at any depth, and objects as they will be spelt.

    Not the rendered line itself: there a secret may begin after an escape or a colour, and taking it out
    could end a string of JSON too early.
    """

    @lru_cache(maxsize=1024)
    def harmless(name: str) -> bool:
        return redactor(name) == name and not names_a_secret(name)

    def clean(value: Any) -> Any:
        if isinstance(value, str):
            return redactor(value)
        if isinstance(value, dict):
            return {redactor(name): _by_name(name, clean(held)) for name, held in value.items()}
        if isinstance(value, list):
            return [clean(held) for held in value]
        return value

    def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        words = _words(event)
        if words is None:
            return clean(_spelt(event))
        # Most lines hold no secret, and one look at all their words is quicker than a look at each.
        line = " ".join(words)
        return event if redactor(line) is line and all(map(harmless, event)) else clean(event)

    return redact


def _by_name(name: str, value: Any) -> Any:
    return HIDDEN if isinstance(value, str | list | dict) and value and names_a_secret(name) else value


def _words(event: MutableMapping[str, Any]) -> list[str] | None:
    """The texts of a line; None where it holds anything but JSON's plain words."""
    words: list[str] = []
    for value in event.values():
        if type(value) is str:
            words.append(value)
        elif type(value) not in _PLAIN and not (type(value) is float and isfinite(value)):
            return None
    return words


def _spelt(event: MutableMapping[str, Any]) -> dict[str, Any]:
    try:
        # NaN is none of JSON's words.
        return json.loads(json.dumps(dict(event), default=repr), parse_constant=str)
    except (TypeError, ValueError, RecursionError):
        return {name: value if isinstance(value, str) else repr(value) for name, value in event.items()}
