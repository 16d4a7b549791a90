-- look: which epoch this ledger has reached, and the quarantine that is open
SELECT i.epoch, q.id, q.began_at, q.reason, q.ledger_epoch, q.outside_epoch, q.doubted
FROM instance i LEFT JOIN quarantine q ON q.id = i.quarantine;

-- count_up: the next epoch; refused to a ledger that is behind the outside copy, and in quarantine
UPDATE instance SET epoch = epoch + 1 WHERE epoch >= :outside AND quarantine IS NULL RETURNING epoch;

-- hold: keep everybody from counting up until we are done
SELECT epoch, quarantine FROM instance FOR UPDATE;

-- hold_tasks: nobody else writes to a task until we are done
LOCK TABLE task IN SHARE ROW EXCLUSIVE MODE;

-- open_quarantine: nothing is sent from here on
WITH opened AS (
    INSERT INTO quarantine (reason, ledger_epoch, outside_epoch)
    SELECT CASE WHEN epoch = 0 THEN 'new_ledger_over_old_store' ELSE 'ledger_went_back' END, epoch, :outside
    FROM instance
    RETURNING id
)
UPDATE instance SET quarantine = opened.id FROM opened RETURNING opened.id;

-- not_sent_yet: tasks that this ledger believes to have cost nothing
SELECT id, attempt FROM task
WHERE due_at IS NOT NULL AND state = 'submitted' AND spend IN ('none', 'not_created') ORDER BY id;

-- suppose_intended: record the attempt that the forgotten time may hold
WITH supposed AS (
    UPDATE task SET spend = 'intended', attempt = may.attempt
    FROM unnest(:ids::uuid[], :attempts::integer[], :references::text[]) AS may (id, attempt, reference)
    WHERE task.id = may.id
    RETURNING task.id, task.route, may.attempt, may.reference
)
INSERT INTO spend (task_id, attempt, reference, route, outcome, send_deadline, answer_by)
SELECT id, attempt, reference, route, 'intended', now(), now() + interval '3 minutes' FROM supposed;

-- doubt: every intention without an answer may be the second of its kind, whose first was paid and is forgotten
WITH doubted AS (
    UPDATE task SET spend = 'unknown' WHERE due_at IS NOT NULL AND state = 'submitted' AND spend = 'intended'
    RETURNING id, attempt
), unknown AS (
    UPDATE spend SET outcome = 'unknown', settled_at = clock_timestamp()
    FROM doubted WHERE spend.task_id = doubted.id AND spend.attempt = doubted.attempt AND spend.outcome = 'intended'
)
SELECT id FROM doubted
UNION ALL
-- Nobody knew what became of these before. Now a later attempt may have been paid, too.
SELECT id FROM task WHERE due_at IS NOT NULL AND state = 'submitted' AND spend = 'unknown';

-- note_doubt: say so in the histories of the tasks
INSERT INTO task_note (task_id, id, type, actor, reason, detail)
SELECT task_id, id, 'note', 'worker', 'put_in_doubt', :detail
FROM unnest(:ids::uuid[], :note_ids::uuid[]) AS doubted (task_id, id);

-- count_doubted: how many tasks a quarantine put in doubt
UPDATE quarantine SET doubted = doubted + :tasks WHERE id = :id;

-- release: end the open quarantine, with the epoch above everything that is known outside
WITH released AS (
    UPDATE quarantine q SET released_at = clock_timestamp(), released_by = :released_by, release_reason = :reason
    FROM instance i WHERE q.id = i.quarantine AND q.released_at IS NULL
    RETURNING q.*
), ended AS (
    UPDATE instance SET quarantine = NULL, epoch = greatest(epoch, released.outside_epoch, :outside::bigint)
    FROM released
)
SELECT * FROM released;

-- quarantines: the latest first
SELECT * FROM quarantine ORDER BY id DESC LIMIT :limit;
