"""Stems that several rules look for: what a key, an image, and refused content are called."""

from schemas.reading.words.rule import one_of

KEYS = one_of(
    r"""
    api[ _-]?keys?|access[ _-]?keys?|(?:access|auth\w{0,20}|session|bearer)?[ _-]?token(?!s)
    credentials?|jwt|signature|secret[ _-]?key|subscription[ _-]?key|cookie
    """
)
IMAGE = one_of(
    r"""
    images?|pictures?|photos?|masks?|videos?|audios?|faces?|(?:first|last)[ _]frames?|frames?|img
    media|files?|mimetype|mime[ _]type|assets?|image_url|input_reference|attachments?
    """
)
BAD_IMAGE = one_of(
    r"""
    invalid|unsupported|corrupt\w*|too (?:large|small|big|long|short|many)|not (?:be )?(?:found|
    detected|supported|accessible|reachable|valid|readable|downloaded|represent|loaded|decoded|
    fetched|opened|identified|processed)|(?:fail\w*|unable|error|could not|cannot|can't|
    timeout)[^.\n]{0,20}(?:download|fetch|load|read|decod|pars|process|open|access|retriev|
    identif|moderat)\w*|exceed\w*|resolution|pixels?|dimensions?|aspect[ _]ratio|format
    at least \d|at most \d|smaller than|larger than|greater than|minimum|maximum|no face|mimetype
    invalid mode
    """
)
CONTENT_ZH = one_of(
    r"""
    内容|文本|文字|图片|图像|提示词|输入|输出|视频|音频|素材|作品|结果
    """
)
REFUSED_ZH = one_of(
    r"""
    违规|敏感|审核|不合规|不合法|不安全|风险|不当|违禁|政策|侵权
    """
)
FLAGGED = one_of(
    r"""
    safety|moderat\w*|nsfw|(?<!case[ -])(?<!case)sensitive(?! to)|inappropriate|prohibited
    violat\w+|responsible ai|content[ _-]?polic\w+|content[ _-]?filter\w*
    content management policy|flagged|usage polic\w+|community guidelines?|disallowed content
    copyright\w*|real person|likeness|celebrit\w+|public figure|sexual\w*|harmful|nudity
    blacklisted|banned (?:word|prompt|content)\w*|trademark|risk not pass|risk control|filtered
    blocked by (?:our )?(?:content|safety|moderation)|unsafe|third[- ]party content
    """
)
