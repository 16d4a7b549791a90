-- named: the tasks that these words name, whole words only, and what each of them is to its task
WITH token AS MATERIALIZED (SELECT DISTINCT unnest(:tokens::text[]) AS value), found AS (
    SELECT 'task_id' AS what, value, id FROM unnest(:shown::text[], :ids::uuid[]) AS shown (value, id)
    UNION ALL
    SELECT 'upstream_id', value, t.id FROM token JOIN task t ON t.upstream_id = value
    UNION ALL
    SELECT 'external_id', value, t.id FROM token JOIN task t ON t.external_id = value
    UNION ALL
    SELECT 'request_id', value, t.id FROM token JOIN task t ON t.request_id = value
    UNION ALL
    SELECT 'upstream_request_id', value, t.id FROM token JOIN task t ON t.failure_request_id = value
    UNION ALL
    SELECT 'upstream_request_id', value, c.task_id FROM token JOIN upstream_call c ON c.upstream_request_id = value
    UNION ALL
    SELECT 'idempotency_key', value, k.task_id FROM token JOIN idempotency_key k ON k.key = value
    UNION ALL
    SELECT 'artifact', value, f.task_id FROM token JOIN artifact f ON f.sha256 = lower(value)
    UNION ALL
    -- of an attempt whose answer came too late for its task
    SELECT 'upstream_id', value, s.task_id FROM token JOIN spend s ON s.upstream_id = value
)
SELECT DISTINCT what, value, t.id FROM found JOIN task t ON t.id = found.id
WHERE :account_id::bigint IS NULL OR t.account_id = :account_id
ORDER BY t.id DESC LIMIT 1000;

-- keys: the API keys that are called so, or begin and end so
SELECT k.id FROM api_key k
WHERE (:account_id::bigint IS NULL OR k.account_id = :account_id)
  AND (k.id = ANY(:tokens::text[]) OR k.head = ANY(:tokens::text[]) OR EXISTS (
      -- whoever masked it may have shown more than we keep, or less
      SELECT FROM unnest(:heads::text[], :tails::text[]) AS mask (head, tail)
      WHERE (starts_with(k.head, mask.head) OR starts_with(mask.head, k.head))
        AND (right(k.tail, length(mask.tail)) = mask.tail OR right(mask.tail, length(k.tail)) = k.tail)))
ORDER BY k.created_at DESC LIMIT 50;

-- newest: how far the newest so many tasks below a task reach
SELECT id FROM task WHERE id < :below ORDER BY id DESC OFFSET :many LIMIT 1;

-- newest_of: the same, of one account
SELECT id FROM task WHERE account_id = :account_id AND id < :below ORDER BY id DESC OFFSET :many LIMIT 1;

-- reached: up to which task the words were taken up
SELECT reached FROM words_taken;

-- pieces: what of these words the index knows; nothing where all of them are too short
SELECT grams(lower(array_to_string(:words::text[], E'\n'))) AS grams;

-- with_words: tasks below one, newest first, whose prompt or failure has all of these
WITH found AS MATERIALIZED (
    SELECT w.task_id AS id FROM task_words w
    WHERE grams(w.words) @> :grams::integer[]
      AND w.words LIKE ALL (ARRAY(SELECT lower(pattern) FROM unnest(:patterns::text[]) AS pattern))
      AND w.task_id < :below AND (:account_id::bigint IS NULL OR w.account_id = :account_id)
)
SELECT DISTINCT id FROM found ORDER BY id DESC LIMIT :limit;

-- alone: whether nobody else takes up words at this moment; until the end of the transaction
SELECT pg_try_advisory_xact_lock(hashtext('words_taken')) AS mine;

-- untaken: the next tasks after one whose words nobody can find yet
SELECT t.id, t.request ->> 'prompt' AS prompt FROM task t
WHERE t.id > :after AND NOT EXISTS (SELECT FROM task_words w WHERE w.task_id = t.id AND w.part = 'a')
ORDER BY t.id LIMIT :limit;

-- take: keep the words of these tasks, and say how far that goes
WITH given AS MATERIALIZED (
    SELECT t.id, t.account_id, t.failure_code, t.failure_message, words
    FROM unnest(:ids::uuid[], :words::text[]) AS given (id, words) JOIN task t ON t.id = given.id
), kept AS (
    INSERT INTO task_words (task_id, account_id, part, words)
    SELECT id, account_id, 'a', lower(left(words, 4000)) FROM given
    UNION ALL
    -- of those that failed before there was a trigger
    SELECT id, account_id, 'f', failure_words(failure_code, failure_message) FROM given
    WHERE failure_message <> '' OR failure_code <> ''
    ON CONFLICT DO NOTHING
)
UPDATE words_taken SET reached = last.id FROM (SELECT id FROM given ORDER BY id DESC LIMIT 1) AS last
WHERE last.id > reached;

-- since: from where on a task may have been overtaken: ids are made by clocks that are not PostgreSQL's
SELECT least(reached, first_id_of(now() - interval '1 hour')) AS after FROM words_taken;
