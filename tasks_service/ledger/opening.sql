-- open: accept tasks: of each its row, its first event and its guards, or nothing at all. Whoever asks for the same
-- work meets at one row, one after the other, and so does whoever ends it. One row comes back for each wish. It says
-- that the task was opened, or whose its key or its work is already, or that one that is alike goes first.
-- All rows of work are locked before all keys, and both in their order, so that no two statements wait for each other.
WITH patience AS MATERIALIZED (
    SELECT set_config('lock_timeout', :patience::text, true)
), asked AS MATERIALIZED (
    SELECT given.*, (
        SELECT k.task_id FROM idempotency_key k
        WHERE k.account_id = given.account_id AND k.key = given.idempotency_key
    ) AS key_task_id, (
        SELECT CASE WHEN w.live > 0 THEN alive_among_equals(w.account_id, w.fingerprint, w.task_id)
                    WHEN w.ended_at > now() - :window::interval THEN w.ended_task_id END
        FROM live_work w
        WHERE NOT given.duplicate_allowed AND w.account_id = given.account_id AND w.fingerprint = given.fingerprint
    ) AS twin_id
    -- Without their SELECT the planner would count the arrays' elements, like what it sees, and plan each time anew:
    -- that costs more than all the rest.
    FROM patience, unnest(
        (SELECT :ids::uuid[]), (SELECT :account_ids::bigint[]), (SELECT :key_ids::text[]), (SELECT :actors::text[]),
        (SELECT :models::text[]), (SELECT :kinds::text[]), (SELECT :providers::text[]), (SELECT :routes::text[]),
        (SELECT :endpoints::text[]), (SELECT :requests::text[]), (SELECT :request_sha256s::bytea[]),
        (SELECT :fingerprints::bytea[]), (SELECT :checkeds::text[]), (SELECT :not_checkeds::text[]),
        (SELECT :duplicates_allowed::boolean[]), (SELECT :external_ids::text[]), (SELECT :metadatas::text[]),
        (SELECT :pictures::text[]), (SELECT :catalogues::text[]), (SELECT :request_ids::text[]),
        (SELECT :idempotency_keys::text[]), (SELECT :note_ids::uuid[])
    ) WITH ORDINALITY AS given (
        id, account_id, key_id, actor, model, kind, provider, route, endpoint, request, request_sha256, fingerprint,
        checked, not_checked, duplicate_allowed, external_id, metadata, pictures, catalogue, request_id,
        idempotency_key, note_id, n
    )
), turn AS MATERIALIZED (
    -- of those that are alike, the first goes now
    SELECT id, row_number() OVER (PARTITION BY account_id, fingerprint ORDER BY n) = 1
           AND (idempotency_key IS NULL OR row_number() OVER (PARTITION BY account_id, idempotency_key ORDER BY n) = 1)
           AS now
    FROM asked WHERE key_task_id IS NULL AND twin_id IS NULL
), work_guard AS (
    INSERT INTO live_work AS w (account_id, fingerprint, task_id)
    SELECT account_id, fingerprint, id FROM asked JOIN turn USING (id) WHERE turn.now ORDER BY account_id, fingerprint
    ON CONFLICT (account_id, fingerprint) DO UPDATE
    SET live = w.live + 1, previous_task_id = w.task_id, task_id = EXCLUDED.task_id
    WHERE (SELECT duplicate_allowed FROM asked WHERE asked.id = EXCLUDED.task_id)
       OR w.live = 0 AND (w.ended_at > now() - :window::interval) IS NOT TRUE
    RETURNING *
), opened AS (
    INSERT INTO task (id, account_id, key_id, state, seq, due_at, model, kind, provider, route, endpoint, request,
                      request_sha256, fingerprint, checked, not_checked, duplicate_allowed, external_id, metadata,
                      pictures, catalogue, request_id)
    SELECT a.id, a.account_id, a.key_id, 'submitted', 1, now(), a.model, a.kind, a.provider, a.route, a.endpoint,
           a.request::jsonb, a.request_sha256, a.fingerprint, a.checked::text[], a.not_checked::text[],
           a.duplicate_allowed, a.external_id, a.metadata::jsonb, a.pictures::jsonb, a.catalogue,
           a.request_id
    FROM work_guard w JOIN asked a ON a.id = w.task_id
    RETURNING id, created_at
), first_event AS (
    INSERT INTO task_event (task_id, seq, to_state, actor, cause)
    SELECT a.id, 1, 'submitted', a.actor, 'accepted' FROM work_guard w JOIN asked a ON a.id = w.task_id
), key_guard AS (
    INSERT INTO idempotency_key (account_id, key, task_id)
    SELECT a.account_id, a.idempotency_key, a.id FROM work_guard w JOIN asked a ON a.id = w.task_id
    WHERE a.idempotency_key IS NOT NULL ORDER BY a.account_id, a.idempotency_key
), twin AS MATERIALIZED (
    -- as this statement sees them; who was accepted in this moment is known by the row only
    SELECT w.task_id, CASE WHEN w.live > 1 THEN alive_among_equals(w.account_id, w.fingerprint, w.previous_task_id)
                           WHEN w.ended_at > now() - :window::interval THEN w.ended_task_id END AS id
    FROM work_guard w
), overridden AS (
    INSERT INTO task_note (task_id, id, type, actor, reason, detail)
    SELECT a.id, a.note_id, 'note', a.actor, 'duplicate_allowed', twin.id::text
    FROM twin JOIN asked a ON a.id = twin.task_id WHERE twin.id IS NOT NULL
)
SELECT a.id, a.key_task_id, a.twin_id, turn.now IS FALSE AS later, o.created_at,
       (SELECT name FROM account WHERE account.id = a.account_id) AS account
FROM asked a LEFT JOIN turn USING (id) LEFT JOIN opened o USING (id);
