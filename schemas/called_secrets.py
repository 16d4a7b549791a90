"""What is a secret because it is called one, without the quotes of JSON: in prose, forms, and escaped text.

Words are said of secrets, too ("access_token: expired"), so a value counts from where it holds a digit and is
long; of a password, which people choose themselves, a shorter one does.
"""

import re

from schemas.key_shapes import HIDDEN

# Slashes and base64 in the spellings of PHP (\/) and .NET (\u002B); they end no value.
ESCAPED = r"\\{1,15}(?:/|u002[bBfF]|u003[dD])"
# What upstreams leave of a secret when they mask it themselves.
MASKED = r"(?:[a-z]{1,10}\s)?[a-z0-9_.-]{0,12}\*{3,64}[a-z0-9_.-]{0,12}(?![^\s\"'\\,;&.)\]}])"

_KEYS = (
    r"(?:api|access|secret|private|account|subscription|auth)[-_]?key|secret|"
    r"(?:access|refresh|auth|session|security|bearer)[-_]?token|[密秘]钥|令牌"
)
_PASSWORDS = r"passw(?:or)?d|pwd|密码"
_QUOTE = r"(?:\\{0,15}[\"']|\\{1,15}u0022|%(?:25){0,2}22|&quot;)?"
_IS = r"(?:[:=：是为]|\\{1,15}u003[aAdD]|%(?:25){0,2}3[aAdD])"
_BLANK = r"(?:%(?:25){0,2}20|\\{1,15}u0020)"
_LETTER = rf"(?:[a-z0-9._~+/-]|%2[bf]|{ESCAPED})"


def _called(names: str, holds: str, shortest: int) -> re.Pattern[str]:
    """Whatever is called so and is that long; group 1 is what stays."""
    before = rf"(?:{names}){_QUOTE}\s{{0,4}}{_IS}\s{{0,4}}{_QUOTE}"
    return re.compile(rf"(?i)({before})(?!{MASKED}){holds}{_LETTER}{{{shortest},}}+={{0,2}}")


CALLED: tuple[tuple[re.Pattern[str], str], ...] = (
    (_called(_KEYS, r"(?=[^\s\d]{0,80}\d)(?=[^\sa-z]{0,80}[a-z])", 12), rf"\1{HIDDEN}"),
    (_called(_PASSWORDS, r"(?=[^\s\d]{0,80}\d)", 6), rf"\1{HIDDEN}"),
    # in the spelling of an address, where no white space can be
    (re.compile(rf"(?i)(\b(?:bearer|basic){_BLANK})(?!{MASKED}){_LETTER}{{8,}}+={{0,2}}"), rf"\1{HIDDEN}"),
)
