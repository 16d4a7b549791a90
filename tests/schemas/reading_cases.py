"""Errors of our own making, in the envelopes that vendors and gateways send."""

import json
from dataclasses import dataclass

from schemas.failures import FailureKind as K
from schemas.reading import Given, Phase


@dataclass(frozen=True)
class Case:
    """An error, and what it is."""

    name: str
    given: Given
    kind: K


def given(
    body: object, status: int | None = None, provider: str | None = None, phase: str = "submit"
) -> Given:
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    return Given(Phase(phase), provider, status, {}, text)


def openai_like(message: str, type_: str = "error", code: str | None = None) -> dict[str, object]:
    return {"error": {"message": message, "type": type_, "param": None, "code": code}}


# The table of the domain: the same status means different things.
STATUSES_LIE = [
    Case(
        "401 wrong key",
        given(openai_like("Invalid token (request id: 2026ab)", "new_api_error"), 401),
        K.AUTH_INVALID,
    ),
    Case(
        "401 not a member",
        given("To call this you must be a member of that organisation", 401),
        K.PERMISSION_DENIED,
    ),
    Case(
        "401 money",
        given(
            "{'error': {'message': 'Token amount used up, RemainQuota = 0', 'type': 'rix_api_error'}}", 401
        ),
        K.QUOTA_EXHAUSTED,
    ),
    Case(
        "429 speed",
        given(openai_like("Slow down, please", "requests", "rate_limit_exceeded"), 429),
        K.RATE_LIMITED,
    ),
    Case(
        "429 money",
        given(openai_like("Look at your plan", "insufficient_quota", "insufficient_quota"), 429),
        K.QUOTA_EXHAUSTED,
    ),
    Case(
        "429 concurrency",
        given({"code": 1303, "message": "too many at once for this pack"}, 429, "kling"),
        K.RATE_LIMITED,
    ),
    Case(
        "429 ban", given({"code": 1100, "message": "account is abnormal"}, 429, "kling"), K.ACCOUNT_SUSPENDED
    ),
    Case(
        "403 permission", given(openai_like("无权访问 gold 分组", "new_api_error"), 403), K.PERMISSION_DENIED
    ),
    Case(
        "403 balance",
        given({"code": "insufficient_user_quota", "message": "预扣费额度失败, 用户剩余额度: ¥0.01"}, 403),
        K.QUOTA_EXHAUSTED,
    ),
    Case("403 region", given(openai_like("This country is not supported"), 403), K.PERMISSION_DENIED),
    Case(
        "403 content",
        given({"name": "content_moderation", "errors": ["flagged by moderation"]}, 403),
        K.CONTENT_POLICY_INPUT,
    ),
    Case(
        "400 parameters",
        given(openai_like("Invalid value for 'seconds'", "invalid_request_error"), 400),
        K.PARAMETER_INVALID,
    ),
    Case(
        "400 moderation",
        given(openai_like("Stopped by the safety system", "user_error", "moderation_blocked"), 400),
        K.CONTENT_POLICY_INPUT,
    ),
    Case(
        "400 hard limit",
        given(openai_like("Limit reached", "x", "billing_hard_limit_reached"), 400),
        K.QUOTA_EXHAUSTED,
    ),
    Case(
        "400 arrearage",
        given({"code": "Arrearage", "message": "Access denied, see your account"}, 400),
        K.QUOTA_EXHAUSTED,
    ),
    Case(
        "500 overload",
        given(openai_like("All our machines are overloaded", "server_error"), 500),
        K.UPSTREAM_OVERLOADED,
    ),
    Case(
        "502 wrapped 401",
        given('upstream said 401 - {"error": {"message": "API key is not valid"}}', 502),
        K.AUTH_INVALID,
    ),
    Case("503 wrapped 429", given('status code 429: {"detail": "Too many requests"}', 503), K.RATE_LIMITED),
    Case(
        "502 page",
        given("<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>", 502),
        K.UPSTREAM_INTERNAL,
    ),
    Case(
        "200 base_resp",
        given({"base_resp": {"status_code": 1008, "status_msg": "no more"}}, 200, "minimax"),
        K.QUOTA_EXHAUSTED,
    ),
    Case(
        "200 failed",
        given(
            {
                "data": {"task_status": "failed", "task_status_msg": "Image is too small"},
                "message": "SUCCEED",
            },
            200,
            "kling",
            "poll",
        ),
        K.REFERENCE_IMAGE_INVALID,
    ),
    Case(
        "200 filtered",
        given({"candidates": [{"finishReason": "IMAGE_SAFETY"}]}, 200),
        K.CONTENT_POLICY_OUTPUT,
    ),
    Case("timeout", Given(exception="httpx.ReadTimeout: The read operation timed out"), K.TIMEOUT),
]

_INNER = '{"error":{"code":"InputTextSensitiveContentDetected","message":"words were stopped"}}'

ENVELOPES = [
    Case(
        "problem+json",
        given(
            {"type": "about:blank", "title": "Payment Required", "detail": "add funds", "status": 402}, 402
        ),
        K.QUOTA_EXHAUSTED,
    ),
    Case(
        "google",
        given(
            {"error": {"code": 400, "message": "API key expired. Renew it.", "status": "INVALID_ARGUMENT"}},
            400,
        ),
        K.AUTH_INVALID,
    ),
    Case(
        "google filtered",
        given({"done": True, "response": {"raiMediaFilteredCount": 1}}, 200, "veo", "poll"),
        K.CONTENT_POLICY_OUTPUT,
    ),
    Case(
        "fal list",
        given(
            {"detail": [{"loc": ["body", "image_url"], "msg": "no", "type": "image_load_error"}]}, 422, "fal"
        ),
        K.REFERENCE_IMAGE_INVALID,
    ),
    Case(
        "xml",
        given(
            "<Error><Code>AccessDenied</Code><Message>Request has expired now</Message></Error>",
            403,
            None,
            "download",
        ),
        K.TASK_EXPIRED,
    ),
    Case("cloudflare", given("<!DOCTYPE html><title>x | 524: A timeout occurred</title>", 524), K.TIMEOUT),
    Case("challenge", given("<html><title>Just a moment...</title></html>", 403), K.PERMISSION_DENIED),
    Case("once escaped", given(openai_like(_INNER), 400), K.CONTENT_POLICY_INPUT),
    Case(
        "thrice escaped",
        given(openai_like(json.dumps(openai_like(json.dumps(openai_like(_INNER))))), 500),
        K.CONTENT_POLICY_INPUT,
    ),
    Case(
        "escaped without its quotes",
        given(r"failed: {\"error\":{\"message\":\"余额不足\"}}", 500),
        K.QUOTA_EXHAUSTED,
    ),
    Case(
        "python repr",
        given("BadRequestError: {'error': {'message': \"model 'x-1' does not exist\", 'code': None}}", 400),
        K.MODEL_NOT_FOUND,
    ),
    Case(
        "javascript",
        given("{ message: 'must be one of 4, 8', type: 'user_error', code: null }", 400),
        K.PARAMETER_INVALID,
    ),
    Case(
        "dart",
        given(
            "{error: {code: 429, message: Your balance is too low, see billing, status: RESOURCE_EXHAUSTED}}",
            429,
        ),
        K.QUOTA_EXHAUSTED,
    ),
    Case("cut off", given('{"error": {"message": "The model is overloaded, try', 503), K.UPSTREAM_OVERLOADED),
    Case(
        "runway",
        given({"status": "FAILED", "failureCode": "SAFETY.INPUT.AUDIO"}, 200, "runway", "poll"),
        K.CONTENT_POLICY_INPUT,
    ),
    Case("zhipu", given({"error": {"code": "1113", "message": "x"}}, 429, "zhipu"), K.QUOTA_EXHAUSTED),
    Case(
        "ark",
        given(
            {"error": {"code": "OutputVideoSensitiveContentDetected.PolicyViolation", "message": "x"}}, 400
        ),
        K.CONTENT_POLICY_OUTPUT,
    ),
    Case(
        "gateway names a provider",
        given({"code": 1102, "message": "x"}, 429, "new-api(kling)"),
        K.QUOTA_EXHAUSTED,
    ),
    Case("state", given({"id": "1", "status": "expired", "error": None}, 200, None, "poll"), K.TASK_EXPIRED),
    Case("canceled", given({"id": "1", "status": "canceled"}, 200, None, "poll"), K.CANCELED),
]

# Where two rules hold, the earlier one is right.
ORDER = [
    Case("money before permission", given("Access denied: insufficient balance", 403), K.QUOTA_EXHAUSTED),
    Case("money before speed", given("Rate limit exceeded, limit: 0, add credits", 429), K.QUOTA_EXHAUSTED),
    Case(
        "account before permission",
        given("Forbidden: this account has been suspended", 403),
        K.ACCOUNT_SUSPENDED,
    ),
    Case(
        "permission before speed",
        given("Too many requests from an address that is not in the whitelist", 429),
        K.PERMISSION_DENIED,
    ),
    Case("per minute is no money", given("Quota exceeded: requests per minute", 429), K.RATE_LIMITED),
    Case(
        "a code before words",
        given({"code": "insufficient_quota", "message": "too many requests"}, 429),
        K.QUOTA_EXHAUSTED,
    ),
    Case(
        "words before a vague code",
        given({"code": "invalid_request_error", "message": "unknown API key"}, 400),
        K.AUTH_INVALID,
    ),
    Case(
        "inside before outside",
        given(openai_like('Unauthorized: {"error": {"message": "image is too large"}}'), 401),
        K.REFERENCE_IMAGE_INVALID,
    ),
    Case(
        "content before image",
        given("the image was flagged by the content filter", 400),
        K.CONTENT_POLICY_INPUT,
    ),
    Case(
        "output before input",
        given("the generated video was flagged as sensitive", 400),
        K.CONTENT_POLICY_OUTPUT,
    ),
    Case("in a link's time", given("access denied", 403, None, "download"), K.TASK_EXPIRED),
    Case("status at last", given("{}", 402), K.QUOTA_EXHAUSTED),
]

NOTHING_KNOWN = [
    "",
    "{}",
    "ok",
    "42",
    "[]",
    "嗯",
    '{"a": 1}',
    "lorem ipsum dolor",
    '{"message": "SUCCEED"}',
    "�",
]
