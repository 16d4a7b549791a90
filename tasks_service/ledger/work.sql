-- twin: the task that does this work, or did it within the window and was not for free
SELECT CASE WHEN w.live > 0 THEN coalesce(
    (SELECT t.id FROM task t WHERE t.id = w.task_id AND t.due_at IS NOT NULL),
    -- a duplicate was allowed, and the latest has ended before the others
    (SELECT t.id FROM task t
     WHERE t.account_id = w.account_id AND t.fingerprint = w.fingerprint AND t.due_at IS NOT NULL LIMIT 1),
    w.task_id
) WHEN w.ended_at > now() - :window::interval THEN w.ended_task_id END AS task_id
FROM live_work w WHERE w.account_id = :account_id AND w.fingerprint = :fingerprint;

-- repeated: the latest task of an account that came with this very request, images and all, a short while ago
SELECT id FROM task
WHERE account_id = :account_id AND request_sha256 = :request_sha256 AND pictures <> '[]'
  AND created_at > now() - :within::interval
ORDER BY id DESC LIMIT 1;

-- forget: let go of work that ended longer ago; what somebody is about to take again is left to them
WITH old AS (
    SELECT account_id, fingerprint FROM live_work WHERE live = 0 AND ended_at <= now() - :window::interval
    FOR UPDATE SKIP LOCKED
)
DELETE FROM live_work w USING old
WHERE w.account_id = old.account_id AND w.fingerprint = old.fingerprint
RETURNING w.ended_task_id;
