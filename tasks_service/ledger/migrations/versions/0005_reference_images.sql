-- Reference images: whose they are, and which of them a task was given. Their bytes lie in the store, each once.

CREATE TABLE reference_image (
    account_id bigint NOT NULL REFERENCES account,
    sha256 bytea NOT NULL CONSTRAINT image_digest_is_sha256 CHECK (octet_length(sha256) = 32),
    type text NOT NULL,
    bytes bigint NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT one_image_per_account_and_digest PRIMARY KEY (account_id, sha256)
);
-- It is named by its bytes, so there is nothing about it that could become different.
CREATE TRIGGER an_image_stays_as_it_is BEFORE UPDATE ON reference_image
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER the_whole_ledger_stays BEFORE TRUNCATE ON reference_image
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What the images of a request were found to be at submission, and where they came from.
ALTER TABLE task ADD COLUMN pictures jsonb NOT NULL DEFAULT '[]';
DROP TRIGGER a_task_keeps_its_owner_and_request ON task;
CREATE TRIGGER a_task_keeps_its_owner_and_request
    BEFORE UPDATE OF id, account_id, key_id, model, kind, provider, route, endpoint, request, pictures, request_sha256,
        fingerprint, checked, not_checked, duplicate_allowed, external_id, metadata, created_at ON task
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
