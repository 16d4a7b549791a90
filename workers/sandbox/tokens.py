"""Reads the JSON Web Tokens that Kling's clients sign (HS256), as strictly as a server has to."""

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any, Literal

Verdict = Literal["good", "empty", "invalid", "early", "late"]


def judge(authorization: str, access: str, secret: str, now: float) -> Verdict:
    """What to think of an `Authorization` header; the bare secret as a bearer key is good too."""
    scheme, _, token = authorization.partition(" ")
    if not token:
        return "empty"
    if scheme != "Bearer":
        return "invalid"
    if hmac.compare_digest(token.encode(), secret.encode()):
        return "good"
    claims = _claims(token, secret)
    if claims is None or claims.get("iss") != access:
        return "invalid"
    begins, ends = claims.get("nbf", 0), claims.get("exp")
    if not isinstance(ends, int) or not isinstance(begins, int):
        return "invalid"
    if now >= ends:
        return "late"
    return "early" if now < begins else "good"


def _claims(token: str, secret: str) -> dict[str, Any] | None:
    signed, _, seal = token.rpartition(".")
    true = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    try:
        if not hmac.compare_digest(_unpacked(seal), true):
            return None
        head, _, body = signed.partition(".")
        if json.loads(_unpacked(head)).get("alg") != "HS256":
            return None
        return json.loads(_unpacked(body))
    except (ValueError, AttributeError, binascii.Error):
        return None


def _unpacked(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
