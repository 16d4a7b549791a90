"""Codes of the vendors that make images and videos."""

from schemas.failures import FailureKind as K
from schemas.reading.codes.table import Table, table

TABLES: dict[str, Table] = {
    "kling": table(
        {
            K.AUTH_INVALID: "1000 1001 1002 1003 1004",
            K.ACCOUNT_SUSPENDED: "1100",
            K.QUOTA_EXHAUSTED: "1101 1102",
            K.PERMISSION_DENIED: "1103 1304",
            K.MODEL_NOT_FOUND: "1203",
            K.CONTENT_POLICY_INPUT: "1300 1301",
            K.RATE_LIMITED: "1302 1303",
            K.UPSTREAM_OVERLOADED: "5001",
            K.TIMEOUT: "5002",
        },
        {K.PARAMETER_INVALID: "1200 1201 1202", K.UPSTREAM_INTERNAL: "5000"},
    ),
    "zhipu": table(
        {
            K.AUTH_INVALID: "1000 1001 1002 1003 1004 1100",
            K.ACCOUNT_SUSPENDED: "1110 1111 1112 1121",
            K.QUOTA_EXHAUSTED: "1113 1304 1308 1309 1310",
            K.MODEL_NOT_FOUND: "1211 1221 1222",
            K.PERMISSION_DENIED: "1220 1311",
            K.PARAMETER_INVALID: "1212 1231 1261",
            K.CONTENT_POLICY_INPUT: "1300 1301",
            K.RATE_LIMITED: "1302 1303",
            K.UPSTREAM_OVERLOADED: "1305 1312",
            K.NETWORK: "1234",
        },
        {K.PARAMETER_INVALID: "1200 1210 1213 1214 1215", K.UPSTREAM_INTERNAL: "500 1120 1230"},
    ),
    "minimax": table(
        {
            K.TIMEOUT: "1001",
            K.RATE_LIMITED: "1002 1039 1041 2045",
            K.AUTH_INVALID: "1004 2049 authorized_error",
            K.QUOTA_EXHAUSTED: "1008 1028 2056 2061",
            K.CONTENT_POLICY_INPUT: "1026",
            K.CONTENT_POLICY_OUTPUT: "1027",
            K.PARAMETER_INVALID: "1042",
            K.PERMISSION_DENIED: "2038",
        },
        {K.UPSTREAM_INTERNAL: "1000 1013 1024 1033", K.PARAMETER_INVALID: "2013"},
    ),
    "jimeng": table(
        {
            K.QUOTA_EXHAUSTED: "1006",
            K.CONTENT_POLICY_INPUT: "2038 50411 50412 50413 50518",
            K.CONTENT_POLICY_OUTPUT: "50511 50512 50516 50517 50519",
            K.RATE_LIMITED: "50429 50430",
            K.PERMISSION_DENIED: "3018 50400",
            K.UPSTREAM_INTERNAL: "50500 50501 50520 50521 50522",
            K.AUTH_INVALID: "1015 34010105 signaturedoesnotmatch invalidaccesskey invalidcredential",
        },
        {K.PARAMETER_INVALID: "50200 50207"},
    ),
    "vidu": table(
        {
            K.REFERENCE_IMAGE_INVALID: (
                "pagesizeoutofrange imagedownloadfailure imageformatinvalid imagecheckbodyjointsfailed "
                "imagecheckfacefailed imageobjectsundetected"
            ),
            K.PARAMETER_INVALID: "fieldlacking fieldunwanted fielditemcountoutofrange fieldinvalid",
            K.RATE_LIMITED: "operationinprocess quotaexceeded toomanyrequests systemthrottling",
            K.CONTENT_POLICY_INPUT: "taskpromptpolicyviolation auditsubmitillegal",
            K.CONTENT_POLICY_OUTPUT: "creationpolicyviolation",
            K.QUOTA_EXHAUSTED: "creditinsufficient",
            K.CANCELED: "usercancelled canceled",
            K.TASK_NOT_FOUND: "tasknotfound creationnotfound",
            K.MODEL_NOT_FOUND: "modelunavailable",
        },
        {
            K.AUTH_INVALID: "unauthorized",
            K.PERMISSION_DENIED: "forbidden",
            K.PARAMETER_INVALID: "badrequest conflict",
            K.UPSTREAM_INTERNAL: "internalservicefailure",
        },
    ),
    "novita": table(
        {
            K.AUTH_INVALID: "invalid_api_key failed_to_auth",
            K.QUOTA_EXHAUSTED: (
                "not_enough_balance billing_balance_not_enough billing_failed billing_auth_failed"
            ),
            K.MODEL_NOT_FOUND: "model_not_found",
            K.PERMISSION_DENIED: "access_deny api_not_allowed feature_requires_private_deploy",
            K.RATE_LIMITED: "rate_limit_exceeded concurrent_limit",
            K.CONTENT_POLICY_INPUT: "illegal_image_content illegal_prompt",
            K.REFERENCE_IMAGE_INVALID: (
                "image_no_face_detected image_file_exceeds_max_size invalid_image_format "
                "image_exceeds_max_resolution invalid_image_size download_image_failed "
                "failed_to_download_image image_download_failed"
            ),
            K.UPSTREAM_OVERLOADED: "server_overload service_not_available",
            K.TASK_NOT_FOUND: "task_not_found",
        },
        {K.PARAMETER_INVALID: "invalid_request_body", K.UPSTREAM_INTERNAL: "internal_error service_error"},
    ),
    "midjourney": table(
        {
            K.RATE_LIMITED: "23 30 queue_full",
            K.CONTENT_POLICY_INPUT: "24 banned_prompt",
            K.TASK_NOT_FOUND: "3",
            K.CONTENT_POLICY_OUTPUT: "banned",
            K.ACCOUNT_SUSPENDED: "pending_mod_message blocked",
            K.QUOTA_EXHAUSTED: "credits_exhausted",
        },
        {K.PARAMETER_INVALID: "4 invalid_parameter invalid_link", K.UPSTREAM_INTERNAL: "9"},
    ),
    "fal": table(
        {
            K.CONTENT_POLICY_INPUT: "content_policy_violation",
            K.CONTENT_POLICY_OUTPUT: "no_media_generated",
            K.REFERENCE_IMAGE_INVALID: (
                "image_too_small image_too_large image_load_error file_download_error face_detection_error "
                "file_too_large unsupported_image_format unsupported_audio_format unsupported_video_format "
                "invalid_archive archive_file_count_below_minimum archive_file_count_exceeds_maximum "
                "video_duration_too_long video_duration_too_short audio_duration_too_long "
                "audio_duration_too_short"
            ),
            K.PARAMETER_INVALID: (
                "greater_than greater_than_equal less_than less_than_equal multiple_of sequence_too_short "
                "sequence_too_long string_too_short string_too_long one_of literal_error "
                "feature_not_supported missing enum value_error.missing type_error.integer "
                "type_error.float"
            ),
            K.TIMEOUT: "generation_timeout request_timeout startup_timeout client_disconnected",
            K.UPSTREAM_OVERLOADED: "downstream_service_unavailable runner_scheduling_failure",
            K.UPSTREAM_INTERNAL: (
                "downstream_service_error runner_connection_timeout runner_disconnected "
                "runner_connection_refused runner_connection_error runner_incomplete_response "
                "runner_server_error"
            ),
            K.CANCELED: "client_cancelled",
        },
        {K.UPSTREAM_INTERNAL: "internal_server_error", K.PARAMETER_INVALID: "value_error bad_request"},
    ),
    "runway": table(
        {
            K.CONTENT_POLICY_INPUT: "safety.input input_preprocessing.safety",
            K.CONTENT_POLICY_OUTPUT: "safety.output",
            K.REFERENCE_IMAGE_INVALID: "asset.invalid input_preprocessing.asset",
            K.UPSTREAM_INTERNAL: "internal.bad_output input_preprocessing.internal internal",
            K.UPSTREAM_OVERLOADED: "throttled",
        }
    ),
    "luma": table(
        {
            K.CONTENT_POLICY_INPUT: "content_moderated",
            K.UPSTREAM_INTERNAL: "generation_failed output_not_found",
            K.QUOTA_EXHAUSTED: "budget_exhausted",
            K.REFERENCE_IMAGE_INVALID: "image_too_large unsupported_format corrupt_input",
            K.RATE_LIMITED: "rate_limited",
        },
        {K.PARAMETER_INVALID: "invalid_request"},
    ),
    "bfl": table(
        {
            K.CONTENT_POLICY_INPUT: "request_moderated",
            K.CONTENT_POLICY_OUTPUT: "content_moderated",
            K.TASK_NOT_FOUND: "task_not_found",
        }
    ),
    "replicate": table(
        {
            K.CONTENT_POLICY_INPUT: "e005 e006",
            K.REFERENCE_IMAGE_INVALID: "e9825",
            K.PARAMETER_INVALID: "e9243",
            K.UPSTREAM_OVERLOADED: "e004 e6716 e8765",
            K.UPSTREAM_INTERNAL: "e1001",
            K.CANCELED: "aborted",
        }
    ),
    "runware": table(
        {
            K.AUTH_INVALID: "invalidapikey missingapikey",
            K.QUOTA_EXHAUSTED: "insufficientcredits",
            K.MODEL_NOT_FOUND: "invalidmodel modelnotfound",
            K.CONTENT_POLICY_INPUT: "invalidprovidercontent nsfwcontent",
            K.TIMEOUT: "timeoutprovider",
            K.RATE_LIMITED: "ratelimitexceeded",
        }
    ),
    "stability": table(
        {
            K.QUOTA_EXHAUSTED: "payment_required insufficient_balance",
            K.CONTENT_POLICY_INPUT: "content_moderation invalid_prompts",
            K.REFERENCE_IMAGE_INVALID: "payload_too_large",
            K.RATE_LIMITED: "rate_limit_exceeded",
        },
        {K.AUTH_INVALID: "unauthorized", K.PARAMETER_INVALID: "bad_request invalid_parameters"},
    ),
}
