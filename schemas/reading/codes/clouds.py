"""Codes of the clouds: OpenAI and its relatives, Google, Anthropic, Ark, DashScope, and object stores."""

from schemas.failures import FailureKind as K
from schemas.reading.codes.table import Table, table

TABLES: dict[str, Table] = {
    "everywhere": table(
        {
            K.AUTH_INVALID: (
                "invalid_api_key token_invalidated token_expired session_expired invalidapikey "
                "invalid_token unauthenticated account_session_invalid invalid_auth"
            ),
            K.QUOTA_EXHAUSTED: (
                "insufficient_quota billing_hard_limit_reached project_spend_limit_exceeded "
                "billing_not_active insufficient_credits insufficient_balance usage_limit_reached "
                "payment_required insufficient_funds budget_exceeded credit_balance_too_low "
                "free_quota_exhausted out_of_credits quota_exhausted balance_not_enough "
                "insufficientbalance no_credits credits_exhausted"
            ),
            K.ACCOUNT_SUSPENDED: (
                "account_deactivated account_suspended account_locked user_banned organization_deactivated "
                "organization_disabled"
            ),
            K.PERMISSION_DENIED: (
                "unsupported_country_region_territory unsupported_country organization_not_verified "
                "sentinel_block ip_not_allowed cloudflare_challenge model_not_allowed"
            ),
            K.MODEL_NOT_FOUND: (
                "model_not_found deploymentnotfound modelnotfound model_not_supported unknown_model "
                "invalid_model deployment_not_found no_endpoints_found"
            ),
            K.CONTENT_POLICY_OUTPUT: (
                "image_safety prohibited_content image_prohibited_content recitation image_recitation spii "
                "blocklist output_moderation content_filtered"
            ),
            K.CONTENT_POLICY_INPUT: (
                "moderation_blocked content_policy_violation input_moderation content_filter "
                "responsibleaipolicyviolation sensitive_words_detected prompt_blocked "
                "content_moderation_failed"
            ),
            K.RATE_LIMITED: (
                "rate_limit_exceeded rate_limit_reached_error rate_limit_error concurrency_limit_exceeded "
                "requests_limit_exceeded"
            ),
            K.UPSTREAM_OVERLOADED: (
                "overloaded_error server_overloaded engine_overloaded engine_overloaded_error "
                "server_is_overloaded slow_down capacity_exceeded model_overloaded"
            ),
            K.PARAMETER_INVALID: (
                "invalid_value invalid_type missing_required_parameter unknown_parameter "
                "unsupported_parameter unsupported_value invalid_field_value context_length_exceeded "
                "string_above_max_length integer_above_max_value integer_below_min_value invalid_size "
                "invalid_json"
            ),
            K.REFERENCE_IMAGE_INVALID: (
                "invalid_image_file invalid_image invalid_image_url image_parse_error invalid_image_format "
                "image_too_large unsupported_image_media_type failed_to_download_image"
            ),
        },
        {
            K.AUTH_INVALID: (
                "authentication_error unauthorized authenticationerror auth_error unauthorized_error "
                "authentication_failed"
            ),
            K.PERMISSION_DENIED: (
                "permission_error permission_denied forbidden access_denied accessdenied permissiondenied"
            ),
            K.PARAMETER_INVALID: (
                "invalid_request_error invalid_request bad_request badrequest image_generation_user_error "
                "video_generation_user_error invalid_argument failed_precondition invalid_parameter "
                "invalidparameter out_of_range unprocessable_entity validation_error"
            ),
            K.RATE_LIMITED: (
                "resource_exhausted throttling_error too_many_requests toomanyrequests requests tokens"
            ),
            K.MODEL_NOT_FOUND: "not_found_error",
            K.UPSTREAM_OVERLOADED: "unavailable service_unavailable",
            K.TIMEOUT: "deadline_exceeded timeout_error timeout gateway_timeout",
            K.UPSTREAM_INTERNAL: (
                "server_error internal_error internal_server_error api_error internal "
                "image_generation_server_error video_generation_failed"
            ),
            K.CONTENT_POLICY_OUTPUT: "safety",
        },
    ),
    "gemini": table({}, {K.UPSTREAM_INTERNAL: "13"}),
    "vertex": table(
        {K.PERMISSION_DENIED: "7", K.TIMEOUT: "4", K.UPSTREAM_OVERLOADED: "14"},
        {K.PARAMETER_INVALID: "3", K.RATE_LIMITED: "8", K.UPSTREAM_INTERNAL: "13"},
    ),
    "volcengine": table(
        {
            K.REFERENCE_IMAGE_INVALID: (
                "invalidparameter.oversizedimage invalidparameter.unsupportedimageformat "
                "invalidimageurl.emptyurl invalidimageurl.invalidformat invalidimageurl"
            ),
            K.MODEL_NOT_FOUND: (
                "invalidendpointormodel invalidendpointormodel.notfound modelnotopen "
                "invalidparameter.unsupportedmodel invalidendpoint invalidendpoint.closedendpoint"
            ),
            K.PARAMETER_INVALID: "missingparameter",
            K.CONTENT_POLICY_INPUT: (
                "inputtextsensitivecontentdetected inputimagesensitivecontentdetected "
                "inputvideosensitivecontentdetected inputaudiosensitivecontentdetected "
                "inputtextriskdetection inputimageriskdetection sensitivecontentdetected"
            ),
            K.CONTENT_POLICY_OUTPUT: (
                "outputtextsensitivecontentdetected outputimagesensitivecontentdetected "
                "outputvideosensitivecontentdetected outputaudiosensitivecontentdetected "
                "outputtextriskdetection outputimageriskdetection"
            ),
            K.AUTH_INVALID: "authenticationerror signaturedoesnotmatch invalidaccesskey",
            K.PERMISSION_DENIED: (
                "operationdenied operationdenied.servicenotopen invalidendpointormodel.modelidaccessdisabled"
            ),
            K.QUOTA_EXHAUSTED: (
                "accountoverdueerror operationdenied.serviceoverdue setlimitexceeded "
                "operationdenied.filequotaexceeded"
            ),
            K.RATE_LIMITED: (
                "ratelimitexceeded modelaccountrpmratelimitexceeded modelaccounttpmratelimitexceeded "
                "modelaccountipmratelimitexceeded apiaccountrpmratelimitexceeded accountratelimitexceeded "
                "requestbursttoofast inflightbatchsizeexceeded"
            ),
            K.UPSTREAM_OVERLOADED: "serveroverloaded modelloadingerror",
            K.UPSTREAM_INTERNAL: "internalserviceerror contentsecuritydetectionerror",
        },
        {
            K.PARAMETER_INVALID: "invalidparameter invalidargumenterror",
            K.PERMISSION_DENIED: "accessdenied",
            K.QUOTA_EXHAUSTED: "quotaexceeded",  # or of tasks that wait, as the words beside it tell
        },
    ),
    "dashscope": table(
        {
            K.QUOTA_EXHAUSTED: (
                "arrearage allocationquota.freetieronly prepaidbilloverdue postpaidbilloverdue "
                "commoditynotpurchased accessdenied.unpurchased"
            ),
            K.AUTH_INVALID: "invalidapikey invalid_api_key",
            K.PERMISSION_DENIED: "workspace.accessdenied model.accessdenied app.accessdenied",
            K.MODEL_NOT_FOUND: "modelnotfound workspacenotfound model_not_supported",
            K.TIMEOUT: "requesttimeout internalerror.timeout",
            K.RATE_LIMITED: (
                "throttling throttling.ratequota throttling.allocationquota throttling.burstrate "
                "limitrequests throttling.user"
            ),
            K.UPSTREAM_OVERLOADED: "modelunavailable modelserviceunavailable",
            K.UPSTREAM_INTERNAL: "systemerror rewritefailed modelservicefailed",
            K.REFERENCE_IMAGE_INVALID: (
                "badrequest.toolarge badrequest.inputdownloadfailed badrequest.unsupportedfileformat "
                "invalidparameter.datainspection invalidurl invalidimage.fileformat "
                "invalidimage.resolution invalidfile.duration"
            ),
            K.CONTENT_POLICY_INPUT: "faqruleblocked customroleblocked ipinfringementsuspect",
            K.PARAMETER_INVALID: (
                "badrequest.emptyinput badrequest.emptyparameters badrequest.emptymodel unsupportedoperation"
            ),
        },
        {
            K.PARAMETER_INVALID: "invalidparameter",
            K.PERMISSION_DENIED: "accessdenied",
            K.TASK_NOT_FOUND: "unknown",  # the state of a task that it does not know, or no more
            K.CONTENT_POLICY_INPUT: (
                "datainspectionfailed internalerror.algo.datainspectionfailed data_inspection_failed"
            ),
            K.UPSTREAM_INTERNAL: "internalerror internalerror.algo",
        },
    ),
    "stores": table(
        {K.RATE_LIMITED: "slowdown", K.ACCOUNT_SUSPENDED: "userdisable"},
        {},
    ),
}
