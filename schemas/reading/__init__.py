"""The reader of errors: from an upstream's answer, or from pasted words, to a kind; see `read`."""

from schemas.reading.finding import RULES_VERSION, Finding, MaskedKey
from schemas.reading.given import Given, Phase
from schemas.reading.pasted import cleaned, from_parts, pasted
from schemas.reading.read import read

__all__ = [
    "RULES_VERSION",
    "Finding",
    "Given",
    "MaskedKey",
    "Phase",
    "cleaned",
    "from_parts",
    "pasted",
    "read",
]
