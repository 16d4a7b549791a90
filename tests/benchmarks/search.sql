-- Tasks from the table `asked`, each with five events, three exchanges, its guards, and a file or a failure.
INSERT INTO task (id, account_id, key_id, state, seq, due_at, model, kind, provider, route, endpoint, request,
                  request_sha256, fingerprint, checked, not_checked, spend, attempt, upstream_id, progress,
                  external_id, request_id, catalogue, failure_kind, failure_code, failure_status, failure_message,
                  failure_request_id, created_at, queued_at, running_at, finished_at, downloaded_at)
SELECT id, account_id, key_id, CASE WHEN failure_kind IS NULL THEN 'downloaded' ELSE 'failed' END, 5, NULL,
       'sandbox-video-1', 'video', 'sandbox', 'sandbox', '/sandbox/v1/jobs', request::jsonb, fingerprint, fingerprint,
       '{prompt_is_given,prompt_fits}', '{}', 'confirmed', 1, upstream_id, 100, external_id, request_id, '2026-11-20',
       failure_kind, failure_kind, failure_status, failure_message,
       CASE WHEN failure_kind IS NOT NULL THEN upstream_request_id END,
       now(), now(), now(), now(), CASE WHEN failure_kind IS NULL THEN now() END
FROM asked ORDER BY id;

INSERT INTO task_event (task_id, seq, from_state, to_state, at, actor, cause)
SELECT id, seq, from_state, CASE WHEN seq = 5 AND failure_kind IS NOT NULL THEN 'failed' ELSE to_state END, now(),
       'worker', 'polled'
FROM asked, (VALUES (1, NULL, 'submitted'), (2, 'submitted', 'queued'), (3, 'queued', 'running'),
                    (4, 'running', 'done'), (5, 'done', 'downloaded')) AS step (seq, from_state, to_state)
ORDER BY id, seq;

INSERT INTO upstream_call (task_id, id, purpose, attempt, route, method, path, sent_at, latency_ms, status,
                           upstream_request_id, answer_sha256, body, last_at)
SELECT a.id, gen_random_uuid(), purpose, 1, 'sandbox', method, '/sandbox/v1/jobs', now(), 120, 200,
       CASE purpose WHEN 'submit' THEN a.upstream_request_id ELSE gen_random_uuid()::text END, fingerprint,
       '{"id":"' || upstream_id || '","status":"' || purpose || '"}', now()
FROM asked a, (VALUES ('submit', 'POST'), ('poll', 'GET'), ('download', 'GET')) AS call (purpose, method)
ORDER BY a.id;

INSERT INTO artifact (task_id, n, key, type, bytes, sha256, width, height, duration_s)
SELECT id, 0, digest || '.mp4', 'video/mp4', 4000000, digest, 1280, 720, 5 FROM asked
ORDER BY id;

INSERT INTO idempotency_key (account_id, key, task_id) SELECT account_id, key, id FROM asked;

INSERT INTO spend (task_id, attempt, reference, route, outcome, upstream_id, settled_at)
SELECT id, 1, shown, 'sandbox', 'confirmed', upstream_id, now() FROM asked;
