-- Whoever decides may run with other settings than whoever sent, so the sender's own patience goes on record.

ALTER TABLE spend
    -- The default is for attempts of which nobody said how long they wait: those on record already, and those that
    -- a worker of an older release makes while it is being replaced.
    ADD COLUMN answer_by timestamptz NOT NULL DEFAULT clock_timestamp() + interval '1 hour',
    -- under which claim of the task: numbers of attempts come again where an intention was never committed
    ADD COLUMN claim integer;
DROP TRIGGER an_intention_stays_as_it_was ON spend;
CREATE TRIGGER an_intention_stays_as_it_was
    BEFORE UPDATE OF task_id, attempt, reference, route, intended_at, send_deadline, answer_by, claim, body_sha256,
        credential ON spend
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
