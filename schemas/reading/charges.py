"""What an answer says of money itself: that none was taken, that it was given back, or that it is gone.

One word of money that is gone, or that does not come back, is enough to say no longer that none was spent.
"""

import re

from schemas.failures import MEANINGS, Answer, FailureKind
from schemas.reading import again
from schemas.reading.given import Given, Phase
from schemas.reading.layers import Layer
from schemas.reading.words.rule import one_of

_NOT_TAKEN = re.compile(
    one_of(
        r"""
        (?:not|n't|never)(?: be| been)? (?:charged|billed)|no charge|without charge|not deducted
        未扣费|不扣费|不计费|未计费
        """
    ),
    re.IGNORECASE,
)
_GIVEN_BACK = re.compile(r"refunded|已退[还回款]|已返还", re.IGNORECASE)
_KEPT = re.compile(
    r"(?:not|never|\bno|n't)\b[\w ]{0,20}refund|non-?refundable|[不未没无][^。\n]{0,6}退[还回款]",
    re.IGNORECASE,
)
_TAKEN = re.compile(
    r"\b(?:is|are|was|were|(?<!not )(?<!n't )(?<!never )been) (?:charged|billed|deducted)|"
    r"已(?:经)?扣[费除款减]",
    re.IGNORECASE,
)


def spent(given: Given, layers: list[Layer], kind: FailureKind, *, by_table: bool) -> Answer:
    """Whether money was spent: by the answer's own words, and else by what failed how.

    Of work that was accepted only the provider's own table says that it is free (`by_table`).
    """
    kept, taken = _said(_KEPT, layers), _said(_TAKEN, layers)
    if not kept and (_said(_GIVEN_BACK, layers) or (not taken and _said(_NOT_TAKEN, layers))):
        return Answer.NO
    if given.phase is Phase.DOWNLOAD:
        return Answer.YES
    accepted = given.phase is Phase.POLL and not by_table
    if kept or taken or accepted or again.question_failed(given):
        return Answer.UNKNOWN
    return MEANINGS[kind].spent


def _said(pattern: re.Pattern[str], layers: list[Layer]) -> bool:
    return any(pattern.search(layer.heard) for layer in layers)
