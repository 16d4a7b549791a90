-- page: the groups that failed last come first, as they were at a moment, so that pages fit together while tasks fail
WITH moment AS (
    SELECT coalesce(:as_of::timestamptz, now()) AS at
), seen AS (
    -- of all accounts: one look into the index for each group
    SELECT g.key, last.at
    FROM failure_group g CROSS JOIN LATERAL (
        SELECT c.failed_at AS at FROM failure_case c
        WHERE c.group_key = g.key AND c.failed_at <= (SELECT at FROM moment)
        ORDER BY c.failed_at DESC LIMIT 1
    ) last
    WHERE :account_id::bigint IS NULL
    UNION ALL
    SELECT c.group_key, max(c.failed_at) FROM failure_case c
    WHERE c.account_id = :account_id AND c.failed_at <= (SELECT at FROM moment)
    GROUP BY c.group_key
)
SELECT g.key, seen.at, moment.at AS as_of
FROM moment, failure_group g JOIN seen ON seen.key = g.key
WHERE (:kind::text IS NULL OR g.kind = :kind)
  AND (:provider::text IS NULL OR g.provider = :provider)
  AND (:since::timestamptz IS NULL OR seen.at >= :since)
  AND (:states::text[] IS NULL
       OR group_state(g.said, g.said_at, g.muted_until, seen.at, now()) = ANY(:states))
  AND (:below_at::timestamptz IS NULL OR (seen.at, g.key) < (:below_at, :below_key::text))
ORDER BY seen.at DESC, g.key DESC
LIMIT :limit;

-- groups: groups with what is counted of their cases, of one account unless NULL
WITH counted AS (
    -- first to few rows, so that what follows has little to sort
    SELECT c.group_key, c.account_id, c.route, c.spend, c.came_late, count(*) AS n, min(c.failed_at) AS first_at,
           max(c.failed_at) AS last_at
    FROM failure_case c
    WHERE :account_id::bigint IS NULL AND c.group_key = ANY(:keys::text[])
    GROUP BY c.group_key, c.account_id, c.route, c.spend, c.came_late
    UNION ALL
    SELECT c.group_key, c.account_id, c.route, c.spend, c.came_late, count(*), min(c.failed_at), max(c.failed_at)
    FROM failure_case c
    WHERE c.account_id = :account_id AND c.group_key = ANY(:keys::text[])
    GROUP BY c.group_key, c.account_id, c.route, c.spend, c.came_late
), tally AS (
    SELECT group_key, sum(n)::bigint AS cases, min(first_at) AS first_at, max(last_at) AS last_at,
           count(DISTINCT account_id) AS accounts, array_agg(DISTINCT route ORDER BY route) AS routes,
           coalesce(sum(n) FILTER (WHERE came_late), 0)::bigint AS came_late,
           coalesce(sum(n) FILTER (WHERE NOT came_late AND spend = 'confirmed'), 0)::bigint AS confirmed,
           coalesce(sum(n) FILTER (WHERE NOT came_late AND spend IN ('none', 'not_created')), 0)::bigint AS free,
           coalesce(sum(n) FILTER (WHERE NOT came_late AND spend IN ('intended', 'unknown')), 0)::bigint AS unknown
    FROM counted GROUP BY group_key
)
SELECT g.*, tally.*, group_state(g.said, g.said_at, g.muted_until, tally.last_at, now()) AS state
FROM failure_group g JOIN tally ON tally.group_key = g.key;

-- cases: the tasks of a group, of one account unless NULL; those that failed last come first
WITH chosen AS (
    (SELECT task_id, account_id, failed_at, came_late FROM failure_case
     WHERE :account_id::bigint IS NULL AND group_key = :key AND (failed_at, task_id) < (:below_at, :below_id)
     ORDER BY failed_at DESC, task_id DESC LIMIT :limit)
    UNION ALL
    (SELECT task_id, account_id, failed_at, came_late FROM failure_case
     WHERE account_id = :account_id AND group_key = :key AND (failed_at, task_id) < (:below_at, :below_id)
     ORDER BY failed_at DESC, task_id DESC LIMIT :limit)
)
SELECT t.id, c.failed_at, a.name AS account, t.route, t.model, t.spend, c.came_late, t.failure_kind, t.failure_code,
       t.failure_status, t.failure_message, t.failure_request_id
FROM chosen c JOIN task t ON t.id = c.task_id JOIN account a ON a.id = c.account_id
ORDER BY c.failed_at DESC, c.task_id DESC;

-- most_affected: whose tasks a group has, those with the most first
SELECT a.name AS account, t.cases
FROM (
    SELECT account_id, count(*) AS cases FROM failure_case WHERE group_key = :key
    GROUP BY account_id ORDER BY cases DESC, account_id LIMIT :limit
) t JOIN account a ON a.id = t.account_id
ORDER BY t.cases DESC, a.name;

-- names: the names of all accounts that have a case, of one account unless NULL
SELECT name FROM account
WHERE id IN (SELECT account_id FROM failure_case WHERE group_key = :key)
  AND (:account_id::bigint IS NULL OR id = :account_id);

-- changes: what was said of a group, the latest first
SELECT n, at, actor, from_state, to_state, muted_until, reason
FROM failure_group_change WHERE group_key = :key ORDER BY n DESC LIMIT :limit;

-- say: a person says how a group stands; nothing where somebody else said something first
WITH marked AS (
    UPDATE failure_group SET said = :to_state, said_at = now(), muted_until = :muted_until, changes = changes + 1
    WHERE key = :key AND changes = :changes
    RETURNING key, changes, said, muted_until
)
INSERT INTO failure_group_change (group_key, n, actor, from_state, to_state, muted_until, reason)
SELECT key, changes, :actor, :from_state, said, muted_until, :reason FROM marked
RETURNING n;
