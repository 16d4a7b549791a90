"""Words about what was asked for: content, model, images, settings, and work that was called off."""

from schemas.failures import FailureKind as K
from schemas.reading.given import Phase
from schemas.reading.words.rule import rule
from schemas.reading.words.stems import BAD_IMAGE, CONTENT_ZH, FLAGGED, IMAGE, REFUSED_ZH

CONTENT_OUTPUT = rule(
    "content_output",
    K.CONTENT_POLICY_OUTPUT,
    rf"""
        (?:output|generated|generation result|the result|resulting|
        produced)[^.\n]{{0,60}}{FLAGGED}|{FLAGGED}[^.\n]{{0,60}}\b(?:output|generated (?:image|
        video|audio|content|media|result))
        (?:image|video|picture|it) (?:we|you|was|were)[\w ]{{0,24}}(?:created|
        generated)[^.\n]{{0,60}}{FLAGGED}
        image_safety|did not respect moderation|moderation_stage\W{{1,4}}output
        post img risk not pass|nsfw content detected|raimediafiltered|respect_moderation|filtered out
        response[\w ]{{0,30}}(?:filtered|blocked)[\w ]{{0,20}}(?:due to|
        because)[\w ]{{0,12}}(?:the )?(?:output|completion|response)
        (?:生成|输出|产出|成品)(?:的|后的)?[^。\n]{{0,12}}{REFUSED_ZH}
    """,
    unless=r"""
        against generating|promot\w+ or condon|prompt trigger|input[ _](?:text|image|prompt)
        (?:generation|generated) (?:was )?(?:rejected|refused)[^.\n]{0,30}prompt
        输入[^。\n]{0,10}(?:违规|敏感)|request was rejected
    """,
)

CONTENT = rule(
    "content",
    K.CONTENT_POLICY_INPUT,
    rf"""
        {FLAGGED}|invalid prompts? detected|prompt (?:was |is |has been )?(?:rejected|blocked|
        not allowed|refused)|prompt was filtered
        {CONTENT_ZH}[^。\n]{{0,12}}{REFUSED_ZH}|{REFUSED_ZH}[^。\n]{{0,6}}{CONTENT_ZH}
        敏感(?:词|内容|信息)|违规|违禁词|审核(?:未|不|失败|拒绝)|安全(?:审核|策略|过滤|系统|规则)
        涉政|色情|版权|真人
    """,
    unless=r"""
        moderation (?:service|system|check)[^.\n]{0,20}(?:error|unavailable|timeout|fail)
        fail\w*[^.\n]{0,20}moderat\w*[^.\n]{0,60}(?:url|download|fetch|\d\d\d)|审核(?:服务|
        系统)[^。\n]{0,6}(?:错误|异常|超时)
        (?:ip|cloudflare|bot|firewall|waf)[^.\n]{0,30}(?:block|flag)|profanity filter off
        rate limit|policy for this (?:ip|region)|terms of service[^.\n]{0,20}accept
    """,
)

MODEL = rule(
    "model",
    K.MODEL_NOT_FOUND,
    r"""
        \bmodels?\b[^\n]{0,100}?\b(?:not found|not exist|n't exist|does not exist|not available|
        not support(?:ed)?(?! for)|unavailable for|not open|no longer (?:available|supported|
        exists)|deprecated|retired|decommission\w*|shut ?down|offline|is unknown)
        (?:unknown|invalid|unsupported|no such|nonexistent|unrecogni[sz]ed|
        not a valid)[\w ]{0,12} model\b|model[ _-]?(?:name|id)?[ _-]?(?:is )?(?:invalid|unknown|
        not[ _-]found)|invalid[ _]model
        no (?:available )?channels?|there are no channels|no endpoints? found
        no (?:available )?(?:provider|deployment|route)s? (?:found|available|for)
        deployment[\w ]{0,30}(?:not exist|not found)|not found for api version|taken offline
        version does not exist
        无可用渠道|没有可用的?(?:渠道|通道)|模型[^。\n]{0,60}(?:不存在|未找到|找不到|不支持|下线|
        不可用|无可用|停用)|(?:不存在|不支持|无效|未知|没有)的?(?:该|此|这个)?模型
    """,
    unless=r"""
        model(?:'s)?[\w ]{0,12}(?:overload|capacity|busy|loading)|does not support the
        all channels|temporarily|crossed|maximum context|无可用(?:令牌|账号|账户|帐号)
    """,
)

IMAGE_GIVEN = rule(
    "image_given",
    K.REFERENCE_IMAGE_INVALID,
    rf"""
        (?<![/\w]){IMAGE}\b[^\n]{{0,80}}?{BAD_IMAGE}|{BAD_IMAGE}[^\n]{{0,60}}?(?<![/\w]){IMAGE}\b
        (?:request|payload|body|content)[\w ]{{0,8}}too large
        (?:download|fetch|load|read)[\w ]{{0,12}}{IMAGE}[\w ]{{0,8}}fail
        (?:图片|图像|参考图|首帧|尾帧|首尾帧|文件|人脸|照片|素材|音频|原图|
        主体)[^。\n]{{0,20}}(?:无效|过大|过小|太大|太小|不支持|格式|尺寸|分辨率|下载失败|获取失败|
        无法|损坏|未检测|像素|解析|读取|超过|比例|为空|不合法|不符合|不存在|上传失败)|(?:下载|
        获取|读取|解析|上传|识别)[^。\n]{{0,6}}(?:图片|图像|文件|参考图|
        素材)[^。\n]{{0,8}}(?:失败|错误|超时)|未检测到(?:人脸|主体)
    """,
    unless=r"""
        \bsize must be|size[^.\n]{0,20}(?:supported|one of)|n must be|partial[ _]images|prompt
        role must be|(?:generat\w+|creat\w+|mak\w+)[\w ]{0,20}(?:image|video)s?[\w ]{0,20}(?:fail|
        error|time)|json|max_tokens|image generation|image-\d|gpt-image|text-to-image model
        unsupported parameter|video_?length|does not support|response_format|out of memory
        storage quota|number of images|connection|certificate|no such host|\bstream|http status
        timed? ?out(?! while)|deadline|rate[ -]limit
        (?:images?|videos?|files?) (?:per|a|/) ?(?:minute|second|hour|day|week|month)
        videos? with (?:the |this )?id\b|请求体|参数
    """,
    phases=(Phase.SUBMIT, Phase.POLL),
)

SETTING = rule(
    "setting",
    K.PARAMETER_INVALID,
    r"""
        (?:invalid|illegal|unsupported|unknown|unrecogni[sz]ed|incorrect|bad|missing|wrong|
        unexpected|unsupport)[\w '`\"-]{0,24}\b(?:value|param\w*|argument|type|size|request|json|
        field|input|body|propert\w*|option|keyword|name|duration|resolution|ratio|prompt|n|syntax|
        content)\b
        param\w*[^.\n]{0,60}(?:invalid|not (?:valid|supported|specified|allowed)|missing|required|
        incorrect|error|wrong)|(?:is|are) (?:a )?required|is not one of|not in \[
        is not (?:a )?valid|not valid json|must (?:be|have|contain|not|match|specify|provide)
        should be|out of range|exceeds? (?:the )?(?:max|limit)\w*|validation (?:error|fail|of)
        bad ?request|does(?: not|n't) support|(?:is |are )?not supported|unsupported|too (?:long|
        short|large|small|many)|max(?:imum)?[\w ]{0,16}(?:length|tokens|size|characters)
        maximum context|expected[^.\n]{0,30}(?:but|got)|cannot be (?:empty|blank|null|used)
        not be (?:empty|blank|null)|unprocessable|method not allowed|already have a request
        at least one|at (?:most|least) \d|not a multiple|divisible|no keyframes|extra inputs
        field required|input should|string too|cannot unmarshal|failed to deserialize
        unknown field|already exists|not implemented|contain[\w ]{0,12}invalid
        not found in (?:request|body)|validationerror
        参数[^。\n]{0,24}(?:错误|无效|不合法|缺失|不支持|有误|为空|异常|不正确|非法)|(?:无效|非法|
        错误|不支持|缺少)的?[^。\n]{0,10}(?:参数|请求|值|尺寸|格式|比例|字段|时长|分辨率)
        不能为空|缺少|必须|必填|不支持|不合法|超出[^。\n]{0,6}(?:范围|长度)|过长|未指定|请求无效
        请求体
    """,
    unless=r"""
        invalid (?:response|json response|character|content from)|unexpected (?:error|token|
        response|status)|wrong on our|invalid status code|not supported at this time
    """,
)

CALLED_OFF = rule(
    "called_off",
    K.CANCELED,
    r"""
        \b(?:status|state)\W{1,4}cancel|\b(?:task|job|generation|prediction)\b (?:is |was |has been )?cancel
        (?:任务|作业)[^。\n]{0,6}取消
    """,
    unless=r"""
        (?:cannot|can not|can't|fail\w* to|could not) cancel|context cancel
        无法取消|不能取消|取消失败
    """,
)

# The work goes on where only the one who waited for it has gone: nobody knows what became of it.
WENT_AWAY = rule(
    "went_away",
    K.TIMEOUT,
    r"""
        \babort\w*|cancel(?:l?ed|lation)|client[\w ]{0,12}(?:disconnect|closed|gone|went away)
        closed request|(?:客户端|用户)[^。\n]{0,8}(?:断开|取消|中止)|(?:请求|已|被)[^。\n]{0,4}取消
    """,
    unless=r"(?:cannot|can not|can't|fail\w* to|could not) cancel|无法取消|不能取消|取消失败",
)
