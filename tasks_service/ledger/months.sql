-- make_months: have the tables of last month, this month and the next ones
SELECT make_month(now() + make_interval(months => m)) AS made FROM generate_series(-1, :ahead::integer) AS m;

-- make_months_from: have the tables of a moment's month and of the next one
SELECT make_month(:moment::timestamptz + make_interval(months => m)) AS made FROM generate_series(0, 1) AS m;

-- revision: the migration that this database has reached
SELECT version_num FROM alembic_version;

-- server: who answers
SELECT current_setting('server_version') AS version, clock_timestamp() AS clock, pg_database_size(current_database()) AS bytes;
