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

-- keep_artifact: a file is ours
INSERT INTO artifact (task_id, n, key, type, bytes, sha256, width, height, duration_s)
VALUES (:task_id, :n, :key, :type, :bytes, :sha256, :width, :height, :duration_s);

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
