-- Search: whatever is pasted leads to its task. Ids by equality on an index; words by pieces of two and three letters.

-- Ids ----------------------------------------------------------------------------------------------------------

-- The X-Request-Id of the submission. Older tasks do not say.
ALTER TABLE task ADD COLUMN request_id text;
CREATE TRIGGER a_task_keeps_its_request_id BEFORE UPDATE OF request_id ON task
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Hash indexes, because these are only ever asked for as a whole: half the size of a tree.
CREATE INDEX task_by_request_id ON task USING hash (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX task_by_failure_request_id ON task USING hash (failure_request_id) WHERE failure_request_id IS NOT NULL;
CREATE INDEX task_by_key ON task (key_id, id DESC);
CREATE INDEX call_by_upstream_request_id ON upstream_call USING hash (upstream_request_id)
    WHERE upstream_request_id IS NOT NULL;
CREATE INDEX artifact_by_digest ON artifact USING hash (sha256);
-- The tree on (route, upstream_id) would do, if it could be known that there are few routes.
CREATE INDEX spend_by_upstream_id ON spend USING hash (upstream_id) WHERE upstream_id IS NOT NULL;
CREATE INDEX idempotency_key_of_any_account ON idempotency_key USING hash (key);

-- Words --------------------------------------------------------------------------------------------------------

-- Every two neighbours of Chinese and its kin, every three letters or digits of the rest, each as a number. Two
-- pieces may share a number: what is found is compared with the text itself.
CREATE FUNCTION grams(words text) RETURNS integer[] LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    cjk CONSTANT integer := 11904; -- the first radical; all before it are alphabets
    letter text;
    a integer := 0;
    b integer := 0;
    c integer;
    found integer[] := '{}';
BEGIN
    FOREACH letter IN ARRAY string_to_array(words, NULL) LOOP
        c := ascii(letter);
        IF b >= cjk AND c >= cjk THEN
            found := found || ((b::bigint * 65599 + c) % 2147483647)::integer;
        ELSIF a BETWEEN 48 AND cjk - 1 AND b BETWEEN 48 AND cjk - 1 AND c BETWEEN 48 AND cjk - 1 THEN
            found := found || (((a::bigint * 1021 + b) * 1021 + c) % 2147483647)::integer;
        END IF;
        a := b;
        b := c;
    END LOOP;
    RETURN found;
END $$;

-- The words of a task, apart from it: they never change, and a task's row changes often, which would cost every
-- index of the words each time. What was asked is taken up by a worker a little later; what failed, at once.
CREATE TABLE task_words (
    task_id uuid NOT NULL,
    account_id bigint NOT NULL,
    part "char" NOT NULL CONSTRAINT part_is_asked_or_failed CHECK (part IN ('a', 'f')),
    words text NOT NULL,
    PRIMARY KEY (task_id, part)
) PARTITION BY RANGE (task_id);
-- Its list of new entries is read by every search, so it stays short.
CREATE INDEX task_by_words ON task_words USING gin (grams(words)) WITH (gin_pending_list_limit = 512);

-- One row: up to which task the words were taken up.
CREATE TABLE words_taken (
    one boolean PRIMARY KEY DEFAULT true CONSTRAINT there_is_one_mark CHECK (one),
    reached uuid NOT NULL
);
INSERT INTO words_taken (reached) VALUES ('00000000-0000-0000-0000-000000000000');

-- How the words of a failure are kept: the code is what support pastes most.
CREATE FUNCTION failure_words(code text, message text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT lower(left(coalesce(code || ' ', '') || coalesce(message, ''), 2000))
$$;

CREATE FUNCTION take_failure_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO task_words (task_id, account_id, part, words)
    VALUES (NEW.id, NEW.account_id, 'f', failure_words(NEW.failure_code, NEW.failure_message))
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER words_of_a_failure_are_found_at_once AFTER UPDATE OF failure_message ON task
    FOR EACH ROW WHEN (NEW.failure_message <> '' OR NEW.failure_code <> '') EXECUTE FUNCTION take_failure_words();

-- Months: as before, and the words -----------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION make_month(month timestamptz) RETURNS boolean LANGUAGE plpgsql SET lock_timeout = '10s' AS $$
DECLARE
    -- timestamptz arithmetic follows the session's zone; months are cut in UTC.
    start timestamptz := date_trunc('month', month, 'UTC');
    next timestamptz := date_trunc('month', start + interval '32 days', 'UTC');
    suffix text := to_char(start AT TIME ZONE 'UTC', '_YYYY_MM');
    leaf text;
    parent text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('make_month'));
    IF to_regclass('task' || suffix) IS NOT NULL THEN
        RETURN false;
    END IF;
    FOREACH parent IN ARRAY ARRAY['task_event', 'task', 'upstream_call', 'artifact', 'task_note', 'task_words'] LOOP
        leaf := parent || suffix;
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', leaf, parent);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                       parent, leaf, first_id_of(start), first_id_of(next));
        EXECUTE format('CREATE TRIGGER the_whole_ledger_stays BEFORE TRUNCATE ON %I
                        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', leaf);
    END LOOP;
    EXECUTE format($ddl$
        ALTER TABLE %1$I ADD CONSTRAINT an_event_follows_the_one_before
            FOREIGN KEY (task_id, prev_seq, from_state) REFERENCES %1$I (task_id, seq, to_state);
        ALTER TABLE %2$I ADD CONSTRAINT task_state_is_last_event
            FOREIGN KEY (id, seq, state) REFERENCES %1$I (task_id, seq, to_state) DEFERRABLE INITIALLY DEFERRED;
        CREATE CONSTRAINT TRIGGER an_event_moves_its_task AFTER INSERT ON %1$I
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_idle_event();
        ALTER TABLE %3$I ADD CONSTRAINT a_call_is_about_a_task FOREIGN KEY (task_id) REFERENCES %2$I (id);
        ALTER TABLE %4$I ADD CONSTRAINT an_artifact_is_of_a_task FOREIGN KEY (task_id) REFERENCES %2$I (id);
        ALTER TABLE %5$I ADD CONSTRAINT a_note_is_about_a_task FOREIGN KEY (task_id) REFERENCES %2$I (id);
        $ddl$, 'task_event' || suffix, 'task' || suffix, 'upstream_call' || suffix, 'artifact' || suffix,
        'task_note' || suffix);
    RETURN true;
END $$;

-- The months that are there already, each with the bounds of its tasks.
DO $$
DECLARE
    month record;
BEGIN
    FOR month IN
        SELECT replace(c.relname, 'task', 'task_words') AS leaf, pg_get_expr(c.relpartbound, c.oid) AS bounds
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'task'::regclass
    LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF task_words %s', month.leaf, month.bounds);
        EXECUTE format('CREATE TRIGGER the_whole_ledger_stays BEFORE TRUNCATE ON %I
                        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', month.leaf);
    END LOOP;
END $$;
