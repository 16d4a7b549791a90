"""The rule about whole keys in what is kept beside the work: whoever reads that would have the key."""

import json
from collections.abc import Iterator
from urllib.parse import parse_qsl, unquote, urlsplit

from schemas.capabilities import Model
from schemas.clues import is_plain
from schemas.redaction import HIDDEN, Redactor, names_a_secret
from schemas.rules.violation import Violation, pointer_part
from schemas.task import TaskRequest
from schemas.whole_keys import WholeKey, whole_keys

_redact = Redactor()


def labels_are_free_of_keys(request: TaskRequest, model: Model) -> Iterator[Violation]:
    """Labels are kept, searched and shown to support, and an address is written into logs on its way."""
    if _hide_nothing(request):
        return
    if request.external_id:
        yield from _held_in("/external_id", "external_id", _keys_in(request.external_id))
    for name, value in request.metadata.items():
        keys = _keys_in(name)
        where = "A name in metadata" if keys else f"The metadata entry {name!r}"
        yield from _held_in(pointer_to_entry(name), where, keys or _keys_of_entry(name, value))
    if request.callback_url:
        yield from _held_in("/callback_url", "callback_url", _keys_of_address(request.callback_url))


def _hide_nothing(request: TaskRequest) -> bool:
    """Most labels are a word or two, of which this is seen at once; what is a clue in one is one in all."""
    labels = (
        request.external_id or "",
        request.callback_url or "",
        *request.metadata,
        *request.metadata.values(),
    )
    return is_plain("\n".join(labels)) and not any(map(names_a_secret, request.metadata))


def pointer_to_entry(name: str) -> str:
    """Where an entry of metadata is; a name that holds a key is not repeated, not even here."""
    return "/metadata" if _keys_in(name) else f"/metadata/{pointer_part(name)}"


def shown_address(url: str) -> str:
    """An address as it may be repeated."""
    return HIDDEN if _keys_of_address(url) else _redact(url)


def _held_in(pointer: str, where: str, keys: list[WholeKey]) -> Iterator[Violation]:
    for key in keys[:1]:
        ends = f" ({key.head}…{key.tail})" if key.head else ""
        detail = f"{where} holds a whole {key.kind}{ends}. Leave it out, and have it replaced."
        yield Violation(pointer, "whole_key", detail)


def _keys_in(text: str) -> list[WholeKey]:
    # Most labels are a word or two, of which the redactor sees at once that they hide nothing.
    return [] if _redact(text) == text else whole_keys(text)


def _keys_of_entry(name: str, value: str) -> list[WholeKey]:
    """By its own looks; and what is called a key is one, unless it is a word."""
    named = json.dumps({name: value}, ensure_ascii=False) if names_a_secret(name) else ""
    return _keys_in(value) or _keys_in(named)


def _keys_of_address(url: str) -> list[WholeKey]:
    """As it is written and as it is read, with what stands before its host and the parameters behind it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return _keys_in(url)
    user = unquote(parts.netloc.rpartition("@")[0])
    entries = [("password", one) for one in user.split(":")] + parse_qsl(f"{parts.query}&{parts.fragment}")
    named = (key for name, value in entries for key in _keys_of_entry(name, value))
    return _keys_in(url) or _keys_in(unquote(url)) or list(named)
