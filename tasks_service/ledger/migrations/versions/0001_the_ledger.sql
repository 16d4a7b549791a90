-- The ledger: accounts and keys, tasks and the chain of their events, calls to upstreams, artifacts, guards.
-- Constraints are named as sentences, because their names surface in errors.

-- People ---------------------------------------------------------------------------------------------------

CREATE TABLE account (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CONSTRAINT one_account_per_name UNIQUE
        CONSTRAINT account_name_is_short CHECK (name ~ '^[a-z0-9][a-z0-9_.-]{0,62}$'),
    created_at timestamptz NOT NULL DEFAULT now()
);

-- The key itself is never here: only its digest, and the head and tail by which people recognise it.
CREATE TABLE api_key (
    id text PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account,
    role text NOT NULL CONSTRAINT role_is_known CHECK (role IN ('customer', 'support', 'operator', 'admin')),
    secret_sha256 bytea NOT NULL CONSTRAINT key_is_a_digest CHECK (octet_length(secret_sha256) = 32),
    head text NOT NULL,
    tail text NOT NULL,
    label text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);

-- The state machine as data; a test holds it against schemas/lifecycle.py -----------------------------------

CREATE TABLE lifecycle (
    from_state text NOT NULL,
    to_state text NOT NULL,
    PRIMARY KEY (from_state, to_state)
);

INSERT INTO lifecycle (from_state, to_state) VALUES
    ('submitted', 'queued'), ('submitted', 'running'), ('submitted', 'done'), ('submitted', 'failed'),
    ('queued', 'running'), ('queued', 'done'), ('queued', 'failed'),
    ('running', 'done'), ('running', 'failed'),
    ('done', 'downloaded'), ('done', 'failed');

-- Tasks and what happened to them: partitioned by month on the time-ordered id -------------------------------

CREATE TABLE task (
    id uuid NOT NULL PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account,
    key_id text NOT NULL,
    state text NOT NULL,
    seq integer NOT NULL,
    -- due_at is the queue, the schedule, the retry and the lease; claim counts the leases.
    due_at timestamptz,
    claim integer NOT NULL DEFAULT 0,
    model text NOT NULL,
    kind text NOT NULL CONSTRAINT kind_is_known CHECK (kind IN ('image', 'video')),
    provider text NOT NULL,
    route text NOT NULL,
    request jsonb NOT NULL,
    request_sha256 bytea NOT NULL,
    fingerprint bytea NOT NULL,
    checked text[] NOT NULL,
    not_checked text[] NOT NULL,
    duplicate_allowed boolean NOT NULL DEFAULT false,
    spend text NOT NULL DEFAULT 'none'
        CONSTRAINT spend_is_known CHECK (spend IN ('none', 'intended', 'confirmed', 'not_created', 'unknown')),
    attempt integer NOT NULL DEFAULT 0,
    upstream_id text,
    progress smallint CONSTRAINT progress_is_a_percentage CHECK (progress BETWEEN 0 AND 100),
    result_expires_at timestamptz,
    parked text CONSTRAINT parked_is_known
        CHECK (parked IN ('outcome_unknown', 'stalled', 'artifact_at_risk', 'unrecognised_status')),
    parked_at timestamptz,
    cancel_requested_at timestamptz,
    failure_kind text,
    failure_code text,
    failure_status integer,
    failure_message text,
    failure_request_id text,
    external_id text,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    queued_at timestamptz,
    running_at timestamptz,
    finished_at timestamptz,
    downloaded_at timestamptz,
    CONSTRAINT the_next_look_has_a_date CHECK (isfinite(due_at)),
    CONSTRAINT a_live_task_has_a_next_look CHECK ((state IN ('downloaded', 'failed')) = (due_at IS NULL)),
    CONSTRAINT a_failed_task_says_why CHECK ((state = 'failed') = (failure_kind IS NOT NULL)),
    CONSTRAINT a_parked_task_says_since_when CHECK ((parked IS NULL) = (parked_at IS NULL)),
    CONSTRAINT a_final_task_is_not_parked CHECK (parked IS NULL OR due_at IS NOT NULL),
    CONSTRAINT upstream_work_has_its_id CHECK (state NOT IN ('queued', 'running', 'done', 'downloaded') OR upstream_id IS NOT NULL)
) PARTITION BY RANGE (id);

CREATE INDEX task_by_due ON task (state, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX task_by_account ON task (account_id, id DESC);
CREATE INDEX task_by_upstream_id ON task (upstream_id) WHERE upstream_id IS NOT NULL;
CREATE INDEX task_by_external_id ON task (external_id) WHERE external_id IS NOT NULL;
CREATE INDEX task_by_failure ON task (failure_kind, id DESC) WHERE failure_kind IS NOT NULL;
CREATE INDEX task_by_parked ON task (parked, id DESC) WHERE parked IS NOT NULL;
CREATE INDEX task_by_metadata ON task USING gin (metadata jsonb_path_ops) WHERE metadata <> '{}';

CREATE TABLE task_event (
    task_id uuid NOT NULL,
    seq integer NOT NULL CONSTRAINT events_count_from_one CHECK (seq >= 1),
    prev_seq integer GENERATED ALWAYS AS (nullif(seq, 1) - 1) STORED,
    from_state text,
    to_state text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL,
    cause text NOT NULL,
    detail text,
    PRIMARY KEY (task_id, seq),
    -- The chain's foreign keys, declared month by month in make_month, point at this.
    CONSTRAINT one_state_per_event UNIQUE (task_id, seq, to_state),
    CONSTRAINT only_the_first_event_comes_from_nothing CHECK ((seq = 1) = (from_state IS NULL)),
    CONSTRAINT life_begins_submitted CHECK (seq > 1 OR to_state = 'submitted'),
    CONSTRAINT a_move_is_legal FOREIGN KEY (from_state, to_state) REFERENCES lifecycle
) PARTITION BY RANGE (task_id);

-- One exchange with an upstream; equal answers to equal questions are counted in repeats, not repeated.
CREATE TABLE upstream_call (
    task_id uuid NOT NULL,
    id uuid NOT NULL,
    purpose text NOT NULL
        CONSTRAINT purpose_is_known CHECK (purpose IN ('submit', 'poll', 'download', 'lookup', 'cancel')),
    attempt integer NOT NULL,
    route text NOT NULL,
    method text NOT NULL,
    path text NOT NULL,
    sent_at timestamptz NOT NULL,
    latency_ms integer NOT NULL,
    status integer,
    trouble text,
    upstream_request_id text,
    answer_sha256 bytea,
    body text,
    repeats integer NOT NULL DEFAULT 0,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (task_id, id),
    CONSTRAINT a_call_has_a_status_or_a_trouble CHECK (status IS NOT NULL OR trouble IS NOT NULL)
) PARTITION BY RANGE (task_id);

CREATE TABLE artifact (
    task_id uuid NOT NULL,
    n integer NOT NULL,
    key text NOT NULL,
    type text NOT NULL,
    bytes bigint NOT NULL,
    sha256 text NOT NULL CONSTRAINT digest_is_sha256 CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    width integer,
    height integer,
    duration_s real,
    stored_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (task_id, n)
) PARTITION BY RANGE (task_id);

-- What happened without a move: parked, a request to cancel, a person's decision.
CREATE TABLE task_note (
    task_id uuid NOT NULL,
    id uuid NOT NULL,
    type text NOT NULL CONSTRAINT type_is_known CHECK (type IN ('parked', 'decision', 'note')),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL,
    reason text NOT NULL,
    detail text,
    PRIMARY KEY (task_id, id)
) PARTITION BY RANGE (task_id);

-- Guards: what must be unique over all months ----------------------------------------------------------------

CREATE TABLE idempotency_key (
    account_id bigint NOT NULL,
    key text NOT NULL,
    task_id uuid NOT NULL,
    CONSTRAINT one_task_per_idempotency_key PRIMARY KEY (account_id, key)
);

-- Equal tasks that are alive: more than one where a duplicate was allowed. task_id is the latest of them.
CREATE TABLE live_work (
    account_id bigint NOT NULL,
    fingerprint bytea NOT NULL,
    task_id uuid NOT NULL,
    live integer NOT NULL DEFAULT 1 CONSTRAINT no_more_end_than_began CHECK (live >= 0),
    CONSTRAINT one_live_task_per_fingerprint PRIMARY KEY (account_id, fingerprint)
);

-- The intention to spend is committed here before the request leaves.
CREATE TABLE spend (
    task_id uuid NOT NULL,
    attempt integer NOT NULL,
    reference text NOT NULL CONSTRAINT one_spend_per_reference UNIQUE,
    route text NOT NULL,
    outcome text NOT NULL
        CONSTRAINT outcome_is_known CHECK (outcome IN ('intended', 'confirmed', 'not_created', 'unknown')),
    upstream_id text,
    intended_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    settled_at timestamptz,
    PRIMARY KEY (task_id, attempt)
);
CREATE UNIQUE INDEX one_possible_spend_per_task ON spend (task_id) WHERE outcome <> 'not_created';
CREATE UNIQUE INDEX one_task_per_upstream_id ON spend (route, upstream_id) WHERE upstream_id IS NOT NULL;

-- Enforcement ------------------------------------------------------------------------------------------------

-- A trigger is named as the rule that it keeps. Rules on the way of every legal write are WHEN clauses and lists
-- of columns, so that the function is called for a cheat only.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: %', TG_OP, TG_TABLE_NAME, replace(TG_NAME, '_', ' ')
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
END $$;

-- Looks at the leaf's own month: a task's events are always in the month of its id.
CREATE FUNCTION refuse_idle_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM task WHERE id = NEW.task_id AND seq >= NEW.seq;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'event % of task % moved nothing', NEW.seq, NEW.task_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'an_event_moves_its_task';
    END IF;
    RETURN NULL;
END $$;

-- The last to end takes the row away. A DELETE of rows that count one would leave some behind: two that end at
-- once would both see two.
CREATE FUNCTION forget_work() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM live_work WHERE account_id = NEW.account_id AND fingerprint = NEW.fingerprint AND live = 0;
    RETURN NULL;
END $$;

CREATE TRIGGER work_that_nobody_does_is_forgotten AFTER UPDATE OF live ON live_work
    FOR EACH ROW WHEN (NEW.live = 0) EXECUTE FUNCTION forget_work();

CREATE TRIGGER the_lifecycle_is_part_of_the_schema BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON lifecycle
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER events_are_append_only BEFORE UPDATE OR DELETE ON task_event
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER notes_are_append_only BEFORE UPDATE OR DELETE ON task_note
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER artifacts_are_append_only BEFORE UPDATE OR DELETE ON artifact
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Only the count of equal answers grows.
CREATE TRIGGER calls_are_evidence
    BEFORE DELETE OR UPDATE OF task_id, id, purpose, attempt, route, method, path, sent_at, latency_ms, status, trouble,
        upstream_request_id, answer_sha256, body ON upstream_call
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER repeats_count_up BEFORE UPDATE OF repeats ON upstream_call
    FOR EACH ROW WHEN (NEW.repeats < OLD.repeats) EXECUTE FUNCTION refuse_change();

CREATE TRIGGER tasks_are_kept BEFORE DELETE ON task
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
-- Written once, when it is accepted. A list of columns rather than a comparison, which would read the request.
CREATE TRIGGER a_task_keeps_its_owner_and_request
    BEFORE UPDATE OF id, account_id, key_id, model, kind, provider, route, request, request_sha256, fingerprint,
        checked, not_checked, duplicate_allowed, external_id, metadata, created_at ON task
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
-- The foreign keys let a task point back at an older event of its own; this does not.
CREATE TRIGGER a_task_moves_one_event_at_a_time BEFORE UPDATE OF seq ON task
    FOR EACH ROW WHEN (NEW.seq <> OLD.seq AND NEW.seq <> OLD.seq + 1) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER how_it_went_is_said_by_moves_only
    BEFORE UPDATE OF state, queued_at, running_at, finished_at, downloaded_at, failure_kind, failure_code,
        failure_status, failure_message, failure_request_id ON task
    FOR EACH ROW WHEN (NEW.seq = OLD.seq) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER an_upstream_id_and_a_time_are_written_once
    BEFORE UPDATE OF upstream_id, cancel_requested_at, queued_at, running_at, finished_at, downloaded_at ON task
    FOR EACH ROW WHEN (
        (coalesce(OLD.upstream_id, NEW.upstream_id), coalesce(OLD.cancel_requested_at, NEW.cancel_requested_at),
         coalesce(OLD.queued_at, NEW.queued_at), coalesce(OLD.running_at, NEW.running_at),
         coalesce(OLD.finished_at, NEW.finished_at), coalesce(OLD.downloaded_at, NEW.downloaded_at))
        IS DISTINCT FROM
        (NEW.upstream_id, NEW.cancel_requested_at, NEW.queued_at, NEW.running_at, NEW.finished_at, NEW.downloaded_at)
    ) EXECUTE FUNCTION refuse_change();
-- What is known of its spend may still be learnt after the end: an upstream can answer late.
CREATE TRIGGER a_final_task_stays_as_it_is
    BEFORE UPDATE OF claim, attempt, upstream_id, progress, result_expires_at, parked, parked_at, cancel_requested_at
    ON task
    FOR EACH ROW WHEN (OLD.due_at IS NULL) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER claims_and_attempts_count_up BEFORE UPDATE OF claim, attempt ON task
    FOR EACH ROW WHEN (NEW.claim < OLD.claim OR NEW.attempt < OLD.attempt) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER what_is_known_of_a_spend_is_not_forgotten BEFORE UPDATE OF spend ON task
    FOR EACH ROW WHEN (NEW.spend <> OLD.spend AND NOT (
        NEW.spend = 'intended' AND OLD.spend IN ('none', 'not_created')
        OR NEW.spend IN ('confirmed', 'not_created', 'unknown') AND OLD.spend IN ('intended', 'unknown')
    )) EXECUTE FUNCTION refuse_change();

CREATE TRIGGER spends_are_kept BEFORE DELETE ON spend
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER an_intention_stays_as_it_was BEFORE UPDATE OF task_id, attempt, reference, route, intended_at ON spend
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER what_became_of_a_spend_is_said_once BEFORE UPDATE ON spend
    FOR EACH ROW WHEN (OLD.outcome IN ('confirmed', 'not_created') OR NEW.outcome = 'intended')
    EXECUTE FUNCTION refuse_change();

-- The leaves get theirs in make_month: a TRUNCATE of a leaf does not ask its parent.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['task', 'task_event', 'upstream_call', 'artifact', 'task_note', 'spend',
                                'idempotency_key', 'live_work'] LOOP
        EXECUTE format('CREATE TRIGGER the_whole_ledger_stays BEFORE TRUNCATE ON %I
                        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', name);
    END LOOP;
END $$;

-- Months -----------------------------------------------------------------------------------------------------

CREATE FUNCTION first_id_of(month timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM month) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

-- Makes the five tables of one month and ties them together. Attached rather than created as partitions,
-- because ATTACH lets readers and writers go on. The chain's keys are declared here, on the leaves: on the
-- partitioned parents they cost half of the speed and make an old month impossible to detach.
-- It waits for whoever changes accounts, the schema or another month; not for ever, and never for tasks.
CREATE FUNCTION make_month(month timestamptz) RETURNS boolean LANGUAGE plpgsql SET lock_timeout = '10s' AS $$
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
    FOREACH parent IN ARRAY ARRAY['task_event', 'task', 'upstream_call', 'artifact', 'task_note'] LOOP
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

-- Last month too, for a clock that is a little behind at midnight.
SELECT make_month(now() + make_interval(months => m)) FROM generate_series(-1, 2) AS m;
