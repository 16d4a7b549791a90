"""Rules on words, in English and Chinese, in the order in which they are asked.

Money comes before permission, and permission before speed: "access denied: balance used up" is about money,
and "rate limit exceeded … limit: 0" is not about speed. What each rule looks for are the stems that vendors
share, never their sentences. Every pattern takes linear time: gaps are bounded and alternatives are words.
"""

from schemas.reading.words import access, asked, made
from schemas.reading.words.rule import Rule

# What a code for speed or room does not make untrue.
HEAVIEST: tuple[Rule, ...] = (
    access.MONEY_GONE,
    access.MONEY,
    access.NOTHING_ALLOWED,
    access.ACCOUNT,
    access.KEY_FORM,
    access.KEY,
)

RULES: tuple[Rule, ...] = (
    access.MONEY_GONE,
    access.MONEY,
    access.NOTHING_ALLOWED,
    access.QUOTA,
    access.ACCOUNT,
    access.KEY_FORM,
    made.LINK,
    made.TASK_EXPIRED,
    asked.CONTENT_OUTPUT,
    asked.CONTENT,
    access.KEY,
    access.NO_PERMISSION,
    asked.MODEL,
    asked.IMAGE_GIVEN,
    access.DENIED,
    made.SPEED,
    made.NO_ROOM,
    made.NOT_THERE,
    made.BROKEN_OFF,
    made.TOO_LATE,
    made.NO_CONNECTION,
    made.TIMEOUT,
    made.WAIT,
    asked.CALLED_OFF,
    asked.WENT_AWAY,
    made.MACHINE,
    asked.SETTING,
    made.INTERNAL,
    made.FAILED,
)
