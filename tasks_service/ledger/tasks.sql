-- get: tasks by their ids, with the files of those that may have some; one at a time, so that months are passed over
-- that an id cannot be in
SELECT t.*, (SELECT name FROM account a WHERE a.id = t.account_id) AS account
FROM unnest((SELECT :ids::uuid[])) AS asked (id) CROSS JOIN LATERAL (
    SELECT id, account_id, key_id, state, seq, claim, due_at, model, kind, provider, route, endpoint, request,
           request_sha256, checked, not_checked, spend, attempt, upstream_id, progress, parked, parked_at,
           cancel_requested_at, failure_kind, failure_code, failure_status, failure_message, failure_request_id,
           failure_group, external_id, duplicate_allowed, created_at, queued_at, running_at, finished_at,
           downloaded_at, result_expires_at, catalogue, pictures, erased_at,
           CASE WHEN state IN ('done', 'downloaded', 'failed') THEN (
               SELECT coalesce(json_agg(f), '[]') FROM (
                   -- as precise as it is read from the table
                   SELECT n, key, type, bytes, sha256, width, height, duration_s::double precision
                   FROM artifact WHERE task_id = asked.id ORDER BY n
               ) f
           ) END AS files
    FROM task WHERE task.id = asked.id
) t;

-- held: a task as `claim` gives it, without what was asked, for whoever has it still
SELECT t.*, a.name AS account FROM (
    SELECT id, account_id, key_id, state, seq, claim, due_at, model, kind, provider, route, endpoint,
           jsonb_build_object('model', model) AS request, ''::bytea AS request_sha256, catalogue, checked, not_checked,
           spend, attempt, upstream_id, progress, parked, parked_at, cancel_requested_at, failure_kind, failure_code,
           failure_status, failure_message, failure_request_id, failure_group, external_id, duplicate_allowed,
           created_at, queued_at, running_at, finished_at, downloaded_at, result_expires_at, pictures
    FROM task WHERE id = :id AND claim = :claim AND seq = :seq
) t JOIN account a ON a.id = t.account_id;

-- get_many: several tasks by their ids
SELECT t.*, a.name AS account FROM task t JOIN account a ON a.id = t.account_id
WHERE t.id = ANY(:ids::uuid[]) AND (:account_id::bigint IS NULL OR t.account_id = :account_id);

-- states: how several tasks are, without what was asked
SELECT id, state, progress, parked, failure_kind FROM task
WHERE id = ANY(:ids::uuid[]) AND (:account_id::bigint IS NULL OR account_id = :account_id);

-- by_idempotency_key: the task that a key of an account stands for
SELECT task_id FROM idempotency_key WHERE account_id = :account_id AND key = :key;

-- page: newest tasks first, by the filters that are given
SELECT t.*, a.name AS account FROM task t JOIN account a ON a.id = t.account_id
WHERE (:account_id::bigint IS NULL OR t.account_id = :account_id)
  AND (:account::text IS NULL OR a.name = :account)
  AND (:ids::uuid[] IS NULL OR t.id = ANY(:ids))
  AND (:after::uuid IS NULL OR t.id < :after)
  AND (:id_from::uuid IS NULL OR t.id >= :id_from)
  AND (:id_until::uuid IS NULL OR t.id < :id_until)
  AND (:created_from::timestamptz IS NULL OR t.created_at >= :created_from)
  AND (:created_until::timestamptz IS NULL OR t.created_at < :created_until)
  AND (:states::text[] IS NULL OR t.state = ANY(:states))
  -- follows from the states, which PostgreSQL cannot know; the small index of what is alive is found by it
  AND (:live::boolean IS NOT TRUE OR t.due_at IS NOT NULL)
  AND (:model::text IS NULL OR t.model = :model)
  AND (:kind::text IS NULL OR t.kind = :kind)
  AND (:key_id::text IS NULL OR t.key_id = :key_id)
  AND (:upstream_id::text IS NULL OR t.upstream_id = :upstream_id)
  AND (:external_id::text IS NULL OR t.external_id = :external_id)
  AND (:failure_kind::text IS NULL OR t.failure_kind = :failure_kind)
  AND (:parked::text[] IS NULL OR t.parked = ANY(:parked))
  AND (:metadata::jsonb IS NULL OR (t.metadata <> '{}' AND t.metadata @> :metadata))
  AND (:words::text[] IS NULL OR t.request ->> 'prompt' ILIKE ALL (:words)
       OR failure_words(t.failure_code, t.failure_message) ILIKE ALL (:words))
ORDER BY t.id DESC
LIMIT :limit;

-- versions: how far each of these tasks is, for those who wait for a change
SELECT id, seq, progress, parked FROM task WHERE id = ANY(:ids::uuid[]);

-- claim: take what is due under a lease; of many workers each gets others. Whole requests only for who needs them.
-- Each route gives as many as there is room for, so that one which hangs takes no place from the others; the room
-- under NULL is for all routes that have none of their own.
WITH room AS (
    SELECT route, room FROM unnest(:routes::text[], :rooms::integer[]) AS given (route, room)
), due AS (
    SELECT taken.id FROM room CROSS JOIN LATERAL (
        SELECT t.id FROM task t
        WHERE t.state = ANY(:states::text[]) AND t.due_at <= now()
          AND (t.route = room.route
               -- A route that this worker does not know may be another's, who gets two minutes.
               OR room.route IS NULL AND t.route <> ALL(array_remove(:routes::text[], NULL))
                   AND (cardinality(:routes::text[]) = 1 OR t.due_at <= now() - interval '2 minutes'))
        ORDER BY CASE WHEN :by_expiry::boolean THEN t.result_expires_at END, t.due_at
        LIMIT room.room
        FOR NO KEY UPDATE SKIP LOCKED
    ) taken
)
UPDATE task t SET due_at = now() + :lease::interval, claim = claim + 1
FROM due, account a
WHERE t.id = due.id AND a.id = t.account_id
RETURNING t.id, t.account_id, a.name AS account, t.key_id, t.state, t.seq, t.claim, t.due_at, t.model, t.kind,
    t.provider, t.route, t.endpoint,
    -- not even the prompt: to take it out, PostgreSQL would have to read the whole
    CASE WHEN :whole::boolean THEN t.request ELSE jsonb_build_object('model', t.model) END AS request,
    CASE WHEN :whole::boolean THEN t.request_sha256 ELSE '' END AS request_sha256,
    t.catalogue, t.checked, t.not_checked, t.spend, t.attempt, t.upstream_id, t.progress, t.parked, t.parked_at,
    t.cancel_requested_at, t.failure_kind, t.failure_code, t.failure_status, t.failure_message, t.failure_request_id,
    t.failure_group, t.external_id, t.duplicate_allowed, t.created_at, t.queued_at, t.running_at, t.finished_at, t.downloaded_at,
    t.result_expires_at, t.pictures, now() AS read_at;

-- renew: prolong leases in bulk; what does not come back has been taken by somebody else
WITH held AS (
    -- in the order of their ids, like whoever moves many at once, so that neither waits for the other in a circle
    SELECT t.id FROM task t
    JOIN unnest(:ids::uuid[], :claims::integer[], :seqs::integer[]) AS given (id, claim, seq)
        ON t.id = given.id AND t.claim = given.claim AND t.seq = given.seq
    WHERE t.due_at IS NOT NULL
    ORDER BY t.id FOR NO KEY UPDATE OF t
)
UPDATE task t SET due_at = now() + :lease::interval FROM held WHERE t.id = held.id
RETURNING t.id;

-- ring: an upstream says that it has news of a task. Whoever watches it is told, and looks; where nobody hears it, the
-- lease is over in a moment, and the next worker takes it. What is not polled, or of another attempt, is left alone.
WITH named AS (
    SELECT id, due_at IS NOT NULL AND state = ANY(:states::text[]) AS polled FROM task
    WHERE id = :id AND route = :route AND attempt = :attempt
), hastened AS (
    UPDATE task t SET due_at = now() + :heard_within::interval FROM named
    WHERE t.id = named.id AND named.polled AND t.state = ANY(:states::text[])
      AND t.due_at > now() + :heard_within::interval
)
SELECT named.polled, told.said FROM named
LEFT JOIN LATERAL (SELECT pg_notify('task_rung', named.id::text) AS said WHERE named.polled) told ON true;

-- postpone: look again later, and let go of the lease
UPDATE task SET due_at = now() + :wait::interval
WHERE id = :id AND claim = :claim AND seq = :seq AND due_at IS NOT NULL
RETURNING id;

-- note_progress: how far the upstream says they are
WITH held AS (
    SELECT t.id, given.progress FROM task t
    JOIN unnest(:ids::uuid[], :claims::integer[], :seqs::integer[], :progress::integer[])
        AS given (id, claim, seq, progress)
        ON t.id = given.id AND t.claim = given.claim AND t.seq = given.seq
    ORDER BY t.id FOR NO KEY UPDATE OF t
)
UPDATE task t SET progress = held.progress FROM held WHERE t.id = held.id
RETURNING t.id, t.claim;

-- advance: move tasks along one legal edge each, and touch nothing of those that someone moved first
WITH held AS (
    SELECT given.* FROM task t
    JOIN unnest(
        :id::uuid[], :seq::integer[], :claim::integer[], :from_state::text[], :to_state::text[], :actor::text[],
        :cause::text[], :detail::text[], :wait::interval[], :upstream_id::text[], :progress::integer[],
        :result_expires_at::timestamptz[], :failure_kind::text[], :failure_code::text[], :failure_status::integer[],
        :failure_message::text[], :failure_request_id::text[], :may_be_charged::boolean[], :failure_group::text[],
        :phase::text[], :status_class::text[], :group_code::text[], :words::text[]
    ) AS given (
        id, seq, claim, from_state, to_state, actor, cause, detail, wait, upstream_id, progress, result_expires_at,
        failure_kind, failure_code, failure_status, failure_message, failure_request_id, may_be_charged,
        failure_group, phase, status_class, group_code, words
    ) ON t.id = given.id AND t.seq = given.seq AND t.claim = given.claim AND t.state = given.from_state
    -- in the order of their ids, so that of two who move many neither waits for the other in a circle
    ORDER BY t.id FOR NO KEY UPDATE OF t
), moved AS (
    UPDATE task t SET
        state = h.to_state,
        seq = t.seq + 1,
        due_at = CASE WHEN h.wait IS NULL THEN NULL ELSE now() + h.wait END,
        parked = NULL,
        parked_at = NULL,
        upstream_id = coalesce(t.upstream_id, h.upstream_id),
        progress = CASE WHEN h.to_state IN ('done', 'downloaded') THEN 100 ELSE coalesce(h.progress, t.progress) END,
        result_expires_at = coalesce(h.result_expires_at, t.result_expires_at),
        failure_kind = h.failure_kind,
        failure_code = h.failure_code,
        failure_status = h.failure_status,
        failure_message = h.failure_message,
        failure_request_id = h.failure_request_id,
        failure_group = h.failure_group,
        queued_at = CASE WHEN h.to_state = 'queued' THEN now() ELSE t.queued_at END,
        running_at = CASE WHEN h.to_state = 'running' THEN now() ELSE t.running_at END,
        finished_at = CASE WHEN h.to_state IN ('done', 'failed') THEN coalesce(t.finished_at, now())
                      ELSE t.finished_at END,
        downloaded_at = CASE WHEN h.to_state = 'downloaded' THEN now() ELSE t.downloaded_at END
    FROM held h WHERE t.id = h.id
    RETURNING t.id, t.account_id, t.fingerprint, t.state, t.seq, t.claim, t.due_at, t.spend, t.attempt, t.upstream_id,
        t.progress, t.parked, t.parked_at, t.cancel_requested_at, t.failure_kind, t.failure_code, t.failure_status,
        t.failure_message, t.failure_request_id, t.failure_group, t.provider, t.route, t.queued_at, t.running_at, t.finished_at, t.downloaded_at,
        t.result_expires_at, h.from_state, h.actor, h.cause, h.detail, h.may_be_charged,
        h.phase, h.status_class, h.group_code, h.words
), event AS (
    INSERT INTO task_event (task_id, seq, from_state, to_state, actor, cause, detail)
    SELECT id, seq, from_state, state, actor, cause, detail FROM moved
), ended AS (
    -- Several may have done the same work, where that was allowed. What was certainly free leaves nothing that a
    -- second one could double.
    SELECT account_id, fingerprint, count(*) AS tasks, max(id::text) FILTER (
        WHERE state = 'downloaded' OR spend IN ('intended', 'unknown') OR spend = 'confirmed' AND may_be_charged
    )::uuid AS counts
    FROM moved WHERE due_at IS NULL GROUP BY account_id, fingerprint
), work AS (
    SELECT ended.* FROM live_work w JOIN ended USING (account_id, fingerprint)
    ORDER BY account_id, fingerprint FOR NO KEY UPDATE OF w
), released AS (
    UPDATE live_work w SET
        live = w.live - work.tasks,
        ended_task_id = coalesce(work.counts, w.ended_task_id),
        ended_at = CASE WHEN work.counts IS NULL THEN w.ended_at ELSE now() END
    FROM work WHERE w.account_id = work.account_id AND w.fingerprint = work.fingerprint
), grouped AS (
    -- the first case of a trouble makes its group; all others find it there, and write and lock nothing
    INSERT INTO failure_group (key, provider, phase, kind, status_class, code, words)
    SELECT DISTINCT ON (failure_group)
           failure_group, provider, phase, failure_kind, status_class, group_code, words
    FROM moved WHERE failure_group IS NOT NULL ORDER BY failure_group
    ON CONFLICT DO NOTHING
), told AS (
    INSERT INTO failure_case (task_id, group_key, account_id, route, spend)
    SELECT id, failure_group, account_id, route, spend FROM moved WHERE failure_group IS NOT NULL
)
SELECT * FROM moved;

-- park: ask for a person's eyes, once, and say why
WITH parked AS (
    UPDATE task SET parked = :parked, parked_at = now(), due_at = now() + :wait::interval
    WHERE id = :id AND seq = :seq AND claim = :claim AND due_at IS NOT NULL AND parked IS DISTINCT FROM :parked
    RETURNING id
)
INSERT INTO task_note (task_id, id, type, actor, reason, detail)
SELECT id, :note_id, 'parked', :actor, :parked, :detail FROM parked
RETURNING task_id;

-- set_aside: let a task wait that this release cannot read; after an hour a person is asked to look
WITH aside AS (
    UPDATE task SET
        due_at = now() + interval '1 minute',
        parked = CASE WHEN overdue THEN why ELSE task.parked END,
        parked_at = CASE WHEN overdue THEN now() ELSE task.parked_at END
    FROM (
        SELECT id, CASE WHEN spend = 'unknown' THEN 'outcome_unknown' ELSE 'stalled' END AS why,
               -- of what may have been sent at this moment nothing can be decided yet
               parked IS NULL AND spend <> 'intended' AND created_at < now() - interval '1 hour' AS overdue
        FROM task WHERE id = :id
    ) seen
    WHERE task.id = seen.id AND seq = :seq AND claim = :claim AND due_at IS NOT NULL
    RETURNING task.id, why, overdue
)
INSERT INTO task_note (task_id, id, type, actor, reason, detail)
SELECT id, :note_id, 'parked', 'worker', why, 'this release cannot read the task' FROM aside WHERE overdue
RETURNING task_id;

-- request_cancel: note that the end was asked for; the worker who is next to look acts on it
WITH asked AS (
    UPDATE task SET
        cancel_requested_at = now(),
        -- A submission or a download that is under way is left to its worker. From whoever watches a task it is
        -- taken: he would prolong his lease without having read the wish.
        due_at = CASE WHEN state IN ('queued', 'running') THEN now() ELSE due_at END,
        claim = claim + CASE WHEN state IN ('queued', 'running') THEN 1 ELSE 0 END
    WHERE id = :id AND due_at IS NOT NULL AND cancel_requested_at IS NULL
    RETURNING id
)
INSERT INTO task_note (task_id, id, type, actor, reason)
SELECT id, :note_id, 'note', :actor, 'cancel_requested' FROM asked
RETURNING task_id;

-- cancel_before_spend: end a task that has cost nothing and on which nobody works
WITH moved AS (
    UPDATE task SET state = 'failed', seq = seq + 1, due_at = NULL, claim = claim + 1, parked = NULL, parked_at = NULL,
                    failure_kind = 'canceled', failure_message = '', finished_at = now(),
                    cancel_requested_at = coalesce(cancel_requested_at, now())
    WHERE id = :id AND state = 'submitted' AND spend IN ('none', 'not_created')
    RETURNING id, account_id, fingerprint, seq
), event AS (
    INSERT INTO task_event (task_id, seq, from_state, to_state, actor, cause)
    SELECT id, seq, 'submitted', 'failed', :actor, 'canceled' FROM moved
), released AS (
    UPDATE live_work w SET live = w.live - 1 FROM moved m
    WHERE w.account_id = m.account_id AND w.fingerprint = m.fingerprint
)
SELECT id FROM moved;

-- live_counts: how many tasks are on their way, by state
SELECT state, count(*) AS tasks, count(parked) AS parked,
       coalesce(extract(epoch FROM now() - min(due_at) FILTER (WHERE due_at < now())), 0)::float AS overdue_s
FROM task WHERE due_at IS NOT NULL GROUP BY state;
