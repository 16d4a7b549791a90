-- told: everything that is on record about tasks, as JSON
SELECT asked.id, (
    SELECT json_agg(e ORDER BY e.seq) FROM (
        SELECT seq, at, actor, from_state, to_state, cause, detail FROM task_event WHERE task_id = asked.id
    ) e
) AS events, (
    SELECT json_agg(c ORDER BY c.sent_at, c.id) FROM upstream_call c WHERE c.task_id = asked.id
) AS calls, (
    SELECT json_agg(n ORDER BY n.at, n.id) FROM task_note n WHERE n.task_id = asked.id
) AS notes, (
    SELECT json_agg(f ORDER BY f.n) FROM artifact f WHERE f.task_id = asked.id
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

-- record_call: keep one exchange as evidence
INSERT INTO upstream_call (task_id, id, purpose, attempt, route, method, path, sent_at, latency_ms, status, trouble,
                           upstream_request_id, answer_sha256, body, last_at)
VALUES (:task_id, :id, :purpose, :attempt, :route, :method, :path, :sent_at, :latency_ms, :status, :trouble,
        :upstream_request_id, :answer_sha256, :body, :sent_at);

-- repeat_call: the same answer came again
UPDATE upstream_call SET repeats = repeats + :times, last_at = :last_at WHERE task_id = :task_id AND id = :id;

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
