"""What to have at hand before a failure is taken to anybody else."""

from collections.abc import Mapping
from types import MappingProxyType

from schemas.failures.kinds import Evidence, Said

# On record for every task, without anyone remembering to write it down.
ALWAYS = (
    Evidence.EXACT_WORDS,
    Evidence.REQUEST_IDS,
    Evidence.TIME,
    Evidence.TASK,
    Evidence.MODEL,
    Evidence.ACCOUNT,
)

EVIDENCE: Mapping[Evidence, Said] = MappingProxyType(
    {
        Evidence.EXACT_WORDS: Said("the exact text of the error and its status", "错误原文和状态码"),
        Evidence.REQUEST_IDS: Said("the request ids of both sides", "双方的请求编号"),
        Evidence.TIME: Said("the time at which it happened", "发生时间"),
        Evidence.TASK: Said("the task's id here and at the provider", "任务在本系统和上游的编号"),
        Evidence.MODEL: Said("the model as it was asked for and as it was sent", "所选模型和实际发送的模型"),
        Evidence.ACCOUNT: Said("the account that asked", "提交任务的账号"),
        Evidence.KEY: Said(
            "the first and last letters of the key, and never the whole key",
            "密钥开头和结尾的几个字符，不要提供完整密钥",
        ),
        Evidence.BALANCE: Said(
            "what is left of the balance, of the group's share and of the key's own limit",
            "账户余额、分组额度和该密钥自身额度的剩余量",
        ),
        Evidence.REQUEST_RATE: Said("how many requests were sent in that minute", "当时每分钟的请求数"),
        Evidence.PARAMETERS: Said(
            "ratio, resolution, duration, audio, seed and watermark as they were sent",
            "提交时的比例、分辨率、时长、声音、种子和水印设置",
        ),
        Evidence.PROMPT: Said("the prompt as it was sent", "提交时的提示词"),
        Evidence.REFERENCE_IMAGE: Said(
            "the reference image with its size and format",
            "参考图及其尺寸、格式",
        ),
        Evidence.INPUT_SIZE: Said("how large the request was", "请求内容的大小"),
        Evidence.TRIES: Said("how often it was tried", "尝试次数"),
        Evidence.CLIENT: Said("the name and version of the program that asked", "发起请求的程序名称和版本"),
        Evidence.STREAMING: Said(
            "whether the answer was asked for in pieces",
            "是否开启了分段返回",
        ),
        Evidence.CHARGE: Said("what the provider's bill shows for it", "上游账单上该任务的记录"),
        Evidence.RESULT_LINK: Said(
            "when the result was ready, and when it was first fetched",
            "结果生成的时间和首次取回的时间",
        ),
    }
)
