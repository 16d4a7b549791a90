"""Structured lines on standard error, without secrets."""

import logging
import sys
from collections.abc import Callable, MutableMapping
from typing import Any

import structlog

from schemas.redaction import Redactor


def start_logging(process: str, *, style: str = "json", redactor: Redactor | None = None) -> None:
    """Send our lines and the libraries' through one chain: time, level, context, redaction, rendering."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _naming(process),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _without_secrets(redactor or Redactor()),
    ]
    renderer: Any = (
        structlog.dev.ConsoleRenderer()
        if style == "console"
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    # These write addresses with their query strings, and a line for every request.
    for chatty in ("httpx", "httpcore", "arq", "uvicorn.access", "asyncio", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _naming(process: str) -> Callable[..., MutableMapping[str, Any]]:
    def name(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["process"] = process
        return event

    return name


def _without_secrets(redactor: Redactor) -> Callable[..., MutableMapping[str, Any]]:
    def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        for name, value in event.items():
            if isinstance(value, str):
                event[name] = redactor(value)
        return event

    return redact
