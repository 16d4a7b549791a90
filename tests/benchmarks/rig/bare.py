"""What ours stands beside: FastAPI routes that do as little as such a route can, on the same server program.

`/insert` makes the rows of a task in one statement: no checks, no guards, one transaction for each request.
"""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg
import uvicorn
from fastapi import FastAPI, Request, Response
from uuid_utils.compat import uuid7

INSERT = """
WITH guard AS (INSERT INTO live_work (account_id, fingerprint, task_id) VALUES ($2, $3, $1)),
first_event AS (
    INSERT INTO task_event (task_id, seq, to_state, actor, cause) VALUES ($1, 1, 'submitted', 'bare', 'accepted')
)
INSERT INTO task (id, account_id, key_id, state, seq, due_at, model, kind, provider, route, request, request_sha256,
                  fingerprint, checked, not_checked)
VALUES ($1, $2, 'bare', 'submitted', 1, now(), 'bare', 'image', 'bare', 'bare', $4, $3, $3, '{}', '{}')
RETURNING *
"""
ANSWER = b'{"status":"ok"}'


def app() -> FastAPI:
    """The bare app."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with asyncpg.create_pool(os.environ["DATABASE_URL"], max_size=10, reset=_keep) as pool:
            app.state.pool = pool
            app.state.account = await pool.fetchval("SELECT min(id) FROM account")
            yield

    bare = FastAPI(lifespan=lifespan)

    @bare.post("/bare", status_code=202)
    async def take(request: Request) -> Response:
        return Response(await request.body(), 202, media_type="application/json")

    @bare.get("/bare/{name}")
    async def give(name: str) -> Response:
        return Response(ANSWER, media_type="application/json")

    @bare.post("/insert", status_code=202)
    async def insert(request: Request) -> Response:
        body, task_id = await request.body(), uuid7()
        state = request.app.state
        await state.pool.fetchrow(INSERT, task_id, state.account, task_id.bytes * 2, body.decode())
        return Response(body, 202, media_type="application/json")

    return bare


async def _keep(connection: object) -> None:
    """As ours: nothing is reset between requests."""


if __name__ == "__main__":
    uvicorn.run(app(), port=int(os.environ["PORT"]), log_level="warning", access_log=False)
