-- open: accept a task: its row, its first event and its guards, or nothing at all. Whoever asks for the same work
-- meets at one row, one after the other, and so does whoever ends it; who finds it taken gets no row back.
WITH work_guard AS (
    INSERT INTO live_work AS w (account_id, fingerprint, task_id) VALUES (:account_id, :fingerprint, :id)
    ON CONFLICT (account_id, fingerprint) DO UPDATE
    SET live = w.live + 1, previous_task_id = w.task_id, task_id = EXCLUDED.task_id
    WHERE :duplicate_allowed::boolean OR w.live = 0 AND (w.ended_at > now() - :window::interval) IS NOT TRUE
    RETURNING *
), key_guard AS (
    INSERT INTO idempotency_key (account_id, key, task_id)
    SELECT :account_id, :idempotency_key::text, :id FROM work_guard WHERE :idempotency_key::text IS NOT NULL
), first_event AS (
    INSERT INTO task_event (task_id, seq, to_state, actor, cause)
    SELECT :id, 1, 'submitted', :actor, 'accepted' FROM work_guard
), twin AS (
    -- as this statement sees them; who was accepted in this moment is known by the row only
    SELECT CASE WHEN w.live > 1 THEN coalesce(
        (SELECT t.id FROM task t WHERE t.id = w.previous_task_id AND t.due_at IS NOT NULL),
        (SELECT t.id FROM task t
         WHERE t.account_id = w.account_id AND t.fingerprint = w.fingerprint AND t.due_at IS NOT NULL LIMIT 1),
        w.previous_task_id
    ) WHEN w.ended_at > now() - :window::interval THEN w.ended_task_id END AS id
    FROM work_guard w
), overridden AS (
    INSERT INTO task_note (task_id, id, type, actor, reason, detail)
    SELECT :id, :note_id, 'note', :actor, 'duplicate_allowed', twin.id::text FROM twin WHERE twin.id IS NOT NULL
)
INSERT INTO task (id, account_id, key_id, state, seq, due_at, model, kind, provider, route, endpoint, request,
                  request_sha256, fingerprint, checked, not_checked, duplicate_allowed, external_id, metadata,
                  pictures, catalogue)
SELECT :id, :account_id, :key_id, 'submitted', 1, now(), :model, :kind, :provider, :route, :endpoint, :request,
       :request_sha256, :fingerprint, :checked, :not_checked, :duplicate_allowed, :external_id, :metadata,
       :pictures, :catalogue
FROM work_guard
RETURNING task.*, (SELECT name FROM account a WHERE a.id = task.account_id) AS account;

-- get: one task by its id
SELECT t.*, a.name AS account FROM task t JOIN account a ON a.id = t.account_id WHERE t.id = :id;

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
  AND (:id::uuid IS NULL OR t.id = :id)
  AND (:after::uuid IS NULL OR t.id < :after)
  AND (:id_from::uuid IS NULL OR t.id >= :id_from)
  AND (:id_until::uuid IS NULL OR t.id < :id_until)
  AND (:created_from::timestamptz IS NULL OR t.created_at >= :created_from)
  AND (:created_until::timestamptz IS NULL OR t.created_at < :created_until)
  AND (:states::text[] IS NULL OR t.state = ANY(:states))
  AND (:model::text IS NULL OR t.model = :model)
  AND (:kind::text IS NULL OR t.kind = :kind)
  AND (:key_id::text IS NULL OR t.key_id = :key_id)
  AND (:upstream_id::text IS NULL OR t.upstream_id = :upstream_id)
  AND (:external_id::text IS NULL OR t.external_id = :external_id)
  AND (:failure_kind::text IS NULL OR t.failure_kind = :failure_kind)
  AND (:parked::text[] IS NULL OR t.parked = ANY(:parked))
  AND (:metadata::jsonb IS NULL OR (t.metadata <> '{}' AND t.metadata @> :metadata))
  AND (:words::text IS NULL OR t.request ->> 'prompt' ILIKE :words OR t.failure_message ILIKE :words
       OR t.upstream_id = :word OR t.external_id = :word)
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
    t.request_sha256, t.catalogue, t.checked, t.not_checked, t.spend, t.attempt, t.upstream_id, t.progress, t.parked, t.parked_at,
    t.cancel_requested_at, t.failure_kind, t.failure_code, t.failure_status, t.failure_message, t.failure_request_id,
    t.external_id, t.duplicate_allowed, t.created_at, t.queued_at, t.running_at, t.finished_at, t.downloaded_at,
    t.result_expires_at, t.pictures, now() AS read_at;

-- renew: prolong leases in bulk; what does not come back has been taken by somebody else
UPDATE task t SET due_at = now() + :lease::interval
FROM unnest(:ids::uuid[], :claims::integer[], :seqs::integer[]) AS held (id, claim, seq)
WHERE t.id = held.id AND t.claim = held.claim AND t.seq = held.seq AND t.due_at IS NOT NULL
RETURNING t.id;

-- postpone: look again later, and let go of the lease
UPDATE task SET due_at = now() + :wait::interval
WHERE id = :id AND claim = :claim AND seq = :seq AND due_at IS NOT NULL
RETURNING id;

-- note_progress: how far the upstream says it is
UPDATE task SET progress = :progress WHERE id = :id AND claim = :claim AND seq = :seq RETURNING id;

-- advance: move a task along one legal edge, or touch nothing if someone moved it first
WITH moved AS (
    UPDATE task SET
        state = :to_state,
        seq = seq + 1,
        due_at = CASE WHEN :wait::interval IS NULL THEN NULL ELSE now() + :wait::interval END,
        parked = NULL,
        parked_at = NULL,
        upstream_id = coalesce(upstream_id, :upstream_id),
        progress = CASE WHEN :to_state IN ('done', 'downloaded') THEN 100 ELSE coalesce(:progress, progress) END,
        result_expires_at = coalesce(:result_expires_at, result_expires_at),
        failure_kind = :failure_kind,
        failure_code = :failure_code,
        failure_status = :failure_status,
        failure_message = :failure_message,
        failure_request_id = :failure_request_id,
        queued_at = CASE WHEN :to_state = 'queued' THEN now() ELSE queued_at END,
        running_at = CASE WHEN :to_state = 'running' THEN now() ELSE running_at END,
        finished_at = CASE WHEN :to_state IN ('done', 'failed') THEN coalesce(finished_at, now()) ELSE finished_at END,
        downloaded_at = CASE WHEN :to_state = 'downloaded' THEN now() ELSE downloaded_at END
    WHERE id = :id AND seq = :seq AND claim = :claim AND state = :from_state
    RETURNING id, account_id, fingerprint, state, seq, claim, due_at, spend, attempt, upstream_id, progress, parked,
        parked_at, cancel_requested_at, failure_kind, failure_code, failure_status, failure_message, failure_request_id,
        queued_at, running_at, finished_at, downloaded_at, result_expires_at
), event AS (
    INSERT INTO task_event (task_id, seq, from_state, to_state, actor, cause, detail)
    SELECT id, seq, :from_state, state, :actor, :cause, :detail FROM moved
), released AS (
    UPDATE live_work w SET
        live = w.live - 1,
        ended_task_id = CASE WHEN m.counts THEN m.id ELSE w.ended_task_id END,
        ended_at = CASE WHEN m.counts THEN now() ELSE w.ended_at END
    FROM (
        -- what was certainly free leaves nothing that a second one could double
        SELECT *, state = 'downloaded' OR spend IN ('intended', 'unknown')
            OR spend = 'confirmed' AND :may_be_charged::boolean AS counts
        FROM moved
    ) m
    WHERE m.due_at IS NULL AND w.account_id = m.account_id AND w.fingerprint = m.fingerprint
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
