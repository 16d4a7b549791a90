-- hold: the task for as long as its content is being erased; nobody adds to it meanwhile
SELECT account_id, pictures, due_at IS NULL AS over, erased_at FROM task WHERE id = :id FOR UPDATE;

-- answer_by: until when an answer to a paid request may still arrive, with words in it; nothing where that is past
SELECT max(answer_by) AS at FROM spend
WHERE task_id = :id AND outcome IN ('intended', 'unknown') HAVING max(answer_by) > now();

-- erase_task: what a customer asked for becomes nothing; the digests of it stay
UPDATE task SET
    erased_at = now(), request = jsonb_build_object('model', request -> 'model'), pictures = '[]', metadata = '{}',
    external_id = NULL, failure_message = NULL
WHERE id = :id RETURNING erased_at;

-- erase_events: an upstream's words; what a person said stays
UPDATE task_event SET detail = NULL WHERE task_id = :id AND detail IS NOT NULL AND actor NOT LIKE 'person:%';

-- erase_calls: the bodies of all exchanges; their digests stay
UPDATE upstream_call SET body = NULL WHERE task_id = :id AND body IS NOT NULL;

-- erase_notes: an upstream's words; what a person said stays, and what names another task only
UPDATE task_note SET detail = NULL
WHERE task_id = :id AND detail IS NOT NULL AND type <> 'decision' AND actor NOT LIKE 'person:%'
  AND reason NOT IN ('duplicate_allowed', 'put_in_doubt');

-- erase_group: an upstream's words, which all cases of its trouble share; they go with the last of these
UPDATE failure_group g SET words = '' FROM task t
WHERE t.id = :id AND g.key = t.failure_group AND g.words <> '' AND NOT EXISTS (
    SELECT FROM failure_case c JOIN task o ON o.id = c.task_id WHERE c.group_key = g.key AND o.erased_at IS NULL);

-- erase_words: what it could be found by; an empty place, so that nobody takes its words up a moment later
INSERT INTO task_words (task_id, account_id, part, words)
SELECT t.id, t.account_id, part, '' FROM task t, unnest(ARRAY['a', 'f']::"char"[]) AS part WHERE t.id = :id
ON CONFLICT (task_id, part) DO UPDATE SET words = '';

-- look_no_more: what an upstream may still make of it is not wanted
DELETE FROM late_look WHERE task_id = :id;

-- release_files: nobody may see the files that it has
INSERT INTO unwanted_file (key) SELECT key FROM artifact WHERE task_id = :id
ON CONFLICT (key) DO UPDATE SET due_at = unwanted_file.due_at
RETURNING key;

-- release_images: its account lets go of the images that no other task of its has
SELECT release_images(:account_id, :digests::bytea[]);

-- note: who erased it and why
INSERT INTO task_note (task_id, id, type, actor, reason, detail)
VALUES (:id, :note_id, 'decision', :actor, 'erase', :detail);

-- of_account: tasks of an account that still have their content, oldest first
SELECT t.id FROM task t JOIN account a ON a.id = t.account_id
WHERE a.name = :account AND t.erased_at IS NULL AND (:after::uuid IS NULL OR t.id > :after)
ORDER BY t.id LIMIT :limit;
