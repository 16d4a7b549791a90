"""`creative-tasks explain`: what an error means, for words pasted from anywhere; needs no database."""

import json
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from schemas.failures import MEANINGS
from schemas.reading import Given, Phase, cleaned, from_parts, pasted
from schemas.redaction import Redactor
from schemas.whole_keys import WholeKey, whole_keys
from tasks_service.advice import advice, instead_of_sending, quoted, said, whether_spent
from tasks_service.cli.errors import Trouble
from tasks_service.cli.screen import as_json, plain
from tasks_service.diagnosis import ExplainedView, WordsView, explained
from tasks_service.explanation import Language, words_of
from tasks_service.words import Words

_MOST_BYTES = 1 << 20


def explain(
    lang: Annotated[Language, typer.Option(help="The language of the answer.")] = Language.EN,
    json_: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="One error a line in, as JSON; one answer a line out.")
    ] = False,
) -> None:
    """Explain an error that is pasted on standard input: whose move, was it charged, may it be sent again.

    Takes any text, or JSON with body, http_status, headers, exception, provider and phase.
    """
    if jsonl:
        for line in sys.stdin.buffer:
            if line.strip():
                typer.echo(_answer(line.decode("utf-8", "replace")))
        return
    text = sys.stdin.buffer.read(_MOST_BYTES).decode("utf-8", "replace")
    if not text.strip():
        raise Trouble("Paste the error on standard input: creative-tasks explain < error.txt")
    if keys := whole_keys(text):
        raise Trouble(_refusal(keys))
    given = cleaned(pasted(text), Redactor())
    found = explained(given, [])
    typer.echo(as_json(found.model_dump(mode="json")) if json_ else "\n".join(_told(found, given, lang)))


def _answer(line: str) -> str:
    """One line for one line, whatever it holds; whole keys are taken out, and that is said."""
    name, given = _named(line)
    keys = [key for text in (given.body, given.exception, str(name)) for key in whole_keys(text)]
    found = explained(cleaned(given, Redactor()), keys)
    name = Redactor()(name) if isinstance(name, str) else name
    return json.dumps({"id": name} | found.model_dump(mode="json"), ensure_ascii=True)


def _named(line: str) -> tuple[Any, Given]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None, Given(body=line)
    if not isinstance(value, dict):
        return None, Given(body=line)
    name = value.get("id")
    return (name if isinstance(name, str | int) else None), from_parts(value)


def _refusal(keys: list[WholeKey]) -> str:
    places = ", ".join(
        f"{key.kind} at line {key.line}, column {key.column}" + (f" ({key.head}…)" if key.head else "")
        for key in keys
    )
    return f"The text holds a whole key, and was not read: {places}. Take it out, and have it replaced."


def _told(found: ExplainedView, given: Given, language: Language) -> Iterator[str]:
    words = words_of(language)
    yield f"{found.kind.value}  ({found.rule.name}, v{found.rule.version})"
    for question, answer in _answers(found, given, words).items():
        if answer:
            yield f"\n{words.questions[question]}\n  {' '.join(plain(answer).split())}"


def _answers(found: ExplainedView, given: Given, words: Words) -> dict[str, str]:
    asked = given.phase is not Phase.SUBMIT
    again = "ask_again" if asked else "yes"
    return {
        "happens": said(MEANINGS[found.kind].words, words),
        "upstream_said": quoted(found.upstream.words, _facts(found.upstream, words), words),
        "spent": words.spent[whether_spent(found.spent, accepted=asked)],
        "whose_move": words.movers[found.whose_move],
        "send_again": words.send_again[
            again if found.retryable else instead_of_sending(found.kind, found.spent, accepted=asked)
        ],
        **advice(found.kind, words),
    }


def _facts(upstream: WordsView, words: Words) -> dict[str, str | int | None]:
    key, wait = upstream.key, upstream.retry_after_s
    return {
        words.status: upstream.status,
        words.code: upstream.code,
        words.request_id: ", ".join(upstream.request_ids),
        words.facts["model"]: upstream.model,
        words.facts["key"]: f"{key.head}…{key.tail}" if key else None,
        words.facts["left"]: upstream.quota_left,
        words.facts["wait"]: f"{wait:g} s" if wait is not None else None,
    }
