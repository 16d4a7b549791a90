-- The same trouble is one row, made by the first task that fails of it. Nothing is counted here: how many, when and
-- whose is in its cases, so that a thousand that fail at once have no row to wait for.
CREATE TABLE failure_group (
    key text PRIMARY KEY CONSTRAINT a_group_is_named_by_version_and_digest CHECK (key ~ '^v[0-9]{1,3}:[0-9a-f]{20}$'),
    provider text NOT NULL,
    phase text NOT NULL CONSTRAINT phase_is_known CHECK (phase IN ('submit', 'poll', 'download')),
    kind text NOT NULL,
    status_class text,
    code text,
    -- what all of them say, without ids, numbers, addresses and quoted prompts
    words text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    -- what a person said last; `changes` counts it
    said text NOT NULL DEFAULT 'new'
        CONSTRAINT what_is_said_is_known CHECK (said IN ('new', 'known', 'muted', 'resolved')),
    said_at timestamptz,
    muted_until timestamptz,
    changes integer NOT NULL DEFAULT 0 CONSTRAINT changes_count_from_nothing CHECK (changes >= 0),
    last_change integer GENERATED ALWAYS AS (nullif(changes, 0)) STORED,
    CONSTRAINT nothing_is_said_of_what_is_new CHECK ((changes = 0) = (said = 'new')),
    CONSTRAINT what_is_said_has_a_time CHECK ((changes = 0) = (said_at IS NULL)),
    CONSTRAINT only_what_is_muted_has_an_end CHECK ((said = 'muted') = (muted_until IS NOT NULL)),
    CONSTRAINT a_quiet_time_ends CHECK (isfinite(muted_until))
);

-- Who said what of a group, and why: append-only.
CREATE TABLE failure_group_change (
    group_key text NOT NULL CONSTRAINT a_change_is_of_a_group REFERENCES failure_group,
    n integer NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL,
    -- as it stood then, which may have come about by itself
    from_state text NOT NULL,
    to_state text NOT NULL,
    muted_until timestamptz,
    reason text NOT NULL,
    PRIMARY KEY (group_key, n),
    CONSTRAINT one_state_per_change UNIQUE (group_key, n, to_state)
);
ALTER TABLE failure_group ADD CONSTRAINT what_is_said_is_the_last_change
    FOREIGN KEY (key, last_change, said) REFERENCES failure_group_change (group_key, n, to_state)
    DEFERRABLE INITIALLY DEFERRED;

-- How a group stands: what was said, until a failure or the time has overtaken it.
CREATE FUNCTION group_state(
    said text, said_at timestamptz, muted_until timestamptz, last_failed_at timestamptz, at timestamptz
) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN said = 'resolved' AND last_failed_at > said_at THEN 'reopened'
        WHEN said = 'muted' AND at >= muted_until THEN
            CASE WHEN last_failed_at >= muted_until THEN 'reopened' ELSE 'known' END
        ELSE said
    END
$$;

-- Without a foreign key: it would have every failing task lock the group's row.
ALTER TABLE task
    ADD COLUMN failure_group text,
    ADD CONSTRAINT only_failures_are_cases CHECK (failure_group IS NULL OR state = 'failed');

CREATE TRIGGER what_it_failed_of_is_said_by_moves_only BEFORE UPDATE OF failure_group ON task
    FOR EACH ROW WHEN (NEW.seq = OLD.seq) EXECUTE FUNCTION refuse_change();

-- One failed task, as far as it is counted: a tenth of its row, over all months. Written by the move that fails it.
CREATE TABLE failure_case (
    task_id uuid PRIMARY KEY,
    group_key text NOT NULL,
    account_id bigint NOT NULL,
    route text NOT NULL,
    failed_at timestamptz NOT NULL DEFAULT now(),
    -- these two may still be learnt after the end
    spend text NOT NULL,
    came_late boolean NOT NULL DEFAULT false
);
CREATE INDEX case_by_group ON failure_case (group_key, failed_at, task_id);
CREATE INDEX case_by_account ON failure_case (account_id, group_key, failed_at, task_id);

CREATE TRIGGER a_case_is_what_it_was BEFORE UPDATE OF task_id, group_key, account_id, route, failed_at ON failure_case
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER what_came_late_has_come BEFORE UPDATE OF came_late ON failure_case
    FOR EACH ROW WHEN (OLD.came_late) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER cases_are_kept BEFORE DELETE ON failure_case
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER the_whole_ledger_stays BEFORE TRUNCATE ON failure_case
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER a_group_is_what_it_is BEFORE UPDATE OF key, provider, phase, kind, status_class, code, words, made_at
    ON failure_group FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER what_is_said_changes_one_by_one BEFORE UPDATE OF said, said_at, muted_until, changes ON failure_group
    FOR EACH ROW WHEN (NEW.changes <> OLD.changes + 1) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER groups_are_kept BEFORE DELETE ON failure_group
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER changes_are_append_only BEFORE UPDATE OR DELETE ON failure_group_change
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER the_whole_ledger_stays BEFORE TRUNCATE ON failure_group
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER the_whole_ledger_stays BEFORE TRUNCATE ON failure_group_change
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
