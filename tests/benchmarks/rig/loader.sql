-- prepare: whatever runs here is a bulk load; the constraints are held by how the rows are made, and counted after it
SELECT set_config('session_replication_role', :role, false), set_config('synchronous_commit', 'off', false),
       set_config('work_mem', '128MB', false), setseed(0);

-- accounts: who pays; a few have most of the tasks
INSERT INTO account (name) SELECT 'bench-' || n FROM generate_series(1, 40) AS n RETURNING id;

-- draws: what each task of a stretch is like, drawn from a digest of its number and the seed, so always the same
CREATE TEMPORARY TABLE IF NOT EXISTS drawn (
    n bigint, id uuid, created_at timestamptz, account_id bigint, model text, kind text, provider text, route text,
    endpoint text, fate text, request jsonb, fingerprint bytea, key text, upstream_id text, failure_kind text,
    failure_code text, failure_message text, external_id text, metadata jsonb, spread integer
);

-- empty: the stretch before is written
TRUNCATE drawn;

-- draw: one stretch of tasks. Each step is materialized, or PostgreSQL would draw again wherever it is named
INSERT INTO drawn
WITH numbered AS MATERIALIZED (
    SELECT n, sha256(int8send(n) || int8send(:seed::bigint)) AS digest,
           :began::timestamptz + (:ended::timestamptz - :began::timestamptz) * (n::float8 / :tasks::bigint) AS created_at
    FROM generate_series(:first::bigint, :last::bigint) AS n
), digested AS MATERIALIZED (
    SELECT *, get_byte(digest, 0) AS luck, get_byte(digest, 1) AS stage, get_byte(digest, 2) AS shape,
           get_byte(digest, 3) AS mark, get_byte(digest, 4) AS of_failure, get_byte(digest, 5) AS of_model,
           get_byte(digest, 6) AS of_prompt, 256 * get_byte(digest, 7) + get_byte(digest, 8) AS wide,
           get_byte(digest, 9) AS payer
    FROM numbered
), fated AS MATERIALIZED (
    SELECT *, CASE WHEN luck < 205 OR n <= :older::bigint AND luck >= 247 THEN 'downloaded' WHEN luck < 247 THEN 'failed'
                   WHEN stage < 100 THEN 'running' WHEN stage < 150 THEN 'queued' WHEN stage < 180 THEN 'done'
                   WHEN stage < 230 THEN 'submitted' ELSE 'parked' END AS fate,
        CASE WHEN mark < 80 THEN jsonb_build_object('campaign', 'c' || wide % 500, 'shot', (shape % 90)::text)
             ELSE '{}' END AS metadata,
        CASE WHEN mark > 150 THEN 'order-' || n END AS external_id,
        string_to_array((:models::text[])[1 + of_model % cardinality(:models::text[])], ' ') AS m,
        string_to_array((:failures::text[])[1 + of_failure % cardinality(:failures::text[])], '|') AS f
    FROM digested
)
SELECT n,
    encode(int8send((extract(epoch FROM created_at) * 1000)::bigint << 16 | 28672 | (n & 4095))
           || substr(digest, 11, 8), 'hex')::uuid,
    created_at, :first_account::bigint + payer * payer * payer * 40 / 16777216, m[1], m[2], m[3], m[3], m[4], fate,
    jsonb_strip_nulls(jsonb_build_object(
        'model', m[1], 'prompt', (:prompts::text[])[1 + of_prompt % cardinality(:prompts::text[])] || ' ' || n,
        'ratio', (ARRAY['16:9', '9:16', '1:1'])[1 + shape % 3], 'seed', wide, 'duration_s', 5 + 5 * (shape % 2),
        'negative_prompt', 'blur, text, watermark 模糊 水印', 'metadata', metadata, 'external_id', external_id)),
    sha256(digest), 'key-' || encode(substr(digest, 1, 12), 'hex'), 'up_' || encode(substr(digest, 1, 10), 'hex'),
    CASE WHEN fate = 'failed' THEN f[1] END, CASE WHEN fate = 'failed' THEN f[2] END,
    CASE WHEN fate = 'failed' THEN f[3] || encode(substr(digest, 20, 8), 'hex') END,
    external_id, metadata, wide % 60
FROM fated;

-- events: the chain of each, as far as its fate goes
INSERT INTO task_event (task_id, seq, from_state, to_state, at, actor, cause, detail)
SELECT id, seq, from_state, to_state, created_at + make_interval(secs => seq * (3 + spread)), actor, cause,
       CASE WHEN to_state = 'failed' THEN failure_message END
FROM drawn CROSS JOIN LATERAL (VALUES
    (1, NULL, 'submitted', 'customer:bench', 'accepted', true),
    (2, 'submitted', 'queued', 'worker', 'upstream_accepted', fate <> 'submitted' AND fate <> 'parked'),
    (3, 'queued', 'running', 'worker', 'polled', fate IN ('running', 'done', 'downloaded', 'failed')),
    (4, 'running', 'done', 'worker', 'polled', fate IN ('done', 'downloaded')),
    (4, 'running', 'failed', 'provider', 'polled', fate = 'failed'),
    (5, 'done', 'downloaded', 'worker', 'files_stored', fate = 'downloaded')
) AS move (seq, from_state, to_state, actor, cause, made) WHERE made;

-- tasks: each at its last event
INSERT INTO task (id, account_id, key_id, state, seq, due_at, claim, model, kind, provider, route, endpoint, request,
                  request_sha256, fingerprint, checked, not_checked, spend, attempt, upstream_id, progress, parked,
                  parked_at, failure_kind, failure_code, failure_status, failure_message, failure_request_id,
                  external_id, metadata, created_at, queued_at, running_at, finished_at, downloaded_at, catalogue)
SELECT id, account_id, 'key' || account_id, CASE fate WHEN 'parked' THEN 'submitted' ELSE fate END,
    CASE fate WHEN 'downloaded' THEN 5 WHEN 'failed' THEN 4 WHEN 'done' THEN 4 WHEN 'running' THEN 3 WHEN 'queued' THEN 2
         ELSE 1 END,
    CASE WHEN fate NOT IN ('downloaded', 'failed') THEN now() + make_interval(secs => spread) END, 3, model, kind,
    provider, route, endpoint, request, fingerprint, fingerprint,
    ARRAY['prompt_is_given', 'ratio_is_offered', 'duration_is_offered'], '{}',
    CASE fate WHEN 'submitted' THEN 'none' WHEN 'parked' THEN 'unknown' ELSE 'confirmed' END,
    CASE fate WHEN 'submitted' THEN 0 ELSE 1 END,
    CASE WHEN fate NOT IN ('submitted', 'parked') THEN upstream_id END,
    CASE WHEN fate IN ('done', 'downloaded') THEN 100 END,
    CASE fate WHEN 'parked' THEN 'outcome_unknown' END, CASE fate WHEN 'parked' THEN created_at END, failure_kind,
    failure_code, CASE fate WHEN 'failed' THEN 400 END, failure_message,
    CASE fate WHEN 'failed' THEN 'req-' || n END, external_id, metadata, created_at,
    CASE WHEN fate NOT IN ('submitted', 'parked') THEN created_at + make_interval(secs => 2 * (3 + spread)) END,
    CASE WHEN fate IN ('running', 'done', 'downloaded', 'failed') THEN created_at + make_interval(secs => 3 * (3 + spread)) END,
    CASE WHEN fate IN ('done', 'downloaded', 'failed') THEN created_at + make_interval(secs => 4 * (3 + spread)) END,
    CASE WHEN fate = 'downloaded' THEN created_at + make_interval(secs => 5 * (3 + spread)) END, 'a1b2c3d4'
FROM drawn;

-- calls: the paid request and the last look
INSERT INTO upstream_call (task_id, id, purpose, attempt, route, method, path, sent_at, latency_ms, status,
                           answer_sha256, body, repeats, last_at)
SELECT id, gen_random_uuid(), purpose, 1, route, method, '/v1/jobs', created_at, 120, 200, fingerprint,
       '{"id": "' || upstream_id || '", "status": "' || purpose || '", "created": 1767225600, "usage": null}', repeats, created_at
FROM drawn CROSS JOIN (VALUES ('submit', 'POST', 0), ('poll', 'GET', 9)) AS kind (purpose, method, repeats)
WHERE fate NOT IN ('submitted', 'parked');

-- spends: the intention and what became of it
INSERT INTO spend (task_id, attempt, reference, route, outcome, upstream_id, intended_at, settled_at, send_deadline,
                   answer_by, claim, body_sha256, credential)
SELECT id, 1, id::text, route, CASE fate WHEN 'parked' THEN 'unknown' ELSE 'confirmed' END,
       CASE WHEN fate <> 'parked' THEN upstream_id END, created_at, created_at, created_at + interval '20 s',
       created_at + interval '140 s', 1, fingerprint, '0a1b2c3d'
FROM drawn WHERE fate <> 'submitted';

-- artifacts: one file of what came home
INSERT INTO artifact (task_id, n, key, type, bytes, sha256, width, height, duration_s, stored_at)
SELECT id, 0, id::text || '/0.mp4', 'video/mp4', 2000000, encode(fingerprint, 'hex'), 1280, 720, 5, created_at
FROM drawn WHERE fate = 'downloaded';

-- notes: why a person should look
INSERT INTO task_note (task_id, id, type, at, actor, reason, detail)
SELECT id, gen_random_uuid(), 'parked', created_at, 'worker', 'outcome_unknown', NULL FROM drawn WHERE fate = 'parked';

-- keys: nine in ten came with one
INSERT INTO idempotency_key (account_id, key, task_id) SELECT account_id, key, id FROM drawn WHERE spread > 5;

-- alive: the guards of what is not over
INSERT INTO live_work (account_id, fingerprint, task_id)
SELECT account_id, fingerprint, id FROM drawn WHERE fate NOT IN ('downloaded', 'failed');

-- wrong: rows that the schema's constraints would not have let in
SELECT (SELECT count(*) FROM task t LEFT JOIN task_event e ON e.task_id = t.id AND e.seq = t.seq AND e.to_state = t.state
        WHERE e.task_id IS NULL)
     + (SELECT count(*) FROM task_event e LEFT JOIN task_event b ON b.task_id = e.task_id AND b.seq = e.prev_seq
          AND b.to_state = e.from_state WHERE e.seq > 1 AND b.task_id IS NULL) AS rows;

-- settle: what a running server would have done by itself
ANALYZE;
