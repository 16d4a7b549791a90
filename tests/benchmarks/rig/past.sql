-- sizes: bytes of each table with its months, its indexes included
SELECT coalesce((SELECT inhparent::regclass::text FROM pg_inherits WHERE inhrelid = c.oid), c.relname) AS of_table,
       sum(pg_total_relation_size(c.oid))::float8 AS bytes
FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace GROUP BY 1;

-- some: tasks that have been through everything, from all over the past
SELECT id FROM task WHERE state = 'downloaded' ORDER BY md5(id::text) LIMIT :limit;

-- typical: values that lists are narrowed to
SELECT (SELECT account_id FROM task GROUP BY 1 ORDER BY count(*) DESC LIMIT 1) AS account_id,
       (SELECT model FROM task GROUP BY 1 ORDER BY count(*) LIMIT 1) AS model,
       (SELECT failure_kind FROM task WHERE failure_kind IS NOT NULL GROUP BY 1 ORDER BY count(*) LIMIT 1) AS failure_kind,
       (SELECT metadata ->> 'campaign' FROM task WHERE metadata <> '{}' LIMIT 1) AS campaign;

-- timer: measures statements where they run, planning included, so that no network and no client is in it
CREATE OR REPLACE FUNCTION pg_temp.milliseconds(statements text[], ids uuid[]) RETURNS float8[] LANGUAGE plpgsql AS $$
DECLARE
    one uuid;
    statement text;
    began timestamptz;
    found float8[] := '{}';
    thrown record;
BEGIN
    FOREACH one IN ARRAY ids LOOP
        began := clock_timestamp();
        FOREACH statement IN ARRAY statements LOOP
            FOR thrown IN EXECUTE statement USING one LOOP END LOOP;
        END LOOP;
        found := found || extract(epoch FROM clock_timestamp() - began) * 1000;
    END LOOP;
    RETURN found;
END $$;

-- timed: how long each task took
SELECT pg_temp.milliseconds(:statements::text[], :ids::uuid[]) AS ms;

-- bare: the least that can be asked
SELECT 1;
