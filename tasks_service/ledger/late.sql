-- begin: look on for what may still come of a task that was given up
INSERT INTO late_look (task_id, due_at, until_at, upstream_id)
VALUES (:task_id, now() + :wait::interval, now() + interval '7 days', :upstream_id)
ON CONFLICT DO NOTHING;

-- claim: the late looks that are due, under a lease, but for those on routes that have no place left
WITH due AS (
    SELECT late.task_id, t.route FROM late_look late JOIN task t ON t.id = late.task_id
    WHERE late.due_at <= now() AND t.route <> ALL(:full_routes::text[])
    ORDER BY late.due_at LIMIT :limit
    FOR UPDATE OF late SKIP LOCKED
)
UPDATE late_look l SET due_at = now() + :lease::interval, claim = l.claim + 1
FROM due WHERE l.task_id = due.task_id
RETURNING l.task_id, due.route, l.claim, l.until_at < now() AS over, l.upstream_id;

-- postpone: nothing new; look again later
UPDATE late_look SET due_at = now() + :wait::interval WHERE task_id = :task_id AND claim = :claim RETURNING task_id;

-- finish: there is nothing more to see; whoever lost the lease finishes nothing
DELETE FROM late_look WHERE task_id = :task_id AND claim = :claim RETURNING task_id;
