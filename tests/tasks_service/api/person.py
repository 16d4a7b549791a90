"""What a person decides over HTTP, and what everybody reads of it."""

from typing import Any

import httpx

REASON = "seen in the provider's console"


async def decide(client: httpx.AsyncClient, name: str, decision: str, **more: Any) -> httpx.Response:
    body = {"decision": decision, "reason": REASON} | more
    return await client.post(f"/v1/tasks/{name}/decisions", json=body)


async def told(client: httpx.AsyncClient, name: str) -> list[tuple[str, str, str]]:
    entries = (await client.get(f"/v1/tasks/{name}/history")).json()["data"]
    return [(one["actor"], one["reason"], one["detail"]) for one in entries if one["type"] == "decision"]
