-- alone: nobody else retires months or deletes files at the same time; held by this connection
SELECT pg_try_advisory_lock(hashtext('retention')) AS alone;

-- no_longer_alone: let others
SELECT pg_advisory_unlock(hashtext('retention'));

-- months: the months that there are tables of, oldest first, and those that began to leave
SELECT month, month < date_trunc('month', now() AT TIME ZONE 'UTC')::date AS past, retired.how, retired.ended_at
FROM (
    SELECT DISTINCT to_date(right(relname, 7), 'YYYY_MM') AS month FROM pg_class
    WHERE relkind = 'r' AND relname ~ '^task_[0-9]{4}_[0-9]{2}$'
) AS made
LEFT JOIN retired_month AS retired USING (month) ORDER BY month;

-- unfinished: months that were to be dropped, by somebody who did not come to the end of it
SELECT month, how FROM retired_month WHERE ended_at IS NULL ORDER BY month;

-- held_by: why a month cannot leave yet; nothing where it can
SELECT count(*) FILTER (WHERE due_at IS NOT NULL) AS live,
       (SELECT count(*) FROM late_look WHERE task_id >= first_id_of(:first::timestamptz)
          AND task_id < first_id_of(:next::timestamptz)) AS looked_for,
       -- a twin that still counts: whoever asks for the same is told of it
       (SELECT count(*) FROM live_work WHERE ended_task_id >= first_id_of(:first::timestamptz)
          AND ended_task_id < first_id_of(:next::timestamptz)) AS twins,
       count(*) AS tasks
FROM task WHERE id >= first_id_of(:first::timestamptz) AND id < first_id_of(:next::timestamptz);

-- files_in: how many files are those of a month
SELECT count(*) AS files FROM artifact
WHERE task_id >= first_id_of(:first::timestamptz) AND task_id < first_id_of(:next::timestamptz);

-- begin: a month leaves; said before anything is done. What was detached may be dropped later.
INSERT INTO retired_month AS r (month, how, tasks, files) VALUES (:month, :how, :tasks, :files)
ON CONFLICT (month) DO UPDATE SET how = EXCLUDED.how, ended_at = NULL
WHERE r.how = 'detach' AND EXCLUDED.how = 'drop';

-- end: a month has left
UPDATE retired_month SET ended_at = clock_timestamp() WHERE month = :month;

-- forget_keys: keys go with the tasks that they stand for; a day's at a time
DELETE FROM idempotency_key
WHERE task_id >= first_id_of(:start::timestamptz) AND task_id < first_id_of(:start::timestamptz + interval '1 day');

-- forget_spends: spends go with their month, once it is gone, and whatever else says the same; a day's at a time
SELECT forget_between(first_id_of(:start::timestamptz), first_id_of(:start::timestamptz + interval '1 day'));

-- detachments: the statements that take a month out of the ledger, its tasks first. Side by side with readers and
-- writers; one that was interrupted is only to be finished
SELECT format(CASE WHEN inhdetachpending THEN 'ALTER TABLE %I DETACH PARTITION %I FINALIZE'
                   ELSE 'ALTER TABLE %I DETACH PARTITION %I CONCURRENTLY' END, parent, leaf_of(parent, :month)) AS statement
FROM monthly_parents() WITH ORDINALITY AS cut (parent, position)
JOIN pg_inherits ON inhrelid = to_regclass(leaf_of(parent, :month)) ORDER BY position;

-- let_files_go: remember the files of a month, so that they are deleted
SELECT let_files_go(:month);

-- drop: the tables of a month
SELECT drop_month(:month);

-- unwanted: files that are due to be deleted
SELECT key FROM unwanted_file WHERE due_at <= now() ORDER BY due_at LIMIT :limit;

-- wanted_again: images of which somebody has the same bytes; they stay
DELETE FROM unwanted_file u USING unnest(:keys::text[], :digests::bytea[]) AS image (key, digest)
WHERE u.key = image.key AND (
    EXISTS (SELECT FROM reference_image r WHERE r.sha256 = image.digest)
    OR EXISTS (SELECT FROM task t WHERE t.pictures <> '[]' AND t.pictures @> picture_named(image.digest)))
RETURNING u.key;

-- deleted: these files are gone
DELETE FROM unwanted_file WHERE key = ANY(:keys::text[]);

-- retired: the months that have left
SELECT month, how, tasks, files, began_at, ended_at FROM retired_month ORDER BY month;
