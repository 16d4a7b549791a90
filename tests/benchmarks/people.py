"""What people ask for, invented: prompts in Chinese and English, ids of both sides, and some failures."""

import hashlib
import json
import random
import time
from dataclasses import dataclass
from uuid import UUID

from schemas.ids import task_id_text

_ENGLISH = (
    "a the of in with over and under near slow warm soft cinematic light rain snow boat paper harbor street night "
    "morning golden hour drone shot camera pans left right close-up portrait woman man child dog cat horse city "
    "mountain river lake forest desert ocean wave cloud sky neon sign bicycle train station market coffee cup steam "
    "window glass reflection shallow depth field film grain 35mm handheld tracking dolly zoom timelapse slow-motion "
    "watercolor ink anime photorealistic 4k detailed texture wooden table flowers cherry blossom temple lantern "
    "festival fireworks dancer silk dress wind hair smile looking walking running flying falling floating spinning "
    "product bottle perfume shoe watch logo white background studio lighting softbox rim shadow minimal elegant"
)
_CHINESE = (
    "雨中的纸船 从上方俯拍 缓慢推进 暖色灯光 电影质感 胶片颗粒 夜晚街道 霓虹招牌 清晨薄雾 金色时刻 无人机航拍 "
    "镜头左移 特写 人像 年轻女子 老人 孩子 小狗 白猫 骏马 城市天际线 雪山 河流 湖面倒影 森林 沙漠 海浪 云层 星空 "
    "自行车 火车站 集市 咖啡杯 热气升腾 玻璃窗 浅景深 手持拍摄 延时摄影 慢动作 水彩 水墨 动漫风格 写实 高清细节 "
    "木桌 鲜花 樱花 古寺 灯笼 节日烟花 舞者 丝绸长裙 随风飘动 微笑 行走 奔跑 漂浮 旋转 产品展示 香水瓶 运动鞋 "
    "手表 白色背景 影棚灯光 柔光 轮廓光 极简 优雅 国风 汉服 长城 江南水乡 竹林 茶园 舞狮 龙舟 春节 中秋 月亮"
)
_FAILURES = (
    (
        "rate_limited",
        429,
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    (
        "quota_exhausted",
        401,
        "Token amount has been exhausted, the remaining quota is not enough for this call",
    ),
    ("content_policy_input", 400, "提示词未通过内容安全审核，请修改后重试"),
    ("upstream_internal", 500, "Internal error while rendering the video, please contact support"),
    ("reference_image_invalid", 400, "图片尺寸不符合要求，短边至少需要三百像素"),
)
_SYLLABLES = "ka zu mi ro ve tan lor quin bex dro fay gul hep jin kor lum nar pox rin sev"
_DAYS = 25


@dataclass(frozen=True, slots=True)
class Asked:
    """One task, as its columns are loaded; what is only asked for comes last."""

    id: UUID
    account_id: int
    key_id: str
    request: str
    fingerprint: bytes
    upstream_id: str
    external_id: str
    request_id: str
    upstream_request_id: str
    key: str
    digest: str
    failure_kind: str | None
    failure_status: int | None
    failure_message: str | None
    shown: str
    key_tail: str
    error_text: str
    rare_en: str
    rare_zh: str
    common_en: str
    other_en: str
    common_zh: str


def asked_by(chance: random.Random, number: int) -> Asked:
    """The task of that number; a later one is newer."""
    now_ms = int(time.time() * 1000) - _DAYS * 86_400_000 + number * 10_000
    task_id = UUID(int=now_ms << 80 | 7 << 76 | chance.getrandbits(76) & ~(1 << 63) | 1 << 63)
    rare_en = "".join(chance.choices(_SYLLABLES.split(), k=4))
    rare_zh = "".join(chr(0x4E00 + chance.randrange(6000)) for _ in range(2))
    english = [*chance.choices(_ENGLISH.split(), k=chance.randint(12, 45)), rare_en]
    chinese = [*chance.choices(_CHINESE.split(), k=chance.randint(6, 25)), rare_zh]
    prompt = " ".join(english) + "，" + "，".join(chinese if number % 2 else chinese[-3:])
    account = number % 20 + 1
    kind, status, said = chance.choice(_FAILURES) if chance.random() < 0.1 else (None, None, None)
    theirs = f"20261125{chance.getrandbits(64):016x}"
    return Asked(
        id=task_id,
        account_id=account,
        key_id=f"{account:k>8}",
        request=json.dumps(
            {
                "model": "sandbox-video-1",
                "prompt": prompt,
                "ratio": "16:9",
                "resolution": "720p",
                "duration_s": 5.0,
            },
            ensure_ascii=False,
        ),
        fingerprint=hashlib.sha256(prompt.encode()).digest(),
        upstream_id=f"cgt-{chance.getrandbits(80):020x}",
        external_id=f"order-{chance.randrange(10**9)}-{number}",
        request_id=f"req_{chance.getrandbits(128):032x}",
        upstream_request_id=theirs,
        key=f"{chance.getrandbits(128):032x}",
        digest=hashlib.sha256(task_id.bytes).hexdigest(),
        failure_kind=kind,
        failure_status=status,
        failure_message=f"{said} (request id: {theirs})" if said else None,
        shown=task_id_text(task_id),
        key_tail=f"{account:w>4}",
        error_text='{"error": {"message": "Something the customer saw on a screen, pasted whole, with all around it", '
        f'"type": "rix_api_error", "code": 401}}}}\n(request id: {theirs})',
        rare_en=rare_en,
        rare_zh=rare_zh,
        common_en=max(english[:4], key=len),
        other_en=max(english[5:9], key=len),
        common_zh=chinese[-2],
    )
