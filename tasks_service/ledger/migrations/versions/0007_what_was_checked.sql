-- Rules are named in `checked`; what they knew of the models is named here. Older tasks do not say.
ALTER TABLE task ADD COLUMN catalogue text;
DROP TRIGGER a_task_keeps_its_owner_and_request ON task;
CREATE TRIGGER a_task_keeps_its_owner_and_request
    BEFORE UPDATE OF id, account_id, key_id, model, kind, provider, route, endpoint, request, pictures, request_sha256,
        fingerprint, catalogue, checked, not_checked, duplicate_allowed, external_id, metadata, created_at ON task
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
