-- intend: put the intention to spend on record; refused where an earlier one may have arrived
WITH ready AS (
    UPDATE task SET spend = 'intended', attempt = :attempt
    WHERE id = :id AND seq = :seq AND claim = :claim AND state = 'submitted'
      AND spend IN ('none', 'not_created') AND cancel_requested_at IS NULL
    RETURNING id, route
)
INSERT INTO spend (task_id, attempt, reference, route, outcome, send_deadline, answer_by, claim, body_sha256,
                   credential)
SELECT id, :attempt, :reference, route, 'intended', began.at + :send_within::interval,
       began.at + :send_within::interval + :answer_within::interval, :claim, :body_sha256, :credential
FROM ready, (SELECT clock_timestamp() AS at) began
RETURNING task_id;

-- settle: say what became of the intention; certain outcomes never change again, and equal ones are not rewritten.
-- With a claim only of an intention that was made under it.
WITH settled AS (
    UPDATE spend SET outcome = :outcome, upstream_id = :upstream_id, settled_at = clock_timestamp()
    WHERE task_id = :id AND attempt = :attempt AND outcome IN ('intended', 'unknown') AND outcome <> :outcome
      AND (:claim::integer IS NULL OR claim = :claim)
    RETURNING task_id
), held AS (
    -- locked first, so that one which ends in this moment is seen as it is, and not as it was
    SELECT id, due_at IS NULL AS over FROM task JOIN settled ON task.id = settled.task_id
    WHERE task.attempt = :attempt FOR NO KEY UPDATE OF task
), known AS (
    UPDATE task SET
        spend = :outcome,
        -- what becomes certain late wakes a task that was put aside
        due_at = CASE WHEN :outcome = 'unknown' THEN due_at ELSE now() END,
        parked = CASE WHEN :outcome = 'unknown' THEN parked END,
        parked_at = CASE WHEN :outcome = 'unknown' THEN parked_at END
    FROM held WHERE task.id = held.id AND NOT held.over
    RETURNING task.id
), known_after_the_end AS (
    UPDATE task SET spend = :outcome FROM held WHERE task.id = held.id AND held.over
    RETURNING task.id, task.account_id, task.fingerprint
), counted_anew AS (
    UPDATE failure_case c SET spend = :outcome FROM known_after_the_end k WHERE c.task_id = k.id
), free_again AS (
    -- it counted as possibly paid when it ended, and was not
    UPDATE live_work w SET ended_task_id = NULL, ended_at = NULL FROM known_after_the_end k
    WHERE :outcome = 'not_created' AND w.account_id = k.account_id AND w.fingerprint = k.fingerprint
      AND w.ended_task_id = k.id
), looked_for AS (
    -- it was given up, and now turns out to be under way
    INSERT INTO late_look (task_id, due_at, until_at, upstream_id)
    SELECT id, now(), now() + interval '7 days', :upstream_id FROM known_after_the_end WHERE :outcome = 'confirmed'
    ON CONFLICT DO NOTHING
)
SELECT task_id AS id FROM settled;

-- attempts: every intention to spend on a task
SELECT attempt, reference, route, outcome, upstream_id, intended_at, settled_at, send_deadline, answer_by, body_sha256,
       credential,
       greatest(extract(epoch FROM clock_timestamp() - intended_at), 0)::float AS age_s,
       extract(epoch FROM clock_timestamp() - answer_by)::float AS past_answer_s
FROM spend WHERE task_id = :id ORDER BY attempt;

-- take_up: what was declared not created was created after all. It becomes the next attempt, so that none is sent;
-- where the task is over, it is looked for
WITH taken AS (
    UPDATE task SET spend = 'intended', attempt = attempt + 1, claim = claim + 1, due_at = now()
    WHERE id = :id AND state = 'submitted' AND spend = 'not_created' AND attempt >= :attempt
    RETURNING id, route, attempt
), looked_for AS (
    INSERT INTO late_look (task_id, due_at, until_at, upstream_id)
    SELECT id, now(), now() + interval '7 days', :upstream_id FROM task WHERE id = :id AND due_at IS NULL
    ON CONFLICT DO NOTHING
)
INSERT INTO spend (task_id, attempt, reference, route, outcome)
SELECT id, attempt, :reference, route, 'intended' FROM taken
RETURNING attempt;
