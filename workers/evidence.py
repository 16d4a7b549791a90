"""Turns exchanges with upstreams into evidence: the words as they were, without secrets."""

import hashlib
from collections.abc import Container
from dataclasses import dataclass, field, replace
from datetime import datetime

from uuid_utils.compat import uuid7

from schemas.redaction import Redactor, without_links
from schemas.upstream import Ask, Observation, Reply
from tasks_service.ledger.history import Call

_LONGEST_BODY = 64 << 10
_LONGEST_WORDS = 4000
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came of it: a reply, or the trouble that there was instead."""

    ask: Ask = field(repr=False)  # both may hold what no log should
    purpose: str
    attempt: int
    route: str
    sent_at: datetime
    seconds: float
    reply: Reply | None = field(repr=False)
    trouble: str | None
    left: bool = True  # whether anything of it may have left us
    shared: bool = False  # whether the answer tells of other tasks too, whose customers are others


class Scribe:
    """Writes down what may be kept."""

    def __init__(self, redactor: Redactor):
        self._redact = redactor

    def words(self, text: str, longest: int = _LONGEST_WORDS) -> str:
        """A text that PostgreSQL can hold, without secrets; cut last, so that no secret is cut in half."""
        storable = text[: 2 * longest].replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
        return self._redact(storable)[:longest]

    def call(self, exchange: Exchange) -> Call:
        """An exchange as a row of history."""
        reply = exchange.reply
        return Call(
            id=uuid7(),
            purpose=exchange.purpose,
            attempt=exchange.attempt,
            route=exchange.route,
            method=exchange.ask.method,
            path=self.words(exchange.ask.path, _LONGEST_NAME),
            sent_at=exchange.sent_at,
            latency_ms=round(exchange.seconds * 1000),
            status=reply.status if reply else None,
            trouble=exchange.trouble,
            upstream_request_id=self._name(reply.request_id) if reply else None,
            answer_sha256=hashlib.sha256(reply.body).digest() if reply else None,
            body=self._body(reply) if reply and not (exchange.shared and reply.ok) else None,
        )

    def clean(self, observation: Observation, words: Container[str] = ()) -> Observation:
        """What an upstream said about a task, fit to be kept; `words` are those that can hold no secret."""
        failure, progress = observation.failure, observation.progress
        possible = progress is None or 0 <= progress <= 100
        if failure is None and possible and _is_known(observation, words):
            return observation
        return replace(
            observation,
            status=observation.status if _is_known(observation, words) else self._name(observation.status),
            progress=progress if possible else None,
            failure=failure
            and replace(
                failure,
                message=self.words(failure.message),
                code=self._name(failure.code),
                request_id=self._name(failure.request_id),
            ),
        )

    def _body(self, reply: Reply) -> str:
        text = reply.body[: 2 * _LONGEST_BODY].decode("utf-8", "replace")
        # A success may hold the address of a result, and its path may be the key to the file.
        return self.words(without_links(text) if reply.ok else text, _LONGEST_BODY)

    def _name(self, text: str | None) -> str | None:
        return self.words(text, _LONGEST_NAME) if text else None


def _is_known(observation: Observation, words: Container[str]) -> bool:
    return observation.status is None or observation.status in words
