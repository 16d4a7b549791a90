"""Tasks that their upstream has already, straight into the tables: thousands in a second."""

import asyncio

import asyncpg

_CROWD = """
WITH crowd AS MATERIALIZED (
    SELECT id, n, sha256(id::text::bytea) AS sha
    FROM (SELECT uuidv7() AS id, n FROM generate_series(1, $1::integer) AS n) AS made
), work AS (
    INSERT INTO live_work (account_id, fingerprint, task_id) SELECT $2, sha, id FROM crowd
), event AS (
    INSERT INTO task_event (task_id, seq, from_state, to_state, actor, cause)
    SELECT id, 1, NULL, 'submitted', 'bench', 'accepted' FROM crowd
    UNION ALL SELECT id, 2, 'submitted', 'queued', 'bench', 'upstream_accepted' FROM crowd
)
INSERT INTO task (id, account_id, key_id, state, seq, due_at, model, kind, provider, route, request, request_sha256,
                  fingerprint, checked, not_checked, spend, attempt, upstream_id, queued_at)
SELECT id, $2, 'k1234567', 'queued', 2, now() - interval '1 hour', 'sandbox-video-1', 'video', 'sandbox', 'studio',
       '{"model": "sandbox-video-1", "prompt": "a boat"}', sha, sha, '{prompt_is_given,ratio_is_offered}', '{}',
       'confirmed', 1, format('job-%s-%s', $3::bigint + (n * $4::float)::bigint, n), now()
FROM crowd
"""
NEVER = 9_000_000_000_000


async def crowd(dsn: str, tasks: int, ready_ms: int = NEVER, apart_ms: float = 0) -> None:
    """So many live tasks on the route `studio`; the first is ready at a time, each other so much later."""
    connection = await asyncpg.connect(dsn)
    account = await connection.fetchval(
        "INSERT INTO account (name) VALUES ('bench') ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id"
    )
    await connection.execute(_CROWD, tasks, account, ready_ms, apart_ms)
    await connection.execute("ANALYZE task")
    await connection.close()


async def claimed(dsn: str, tasks: int, times: int = 1) -> None:
    """Returns when so many tasks have been claimed so often."""
    connection = await asyncpg.connect(dsn)
    query = "SELECT count(*) FROM task WHERE claim >= $1"
    while await connection.fetchval(query, times) < tasks:  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.05)
    await connection.close()
