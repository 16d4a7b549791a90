-- intend: put the intention to spend on record; refused where an earlier one may have arrived
WITH ready AS (
    UPDATE task SET spend = 'intended', attempt = :attempt
    WHERE id = :id AND seq = :seq AND claim = :claim AND state = 'submitted'
      AND spend IN ('none', 'not_created') AND cancel_requested_at IS NULL
    RETURNING id, route
)
INSERT INTO spend (task_id, attempt, reference, route, outcome, send_deadline, body_sha256, credential)
SELECT id, :attempt, :reference, route, 'intended', clock_timestamp() + :send_within::interval, :body_sha256,
       :credential
FROM ready
RETURNING task_id;

-- settle: say what became of the intention; certain outcomes never change again, and equal ones are not rewritten
WITH settled AS (
    UPDATE spend SET outcome = :outcome, upstream_id = :upstream_id, settled_at = clock_timestamp()
    WHERE task_id = :id AND attempt = :attempt AND outcome IN ('intended', 'unknown') AND outcome <> :outcome
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
    RETURNING task.id
), looked_for AS (
    -- it was given up, and now turns out to be under way
    INSERT INTO late_look (task_id, due_at, until_at, upstream_id)
    SELECT id, now(), now() + interval '7 days', :upstream_id FROM known_after_the_end WHERE :outcome = 'confirmed'
    ON CONFLICT DO NOTHING
)
SELECT task_id AS id FROM settled;

-- attempts: every intention to spend on a task
SELECT attempt, reference, route, outcome, upstream_id, intended_at, settled_at, send_deadline, body_sha256, credential,
       greatest(extract(epoch FROM clock_timestamp() - intended_at), 0)::float AS age_s,
       extract(epoch FROM clock_timestamp() - send_deadline)::float AS past_deadline_s
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
