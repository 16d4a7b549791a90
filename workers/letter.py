"""A paid request as it is to be sent: made once before the intention, so that its digest goes on record."""

import hashlib
from dataclasses import dataclass

import orjson

from schemas.routes import Route
from schemas.upstream import Ask, Flow, Provider, Submission


@dataclass(frozen=True, slots=True)
class Letter:
    """What goes to the provider under one reference."""

    provider: Provider
    submission: Submission

    def flow(self) -> Flow:
        """The provider's flow, from its beginning."""
        return self.provider.submit(self.submission)

    @property
    def sha256(self) -> bytes:
        """The digest of what is asked first: another text under the same reference is another purchase."""
        first = next(self.flow(), None)
        # A flow that refuses by itself asks nothing.
        return _digest(first) if first else hashlib.sha256().digest()


def credential_of(route: Route) -> str:
    """Eight letters that tell apart credentials and the places where they are shown, and give none away."""
    shown = f"{route.name}:{route.base_url.rstrip('/')}:{route.credential.get_secret_value()}"
    return hashlib.sha256(shown.encode()).hexdigest()[:8]


def _digest(ask: Ask) -> bytes:
    parts = [
        [part.name, part.filename, part.type, hashlib.sha256(part.content).hexdigest()] for part in ask.parts
    ]
    text = orjson.dumps(
        [ask.method, ask.path, dict(ask.query), ask.json, dict(ask.form or {}), parts],
        option=orjson.OPT_SORT_KEYS,
    )
    return hashlib.sha256(text).digest()
