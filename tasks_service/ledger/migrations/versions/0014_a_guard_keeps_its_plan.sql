-- Its query is over all months, and PostgreSQL believes a plan for each row to be cheaper than one that prunes when it
-- runs: planning was half of what a submission, and half of what a move took of the server.
ALTER FUNCTION refuse_idle_event() SET plan_cache_mode = 'force_generic_plan';

-- Of equal tasks that are alive: the latest, or any other where that has ended before them. A function, because whatever
-- stands in a statement itself is made ready each time, over all months, and work is taken seldom.
CREATE FUNCTION alive_among_equals(account bigint, work bytea, latest uuid) RETURNS uuid
    LANGUAGE plpgsql STABLE SET plan_cache_mode = 'force_generic_plan' AS $$
BEGIN
    RETURN coalesce(
        (SELECT id FROM task WHERE id = latest AND due_at IS NOT NULL),
        (SELECT id FROM task WHERE account_id = account AND fingerprint = work AND due_at IS NOT NULL LIMIT 1),
        latest
    );
END $$;
