"""How each dialect spells the same things; a new provider adds its lines."""

SPELLING = {
    "sandbox": {
        "made": lambda status, uid="sj_1": {"id": uid, "status": status},
        "seen": lambda status: {
            "id": "sj_1",
            "status": status,
            "progress": 40,
            "results": [{"url": "http://x/f", "type": "image/png", "expires_at": "2026-11-21T00:00:00Z"}],
            "error": None,
        },
        "failed": lambda code: {
            "id": "sj_1",
            "status": "error",
            "error": {"code": code, "message": "words 原话"},
        },
        "refusal": lambda code: {"error": {"code": code, "message": "words 原话"}},
    },
    "openai_videos": {
        "made": lambda status, uid="video_1": {"id": uid, "status": status, "object": "video"},
        "seen": lambda status: {"id": "video_1", "status": status, "progress": 40, "error": None},
        "failed": lambda code: {
            "id": "video_1",
            "status": "failed",
            "error": {"code": code, "message": "words 原话"},
        },
        "refusal": lambda code: {
            "error": {"code": code, "message": "words 原话", "type": "x", "param": None}
        },
    },
    "kling": {
        "made": lambda status, uid="86728": {
            "code": 0,
            "message": "SUCCEED",
            "data": {"task_id": uid, "task_status": status},
        },
        "seen": lambda status: {
            "code": 0,
            "message": "SUCCEED",
            "data": {
                "task_id": "86728",
                "task_status": status,
                "task_status_msg": "words 原话",
                "task_result": {"videos": [{"id": "1", "url": "http://x/f", "duration": "5"}]},
            },
        },
        "failed": None,  # a task that failed has words and no code
        "refusal": lambda code: {
            "code": int(code) if code.isdigit() else code,
            "message": "words 原话",
            "request_id": "r",
        },
    },
    "ark_seedance": {
        "made": lambda status, uid="cgt-1": {"id": uid},
        "seen": lambda status: {
            "id": "cgt-1",
            "status": status,
            "error": None,
            "content": {"video_url": "http://x/f", "last_frame_url": None},
        },
        "failed": lambda code: {
            "id": "cgt-1",
            "status": "failed",
            "error": {"code": code, "message": "words 原话"},
            "content": None,
        },
        "refusal": lambda code: {
            "error": {"code": code, "message": "words 原话", "param": "", "type": "BadRequest"}
        },
    },
}
