-- told: everything that is on record about tasks, as JSON
SELECT asked.id, (
    SELECT json_agg(e) FROM (
        SELECT at, actor, from_state, to_state, cause, detail FROM task_event WHERE task_id = asked.id ORDER BY seq
    ) e
) AS events, (
    SELECT json_agg(c) FROM (
        SELECT purpose, attempt, route, method, path, sent_at, status, trouble, latency_ms, upstream_request_id,
               encode(answer_sha256, 'hex') AS answer_digest, body, repeats, last_at
        FROM upstream_call WHERE task_id = asked.id ORDER BY sent_at, id
    ) c
) AS calls, (
    SELECT json_agg(n) FROM (
        SELECT at, type, actor, reason, detail FROM task_note WHERE task_id = asked.id ORDER BY at, id
    ) n
) AS notes, (
    SELECT json_agg(f) FROM (
        SELECT n, type, bytes, sha256, width, height, duration_s, stored_at
        FROM artifact WHERE task_id = asked.id ORDER BY n
    ) f
) AS artifacts
FROM unnest((SELECT :ids::uuid[])) AS asked (id);

-- events: the states of a task, oldest first
SELECT seq, at, actor, from_state, to_state, cause, detail FROM task_event WHERE task_id = :id ORDER BY seq;

-- calls: the exchanges with the upstream about a task, oldest first
SELECT * FROM upstream_call WHERE task_id = :id ORDER BY sent_at, id;

-- artifacts: the files of a task
SELECT * FROM artifact WHERE task_id = :id ORDER BY n;

-- artifacts_of: the files of several tasks
SELECT * FROM artifact WHERE task_id = ANY(:ids::uuid[]) ORDER BY task_id, n;

-- notes: what happened to a task without a move
SELECT * FROM task_note WHERE task_id = :id ORDER BY at, id;

-- record_calls: keep exchanges as evidence
INSERT INTO upstream_call (task_id, id, purpose, attempt, route, method, path, sent_at, latency_ms, status, trouble,
                           upstream_request_id, answer_sha256, body, last_at)
SELECT *, sent_at FROM unnest(
    :task_id::uuid[], :id::uuid[], :purpose::text[], :attempt::integer[], :route::text[], :method::text[],
    :path::text[], :sent_at::timestamptz[], :latency_ms::integer[], :status::integer[], :trouble::text[],
    :upstream_request_id::text[], :answer_sha256::bytea[], :body::text[]
) AS given (task_id, id, purpose, attempt, route, method, path, sent_at, latency_ms, status, trouble,
            upstream_request_id, answer_sha256, body);

-- repeat_calls: the same answers came again
UPDATE upstream_call c SET repeats = c.repeats + given.times, last_at = given.last_at
FROM unnest(:task_id::uuid[], :id::uuid[], :times::integer[], :last_at::timestamptz[])
    AS given (task_id, id, times, last_at)
WHERE c.task_id = given.task_id AND c.id = given.id;

-- keep_artifact: a file is ours; where its task had failed, it came late, and was paid for
WITH kept AS (
    INSERT INTO artifact (task_id, n, key, type, bytes, sha256, width, height, duration_s)
    VALUES (:task_id, :n, :key, :type, :bytes, :sha256, :width, :height, :duration_s)
    RETURNING task_id
)
UPDATE failure_case c SET came_late = true FROM kept WHERE c.task_id = kept.task_id AND NOT c.came_late;

-- repeat_last: it went as the last one of its purpose did
UPDATE upstream_call SET repeats = repeats + 1, last_at = :sent_at
WHERE task_id = :task_id AND id = (
    SELECT id FROM upstream_call WHERE task_id = :task_id AND purpose = :purpose ORDER BY sent_at DESC LIMIT 1
) AND attempt = :attempt AND route = :route AND path = :path
  AND status IS NOT DISTINCT FROM :status AND trouble IS NOT DISTINCT FROM :trouble
RETURNING id;

-- add_note: something worth telling happened without a move
INSERT INTO task_note (task_id, id, type, actor, reason, detail)
VALUES (:task_id, :id, :type, :actor, :reason, :detail);
