"""Prints the digest of a paid request for each model and mode, as any worker would put it on record."""

from collections.abc import Iterator

from schemas.capabilities import Mode, Model
from schemas.providers import PROVIDERS
from schemas.rules import with_defaults
from schemas.upstream import Submission
from tests.schemas.rules.requests import plain_request, put, request_of
from workers.letter import Letter

BELL = "https://tasks.example.com/v1/callbacks/route/ct_bell_x"
_ASKED = {"negative_prompt": "rain", "seed": 7, "n": 2, "audio": True, "watermark": False, "duration_s": 5.0}


def digests() -> Iterator[str]:
    """With as much in each request as its provider's file may have to put in order."""
    for provider in PROVIDERS.values():
        for model in provider.models:
            for mode in model.modes or (Mode.TEXT,):
                body = full(plain_request(model, mode), model)
                request = with_defaults(request_of(body, model), model)
                letter = Letter(provider, Submission(request, model, "tsk_x", BELL))
                yield f"{provider.name} {model.name} {mode} {letter.sha256.hex()}"


def full(body: dict, model: Model) -> dict:
    for name, value in _ASKED.items():
        body = put(body, name, value)
    for name, table in model.options.items():
        if isinstance(table, tuple):
            body = put(body, f"options.{name}", table[0])
    return body


if __name__ == "__main__":
    print("\n".join(digests()))
