-- learn: between which ages the latest tasks of each route and model were done, where there are enough of them
WITH latest AS (
    -- so many whatever became of them, so that it costs the same on every day
    SELECT route, model, state, coalesce(queued_at, created_at) AS began, finished_at
    FROM task ORDER BY id DESC LIMIT :most
), done AS (
    SELECT route, model, extract(epoch FROM finished_at - began)::float AS took_s
    FROM latest WHERE state IN ('done', 'downloaded')
)
SELECT route, model,
       percentile_cont(0.01) WITHIN GROUP (ORDER BY took_s) AS early_s,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY took_s) AS late_s
FROM done GROUP BY route, model HAVING count(*) >= :fewest;
