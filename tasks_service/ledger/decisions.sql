-- settle_unknown: a person knows what became of an attempt: its work exists under this id, or was never created
WITH attempted AS (
    -- The spend is locked before the task, as everywhere: in the other order two could wait for each other. So
    -- a late answer of the upstream comes before this, and then nothing is decided, or after it.
    SELECT task_id, attempt FROM spend
    WHERE task_id = :id AND attempt = :attempt AND outcome = 'unknown'
      -- whoever sent it in the last moment may wait as long for the answer
      AND (:outcome = 'confirmed' OR answer_by <= now())
    FOR UPDATE
), decided AS (
    UPDATE task SET spend = :outcome, parked = NULL, parked_at = NULL, due_at = now(), claim = claim + 1
    FROM attempted
    WHERE task.id = :id AND task.attempt = attempted.attempt AND seq = :seq
      AND state = 'submitted' AND spend = 'unknown' AND parked = 'outcome_unknown'
    RETURNING task.id, task.attempt
), settled AS (
    UPDATE spend SET outcome = :outcome, upstream_id = :upstream_id, settled_at = clock_timestamp()
    FROM decided WHERE spend.task_id = decided.id AND spend.attempt = decided.attempt
)
INSERT INTO task_note (task_id, id, type, actor, reason, detail)
SELECT id, :note_id, 'decision', :actor, :decision, :detail FROM decided
RETURNING task_id;

-- close: end a parked task; where the upstream may still finish it, a late success is looked for
WITH paid AS (
    SELECT upstream_id FROM spend WHERE task_id = :id FOR UPDATE
), ended AS (
    UPDATE task SET
        state = 'failed', seq = seq + 1, due_at = NULL, claim = claim + 1, parked = NULL, parked_at = NULL,
        failure_kind = :failure_kind, failure_message = '', finished_at = coalesce(finished_at, now()),
        failure_group = :failure_group,
        upstream_id = coalesce(upstream_id, (SELECT upstream_id FROM paid WHERE upstream_id IS NOT NULL LIMIT 1))
    WHERE id = :id AND seq = :seq AND attempt = :attempt AND state = :from_state AND parked = :parked
      -- not while its paid request is under way
      AND spend <> 'intended'
    RETURNING id, account_id, fingerprint, seq, upstream_id, spend, failure_kind, failure_group, provider, route
), event AS (
    INSERT INTO task_event (task_id, seq, from_state, to_state, actor, cause, detail)
    SELECT id, seq, :from_state, 'failed', :actor, 'closed_by_person', :detail FROM ended
), released AS (
    UPDATE live_work w SET
        live = w.live - 1,
        ended_task_id = CASE WHEN e.counts THEN e.id ELSE w.ended_task_id END,
        ended_at = CASE WHEN e.counts THEN now() ELSE w.ended_at END
    FROM (
        SELECT *, spend = 'unknown' OR spend = 'confirmed' AND :may_be_charged::boolean AS counts FROM ended
    ) e
    WHERE w.account_id = e.account_id AND w.fingerprint = e.fingerprint
), grouped AS (
    -- as in every move that fails a task
    INSERT INTO failure_group (key, provider, phase, kind, status_class, code, words)
    SELECT failure_group, provider, :phase::text, failure_kind, :status_class::text, :group_code::text, :words::text
    FROM ended WHERE failure_group IS NOT NULL
    ON CONFLICT DO NOTHING
), told AS (
    INSERT INTO failure_case (task_id, group_key, account_id, route, spend)
    SELECT id, failure_group, account_id, route, spend FROM ended WHERE failure_group IS NOT NULL
), looked_for AS (
    INSERT INTO late_look (task_id, due_at, until_at)
    SELECT id, now() + interval '1 hour', now() + interval '7 days' FROM ended WHERE upstream_id IS NOT NULL
    ON CONFLICT DO NOTHING
)
INSERT INTO task_note (task_id, id, type, actor, reason, detail)
SELECT id, :note_id, 'decision', :actor, 'close', :detail FROM ended
RETURNING task_id;

-- look_again: have a live task looked at now, unless its paid request or its files are under way
WITH woken AS (
    -- The claim counts on, because its holder would otherwise prolong its lease and nobody would look.
    UPDATE task SET due_at = now(), claim = claim + 1
    WHERE id = :id AND seq = :seq AND due_at IS NOT NULL
      AND NOT (state = 'submitted' AND spend = 'intended') AND NOT (state = 'done' AND parked IS NULL)
    RETURNING id
)
INSERT INTO task_note (task_id, id, type, actor, reason, detail)
SELECT id, :note_id, 'decision', :actor, 'look_again', :detail FROM woken
RETURNING task_id;

-- not_before: from when on an attempt may be called not created; nothing where that is past
SELECT answer_by AS at FROM spend WHERE task_id = :id AND attempt = :attempt AND answer_by > now();

-- holder: the task whose work it is that an upstream knows by an id
SELECT task_id FROM spend WHERE route = :route AND upstream_id = :upstream_id;
