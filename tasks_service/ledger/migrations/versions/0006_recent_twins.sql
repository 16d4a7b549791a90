-- Equal tasks that are alive, or of which one has ended and was, or may have been, paid. So the row outlives its
-- tasks for a while, and whoever asks for the same meets it: one row for both questions, so that nobody can come
-- between them. Tasks that ended before this migration are not in it: they count as forgotten.

ALTER TABLE live_work
    -- the latest that ended so
    ADD COLUMN ended_task_id uuid,
    ADD COLUMN ended_at timestamptz,
    -- the latest before task_id, so that a duplicate that was allowed can say of which
    ADD COLUMN previous_task_id uuid,
    ADD CONSTRAINT an_ended_twin_says_since_when CHECK (num_nulls(ended_task_id, ended_at) IN (0, 2));

-- Not every end is worth remembering: what cost nothing may be asked for again at once.
CREATE OR REPLACE FUNCTION forget_work() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM live_work
    WHERE account_id = NEW.account_id AND fingerprint = NEW.fingerprint AND live = 0 AND ended_at IS NULL;
    RETURN NULL;
END $$;

DROP TRIGGER work_that_nobody_does_is_forgotten ON live_work;
CREATE TRIGGER work_that_nobody_does_is_forgotten AFTER UPDATE OF live, ended_at ON live_work
    FOR EACH ROW WHEN (NEW.live = 0 AND NEW.ended_at IS NULL) EXECUTE FUNCTION forget_work();
