-- What analysts sum: each minute of each series once, as its highest version says. Run after the
-- tables at each start of the loader. Plain SQL that Postgres and Redshift both take.

CREATE OR REPLACE VIEW public.samples_minute AS
SELECT account_id, minute_id, version, minute, series_id, metric, kind, labels, count, sum, min, max,
       last, p50, p95, p99, sign_ins, sign_outs, expired, event_time AS closed_at
FROM (SELECT account_id, minute_id, version, minute, series_id, metric, kind, labels, count, sum,
             min, max, last, p50, p95, p99, sign_ins, sign_outs, expired, event_time,
             ROW_NUMBER() OVER (PARTITION BY account_id, minute_id
                                ORDER BY version DESC) AS newest
      FROM public.samples_minute_versions) AS history
WHERE newest = 1;
