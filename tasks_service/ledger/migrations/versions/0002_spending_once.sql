-- Spending once: what was about to be sent, until when it may be, and with whose credential.

-- The endpoint that takes the task at its provider: ids are known only there with some.
ALTER TABLE task ADD COLUMN endpoint text NOT NULL DEFAULT '';
DROP TRIGGER a_task_keeps_its_owner_and_request ON task;
CREATE TRIGGER a_task_keeps_its_owner_and_request
    BEFORE UPDATE OF id, account_id, key_id, model, kind, provider, route, endpoint, request, request_sha256,
        fingerprint, checked, not_checked, duplicate_allowed, external_id, metadata, created_at ON task
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Intentions of an older release say nothing of these, and may be under way at this moment.
ALTER TABLE spend
    ADD COLUMN send_deadline timestamptz NOT NULL DEFAULT now(),
    -- of the paid request as it was to be sent: under the same reference nothing else may be sent
    ADD COLUMN body_sha256 bytea CONSTRAINT body_digest_is_sha256 CHECK (octet_length(body_sha256) = 32),
    -- eight letters of the digest of the route's credential: whoever asks with another may see nothing
    ADD COLUMN credential text CONSTRAINT credential_is_a_short_digest CHECK (credential ~ '^[0-9a-f]{8}$');
ALTER TABLE spend ALTER COLUMN send_deadline SET DEFAULT clock_timestamp();
DROP TRIGGER an_intention_stays_as_it_was ON spend;
CREATE TRIGGER an_intention_stays_as_it_was
    BEFORE UPDATE OF task_id, attempt, reference, route, intended_at, send_deadline, body_sha256, credential ON spend
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Tasks that we gave up although the upstream may still finish them: looked at now and then, until a date.
CREATE TABLE late_look (
    task_id uuid PRIMARY KEY,
    due_at timestamptz NOT NULL,
    until_at timestamptz NOT NULL,
    upstream_id text, -- where the task itself never came to know it
    claim integer NOT NULL DEFAULT 0
);
CREATE INDEX late_look_by_due ON late_look (due_at);


-- Every attempt of a task goes out under the same reference; what was not created leaves it free.
ALTER TABLE spend DROP CONSTRAINT one_spend_per_reference;
CREATE UNIQUE INDEX one_possible_spend_per_reference ON spend (reference) WHERE outcome <> 'not_created';
