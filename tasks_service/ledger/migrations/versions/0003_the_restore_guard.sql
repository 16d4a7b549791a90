-- The restore guard: a ledger that went back has forgotten what was paid, and must not pay again.

-- Times in which nothing is sent, because the ledger was found behind the copy of its epoch in the store.
CREATE TABLE quarantine (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    reason text NOT NULL CONSTRAINT reason_is_known CHECK (reason IN ('ledger_went_back', 'new_ledger_over_old_store')),
    ledger_epoch bigint NOT NULL,
    outside_epoch bigint NOT NULL,
    -- tasks that may have been paid in the time that was forgotten
    doubted integer NOT NULL DEFAULT 0,
    released_at timestamptz,
    released_by text,
    release_reason text CONSTRAINT a_release_has_a_reason CHECK (release_reason ~ '\S'),
    CONSTRAINT the_outside_was_ahead CHECK (outside_epoch > ledger_epoch),
    CONSTRAINT a_release_says_who_and_why
        CHECK (num_nulls(released_at, released_by, release_reason) IN (0, 3))
);
CREATE UNIQUE INDEX one_open_quarantine ON quarantine ((released_at IS NULL)) WHERE released_at IS NULL;

-- One row. The epoch counts the rounds of senders; a ledger that went back shows a lower one than the store.
CREATE TABLE instance (
    one boolean PRIMARY KEY DEFAULT true CONSTRAINT there_is_one_instance CHECK (one),
    epoch bigint NOT NULL DEFAULT 0 CONSTRAINT epochs_count_from_nothing CHECK (epoch >= 0),
    -- the open quarantine: in this row, so that the lock on it orders senders and those who open or end one
    quarantine bigint REFERENCES quarantine
);
INSERT INTO instance DEFAULT VALUES;

CREATE TRIGGER an_epoch_counts_up BEFORE UPDATE OF epoch ON instance
    FOR EACH ROW WHEN (NEW.epoch < OLD.epoch) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER nothing_is_sent_in_quarantine BEFORE UPDATE OF epoch ON instance
    FOR EACH ROW WHEN (NEW.epoch <> OLD.epoch AND NEW.quarantine IS NOT NULL) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER the_instance_stays BEFORE DELETE ON instance
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER a_quarantine_stays_as_it_began
    BEFORE DELETE OR UPDATE OF id, began_at, reason, ledger_epoch, outside_epoch ON quarantine
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER a_quarantine_ends_once BEFORE UPDATE ON quarantine
    FOR EACH ROW WHEN (OLD.released_at IS NOT NULL) EXECUTE FUNCTION refuse_change();

CREATE TRIGGER the_whole_ledger_stays BEFORE TRUNCATE ON instance
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER the_whole_ledger_stays BEFORE TRUNCATE ON quarantine
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
