"""Codes of the gateways: new-api, one-api, rix and their forks."""

from schemas.failures import FailureKind as K
from schemas.reading.codes.table import Table, table

_ONE_API = table(
    {
        K.QUOTA_EXHAUSTED: (
            "insufficient_user_quota pre_consume_token_quota_failed insufficient_token_quota quota_not_enough"
        ),
        K.UPSTREAM_OVERLOADED: "channel:no_available_key",
        K.TASK_NOT_FOUND: "task_not_exist",
        K.CONTENT_POLICY_INPUT: "sensitive_words_detected prompt_blocked violation_fee.grok.csam",
        K.PARAMETER_INVALID: (
            "missing_model invalid_seconds invalid_multipart_form convert_request_failed not_implemented"
        ),
        K.AUTH_INVALID: "channel:invalid_key",
        K.TIMEOUT: "channel:response_time_exceeded",
        K.REFERENCE_IMAGE_INVALID: "get_file_base64_from_url_failed download_file_failed",
        K.CONTENT_POLICY_OUTPUT: "channel:image_safety",
    },
    {
        K.NETWORK: "do_request_failed",
        K.UPSTREAM_INTERNAL: (
            "fail_to_fetch_task bad_response_status_code bad_response bad_response_body empty_response "
            "read_response_body_failed unmarshal_response_failed unmarshal_response_body_failed "
            "invalid_response get_channel_failed gen_relay_info_failed build_request_failed "
            "get_task_failed task_channel_disable channel_not_found"
        ),
        K.PARAMETER_INVALID: "model_price_error model_mapping_failed invalid_api_platform",
        K.REFERENCE_IMAGE_INVALID: "read_request_body_failed",
    },
)

TABLES: dict[str, Table] = {"new-api": _ONE_API, "one-api": _ONE_API, "one-hub": _ONE_API}
