-- intend: put the intention to spend on record; refused where an earlier one may have arrived
WITH ready AS (
    UPDATE task SET spend = 'intended', attempt = :attempt
    WHERE id = :id AND seq = :seq AND claim = :claim AND state = 'submitted'
      AND spend IN ('none', 'not_created') AND cancel_requested_at IS NULL
    RETURNING id, route
)
INSERT INTO spend (task_id, attempt, reference, route, outcome)
SELECT id, :attempt, :reference, route, 'intended' FROM ready
RETURNING task_id;

-- settle: say what became of the intention; certain outcomes never change again, and equal ones are not rewritten
WITH settled AS (
    UPDATE spend SET outcome = :outcome, upstream_id = :upstream_id, settled_at = clock_timestamp()
    WHERE task_id = :id AND attempt = :attempt AND outcome IN ('intended', 'unknown') AND outcome <> :outcome
    RETURNING task_id
)
UPDATE task SET
    spend = :outcome,
    -- a confirmation that comes late wakes a task that was put aside
    due_at = CASE WHEN :outcome = 'confirmed' AND due_at IS NOT NULL THEN now() ELSE due_at END
FROM settled
WHERE task.id = settled.task_id AND task.attempt = :attempt
RETURNING task.id;

-- attempts: every intention to spend on a task
SELECT attempt, reference, route, outcome, upstream_id, intended_at, settled_at
FROM spend WHERE task_id = :id ORDER BY attempt;
