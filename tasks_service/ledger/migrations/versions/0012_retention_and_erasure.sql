-- How a month leaves, and how a customer's content does, while the history's facts stay.

-- Files ------------------------------------------------------------------------------------------------------

-- Files that nobody may see any more. Written with whatever made them so, because a store can be away.
CREATE TABLE unwanted_file (
    key text PRIMARY KEY,
    -- images wait for whoever is about to use the same bytes; then they are asked about again
    due_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX unwanted_file_by_due ON unwanted_file (due_at);

-- Who else has an image: asked when a task that had it leaves.
CREATE INDEX task_by_picture ON task USING gin (pictures jsonb_path_ops) WHERE pictures <> '[]';
CREATE INDEX reference_image_by_digest ON reference_image (sha256);

CREATE FUNCTION picture_named(digest bytea) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_build_array(jsonb_build_object('file_id', 'file_' || encode(digest, 'hex')))
$$;

-- An account lets go of those of its images that no task of its has any more. The bytes are one file for all
-- accounts, so it is decided later whether that goes too.
CREATE FUNCTION release_images(account bigint, digests bytea[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    digest bytea;
BEGIN
    FOREACH digest IN ARRAY digests LOOP
        IF EXISTS (SELECT FROM task t WHERE t.account_id = account AND t.pictures <> '[]'
                   AND t.pictures @> picture_named(digest)) THEN
            CONTINUE;
        END IF;
        DELETE FROM reference_image WHERE account_id = account AND sha256 = digest;
        INSERT INTO unwanted_file (key, due_at)
        VALUES ('references/' || encode(digest, 'hex'), clock_timestamp() + interval '1 hour')
        ON CONFLICT (key) DO UPDATE SET due_at = EXCLUDED.due_at;
    END LOOP;
END $$;

-- An account's list of what is on its way: few rows, in front of which there can be a million that ended.
CREATE INDEX task_by_life ON task (account_id, id DESC) WHERE due_at IS NOT NULL;

-- Erasure ----------------------------------------------------------------------------------------------------

-- The one exception to "written once": what a customer gave us, and what quotes it, may become nothing, all of it
-- at once, of a task that is over. What happened, when, and the digests stay.
ALTER TABLE task ADD COLUMN erased_at timestamptz;

DROP TRIGGER a_task_keeps_its_owner_and_request ON task;
CREATE TRIGGER a_task_keeps_its_owner_and_request
    BEFORE UPDATE OF id, account_id, key_id, model, kind, provider, route, endpoint, request_sha256, fingerprint,
        catalogue, checked, not_checked, duplicate_allowed, created_at ON task
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER content_changes_by_erasure_only
    BEFORE UPDATE OF request, pictures, metadata, external_id ON task
    FOR EACH ROW WHEN (OLD.erased_at IS NOT NULL OR NEW.erased_at IS NULL) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER an_erasure_is_whole_and_of_what_is_over
    BEFORE UPDATE OF erased_at ON task
    FOR EACH ROW WHEN ((
        OLD.erased_at IS NULL AND NEW.erased_at IS NOT NULL AND OLD.due_at IS NULL AND NEW.due_at IS NULL
        AND NEW.request = jsonb_build_object('model', OLD.request -> 'model') AND NEW.pictures = '[]'
        AND NEW.metadata = '{}' AND NEW.external_id IS NULL AND NEW.failure_message IS NULL
    ) IS NOT TRUE) EXECUTE FUNCTION refuse_change();
CREATE FUNCTION refuse_erased_task() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'task % begins with its content', NEW.id
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
END $$;
CREATE TRIGGER a_task_begins_with_its_content BEFORE INSERT ON task
    FOR EACH ROW WHEN (NEW.erased_at IS NOT NULL) EXECUTE FUNCTION refuse_erased_task();

-- An upstream's words may quote the prompt: they go with it.
DROP TRIGGER how_it_went_is_said_by_moves_only ON task;
CREATE TRIGGER how_it_went_is_said_by_moves_only
    BEFORE UPDATE OF state, queued_at, running_at, finished_at, downloaded_at, failure_kind, failure_code,
        failure_status, failure_request_id ON task
    FOR EACH ROW WHEN (NEW.seq = OLD.seq) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER why_it_failed_is_said_by_its_move_only BEFORE UPDATE OF failure_message ON task
    FOR EACH ROW WHEN (NEW.seq = OLD.seq AND (OLD.erased_at IS NOT NULL OR NEW.erased_at IS NULL))
    EXECUTE FUNCTION refuse_change();

-- The words of an event, a call or a note become nothing once those of their task have. The column is the argument.
CREATE FUNCTION refuse_words_but_erasure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW) ->> TG_ARGV[0] IS NULL
       AND EXISTS (SELECT FROM task t WHERE t.id = NEW.task_id AND t.erased_at IS NOT NULL) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% of % is refused: %', TG_OP, TG_TABLE_NAME, replace(TG_NAME, '_', ' ')
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
END $$;

DROP TRIGGER events_are_append_only ON task_event;
CREATE TRIGGER events_are_append_only
    BEFORE DELETE OR UPDATE OF task_id, seq, from_state, to_state, at, actor, cause ON task_event
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER words_of_an_event_are_only_erased BEFORE UPDATE OF detail ON task_event
    FOR EACH ROW EXECUTE FUNCTION refuse_words_but_erasure('detail');

DROP TRIGGER notes_are_append_only ON task_note;
CREATE TRIGGER notes_are_append_only BEFORE DELETE OR UPDATE OF task_id, id, type, at, actor, reason ON task_note
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER words_of_a_note_are_only_erased BEFORE UPDATE OF detail ON task_note
    FOR EACH ROW EXECUTE FUNCTION refuse_words_but_erasure('detail');

-- What all cases of a trouble say becomes nothing once none of them has its content any more.
CREATE FUNCTION refuse_words_of_group_but_erasure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.words = '' AND NOT EXISTS (
        SELECT FROM failure_case c JOIN task t ON t.id = c.task_id
        WHERE c.group_key = NEW.key AND t.erased_at IS NULL
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% of % is refused: %', TG_OP, TG_TABLE_NAME, replace(TG_NAME, '_', ' ')
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
END $$;
DROP TRIGGER a_group_is_what_it_is ON failure_group;
CREATE TRIGGER a_group_is_what_it_is BEFORE UPDATE OF key, provider, phase, kind, status_class, code, made_at
    ON failure_group FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER words_of_a_group_are_only_erased BEFORE UPDATE OF words ON failure_group
    FOR EACH ROW EXECUTE FUNCTION refuse_words_of_group_but_erasure();

DROP TRIGGER calls_are_evidence ON upstream_call;
CREATE TRIGGER calls_are_evidence
    BEFORE DELETE OR UPDATE OF task_id, id, purpose, attempt, route, method, path, sent_at, latency_ms, status, trouble,
        upstream_request_id, answer_sha256 ON upstream_call
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER words_of_a_call_are_only_erased BEFORE UPDATE OF body ON upstream_call
    FOR EACH ROW EXECUTE FUNCTION refuse_words_but_erasure('body');

-- An answer that comes when the content is gone already is evidence all the same, without its words. The lock is
-- the one that the call's foreign key takes a moment later: whoever erases holds the task until the words are gone.
CREATE FUNCTION take_words_of_erased() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    gone timestamptz;
BEGIN
    SELECT erased_at INTO gone FROM task WHERE id = NEW.task_id FOR KEY SHARE;
    IF gone IS NOT NULL THEN
        NEW.body := NULL;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER what_comes_after_an_erasure_has_no_words BEFORE INSERT ON upstream_call
    FOR EACH ROW WHEN (NEW.body IS NOT NULL) EXECUTE FUNCTION take_words_of_erased();

-- Retention --------------------------------------------------------------------------------------------------

-- Months that left, or are leaving. A worker that dies in between leaves the rest to the next.
CREATE TABLE retired_month (
    month date PRIMARY KEY CONSTRAINT a_month_begins_on_its_first CHECK (extract(day FROM month) = 1),
    how text NOT NULL CONSTRAINT how_is_known CHECK (how IN ('detach', 'drop')),
    tasks bigint NOT NULL,
    files bigint NOT NULL,
    began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz
);
CREATE TRIGGER the_whole_ledger_stays BEFORE TRUNCATE ON retired_month
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER what_left_stays_on_record BEFORE DELETE ON retired_month
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Keys go with the tasks that they stand for; written in the order of the tasks, so that this small index finds them.
CREATE INDEX idempotency_key_by_task ON idempotency_key USING brin (task_id);

CREATE FUNCTION leaf_of(parent text, month date) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT parent || '_' || lpad(extract(year FROM month)::text, 4, '0') || '_' || lpad(extract(month FROM month)::text, 2, '0')
$$;

-- Whatever is cut by month; task is the first to go, because what is of no task is shown by nothing.
CREATE FUNCTION monthly_parents() RETURNS SETOF text LANGUAGE sql STABLE AS $$
    SELECT relname::text FROM pg_class
    WHERE relkind = 'p' AND relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'task'::regclass)
    ORDER BY relname <> 'task', relname
$$;

-- A spend goes with its month, and a month goes whole: for as long as its table is there, so is every spend.
DROP TRIGGER spends_are_kept ON spend;
CREATE FUNCTION refuse_unless_month_is_gone() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moment timestamptz := to_timestamp(('x' || left(replace(OLD.task_id::text, '-', ''), 12))::bit(48)::bigint / 1000.0);
BEGIN
    IF to_regclass(leaf_of('task', (moment AT TIME ZONE 'UTC')::date)) IS NULL THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% of % is refused: %', TG_OP, TG_TABLE_NAME, replace(TG_NAME, '_', ' ')
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
END $$;
CREATE TRIGGER spends_are_kept BEFORE DELETE ON spend
    FOR EACH ROW EXECUTE FUNCTION refuse_unless_month_is_gone();
-- So does what a failed task counts in its group.
DROP TRIGGER cases_are_kept ON failure_case;
CREATE TRIGGER cases_are_kept BEFORE DELETE ON failure_case
    FOR EACH ROW EXECUTE FUNCTION refuse_unless_month_is_gone();

-- Whatever is of a task and not cut by month: each such table says so by the trigger above.
CREATE FUNCTION forget_between(first uuid, next uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    guard regclass;
BEGIN
    FOR guard IN SELECT tgrelid FROM pg_trigger
                 WHERE tgfoid = 'refuse_unless_month_is_gone'::regproc AND tgparentid = 0 LOOP
        EXECUTE format('DELETE FROM %s WHERE task_id >= $1 AND task_id < $2', guard) USING first, next;
    END LOOP;
END $$;

-- Remember the files of a month that has been detached, before its tables go.
CREATE FUNCTION let_files_go(month date) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('INSERT INTO unwanted_file (key) SELECT key FROM %I ON CONFLICT DO NOTHING', leaf_of('artifact', month));
    EXECUTE format($q$
        SELECT release_images(account_id, digests) FROM (
            SELECT account_id, array_agg(DISTINCT decode(substr(picture ->> 'file_id', 6), 'hex')) AS digests
            FROM %I, jsonb_array_elements(pictures) AS picture WHERE pictures <> '[]' GROUP BY account_id
        ) AS had $q$, leaf_of('task', month));
END $$;

-- Drop the tables of a month that has been detached. They refer to each other, so all go in one statement.
-- Whoever holds the small tables that they refer to is waited for a moment only, because others wait behind us.
CREATE FUNCTION drop_month(month date) RETURNS boolean LANGUAGE plpgsql SET lock_timeout = '2s' AS $$
DECLARE
    leaves text;
    alive boolean;
BEGIN
    IF to_regclass(leaf_of('task', month)) IS NULL THEN
        RETURN false;
    END IF;
    IF EXISTS (SELECT FROM pg_inherits JOIN monthly_parents() AS parent ON inhrelid = to_regclass(leaf_of(parent, month))) THEN
        RAISE EXCEPTION 'month % is still a part of the ledger', month
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'only_a_detached_month_is_dropped';
    END IF;
    EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE due_at IS NOT NULL)', leaf_of('task', month)) INTO alive;
    IF alive THEN
        RAISE EXCEPTION 'month % has tasks that are not over', month
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'only_what_is_over_is_dropped';
    END IF;
    SELECT string_agg(format('%I', leaf_of(parent, month)), ', ') INTO leaves
    FROM monthly_parents() AS parent WHERE to_regclass(leaf_of(parent, month)) IS NOT NULL;
    EXECUTE 'DROP TABLE ' || leaves;
    RETURN true;
END $$;
