-- What clients read: reports, forecasts beside what came, and how good they were.

-- RFC 3339 in UTC with milliseconds, as clients get every time.
CREATE FUNCTION reporting.time_text(at timestamptz) RETURNS text
LANGUAGE sql STABLE RETURNS NULL ON NULL INPUT AS $$
    SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

-- The counts by bucket that `buckets` columns hold, as the worker encodes them.
CREATE FUNCTION reporting.bucket_counts(bytes bytea)
RETURNS TABLE (bucket integer, counted bigint)
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE ROWS 200 AS $$
DECLARE
    place  integer := 0;
    behind integer := octet_length(bytes);
    byte   integer;
    shift  integer;
    step   integer;
BEGIN
    WHILE place < behind LOOP
        byte := get_byte(bytes, place);
        place := place + 1;
        step := byte & 127;
        shift := 7;
        WHILE byte > 127 LOOP
            byte := get_byte(bytes, place);
            place := place + 1;
            step := step | ((byte & 127) << shift);
            shift := shift + 7;
        END LOOP;
        IF bucket IS NULL THEN -- the first: zigzag
            bucket := CASE WHEN step % 2 = 1 THEN -(step + 1) / 2 ELSE step / 2 END;
        ELSE
            bucket := bucket + step;
        END IF;
        byte := get_byte(bytes, place);
        place := place + 1;
        counted := byte & 127;
        shift := 7;
        WHILE byte > 127 LOOP
            byte := get_byte(bytes, place);
            place := place + 1;
            counted := counted | ((byte & 127)::bigint << shift);
            shift := shift + 7;
        END LOOP;
        RETURN NEXT;
    END LOOP;
END $$;

-- What a value of the bucket is taken to be: its middle. A bucket is the exponent and the top 6
-- bits of the mantissa of a double.
CREATE FUNCTION reporting.bucket_value(bucket integer) RETURNS double precision
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN abs(bucket) < 64 THEN 0::double precision
                ELSE sign(bucket::double precision)
                     * power(2::double precision, ((abs(bucket) >> 6) - 1023)::double precision)
                     * (1 + ((abs(bucket) & 63) + 0.5::double precision) / 64) END
$$;

-- A metric's rows between two times: of minutes, or of hours or days and, of what those do not have
-- yet, the open minutes.
CREATE FUNCTION reporting.rows_between(of_account uuid, of_metric text, first_at timestamptz,
                                       behind timestamptz, span text)
RETURNS TABLE (at timestamptz, series_id uuid, labels json, kind text, count bigint,
               sum double precision, min double precision, max double precision,
               last double precision, last_at timestamptz, sign_ins bigint, sign_outs bigint,
               expired bigint, buckets bytea)
LANGUAGE sql STABLE AS $$
    SELECT at, series_id, labels, kind, count, sum, min, max, last, last_at, sign_ins, sign_outs,
           expired, buckets
    FROM reporting.minute
    WHERE span = 'minute' AND account_id = of_account AND metric = of_metric AND at >= first_at
          AND at < behind
    UNION ALL
    SELECT at, series_id, labels, kind, count, sum, min, max, last, last_at, sign_ins, sign_outs,
           expired, buckets
    FROM reporting.hour
    WHERE span = 'hour' AND account_id = of_account AND metric = of_metric AND at >= first_at
          AND at < behind
    UNION ALL
    SELECT at, series_id, labels, kind, count, sum, min, max, last, last_at, sign_ins, sign_outs,
           expired, buckets
    FROM reporting.day
    WHERE span = 'day' AND account_id = of_account AND metric = of_metric AND at >= first_at
          AND at < behind
    UNION ALL
    SELECT at, series_id, labels, kind, count, sum, min, max, last, last_at, sign_ins, sign_outs,
           expired, buckets
    FROM reporting.minute
    WHERE span <> 'minute' AND NOT closed AND account_id = of_account AND metric = of_metric
          AND at >= first_at AND at < behind
$$;

-- Of each hour and measure the latest forecast that was made at least `ahead` hours before.
CREATE FUNCTION reporting.forecasts_between(of_account uuid, of_metric text,
                                            first_at timestamptz, behind timestamptz, ahead bigint)
RETURNS SETOF reporting.forecast LANGUAGE sql STABLE AS $$
    SELECT DISTINCT ON (f.measure, f.hour) f.*
    FROM reporting.forecast f
    WHERE f.account_id = of_account AND f.metric = of_metric AND f.hour >= first_at
          AND f.hour < behind AND f.horizon >= ahead
    ORDER BY f.measure, f.hour, f.made_at DESC
$$;

-- "30s", "5m", "1h", "1d"; a number alone is seconds. As logging.step_of.
CREATE FUNCTION reporting.step_seconds(step text) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF step !~ '^[1-9][0-9]{0,6}[smhd]?$' THEN
        RAISE EXCEPTION 'step must be a number of seconds, minutes, hours or days: 60s, 5m, 1h, 1d'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN rtrim(step, 'smhd')::bigint * CASE right(step, 1)
        WHEN 'm' THEN 60 WHEN 'h' THEN 3600 WHEN 'd' THEN 86400 ELSE 1 END;
END $$;

-- What is wrong with a report's window and step, as an error that clients read; else nothing.
CREATE FUNCTION reporting.check_steps(first_at timestamptz, behind timestamptz, step bigint)
RETURNS void LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF step > 2678400 THEN
        RAISE EXCEPTION 'step is at most 31 days' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF step % 60 <> 0 OR (step > 3600 AND step % 3600 <> 0)
       OR (step > 86400 AND step % 86400 <> 0) THEN
        RAISE EXCEPTION 'step is % s: it must be whole minutes, above an hour whole hours, above a '
                        'day whole days', step USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF first_at >= behind THEN
        RAISE EXCEPTION 'from must lie before to' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF extract(epoch FROM behind - first_at) / step > 2000 THEN
        RAISE EXCEPTION 'from, to and step ask for more than 2000 steps: take a larger step or a '
                        'shorter time' USING ERRCODE = 'invalid_parameter_value';
    END IF;
END $$;

CREATE FUNCTION reporting.report(of_account uuid, of_metric text, from_at timestamptz,
                                 to_at timestamptz, step_text text, group_by text, with_labels jsonb,
                                 distinct_by text)
RETURNS TABLE (account_id uuid, id uuid, version bigint, body text, at timestamptz)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    epoch    CONSTANT timestamptz := '1970-01-01 00:00:00+00';
    step     CONSTANT bigint := reporting.step_seconds(coalesce(step_text, '1m'));
    width    CONSTANT interval := make_interval(secs => step);
    behind   CONSTANT timestamptz := coalesce(to_at, now());
    first_at CONSTANT timestamptz :=
        date_bin(width, coalesce(from_at, behind - interval '1 hour'), epoch);
    span     CONSTANT text :=
        CASE WHEN step % 86400 = 0 THEN 'day' WHEN step % 3600 = 0 THEN 'hour' ELSE 'minute' END;
    whole    CONSTANT boolean := group_by IS NULL AND with_labels IS NULL;
BEGIN
    PERFORM reporting.check_steps(first_at, behind, step);
    RETURN QUERY
    WITH r AS MATERIALIZED (
        SELECT date_bin(width, m.at, epoch) AS step_at, m.labels ->> group_by AS grp, m.*,
               m.labels ->> distinct_by AS one
        FROM reporting.rows_between(of_account, of_metric, first_at, behind, span) m
        WHERE with_labels IS NULL OR m.labels::jsonb @> with_labels
    ), figures AS (
        SELECT r.step_at, r.grp, min(r.kind) AS kind, sum(r.count)::bigint AS count,
               sum(r.sum) AS sum, min(r.min) AS min, max(r.max) AS max,
               sum(r.sign_ins)::bigint AS sign_ins, sum(r.sign_outs)::bigint AS sign_outs,
               sum(r.expired)::bigint AS expired, count(DISTINCT r.series_id) AS series,
               count(DISTINCT r.one) AS ones
        FROM r GROUP BY r.step_at, r.grp
    ), lasts AS (
        SELECT l.step_at, l.grp, sum(l.last) AS last
        FROM (SELECT DISTINCT ON (r.step_at, r.series_id) r.step_at, r.grp, r.last
              FROM r WHERE r.last IS NOT NULL AND r.kind IN ('gauge', 'session')
              ORDER BY r.step_at, r.series_id, r.last_at DESC) l
        GROUP BY l.step_at, l.grp
    ), counts AS (
        SELECT r.step_at, r.grp, b.bucket, sum(b.counted) AS counted
        FROM r, reporting.bucket_counts(r.buckets) b GROUP BY r.step_at, r.grp, b.bucket
    ), ranks AS (
        SELECT c.step_at, c.grp, c.bucket,
               sum(c.counted) OVER (PARTITION BY c.step_at, c.grp ORDER BY c.bucket)
                   ::double precision AS upto,
               sum(c.counted) OVER (PARTITION BY c.step_at, c.grp)::double precision AS n
        FROM counts c
    ), quantiles AS (
        SELECT k.step_at, k.grp,
               reporting.bucket_value(min(k.bucket)
                   FILTER (WHERE k.upto >= 0.50::double precision * k.n)) AS p50,
               reporting.bucket_value(min(k.bucket)
                   FILTER (WHERE k.upto >= 0.95::double precision * k.n)) AS p95,
               reporting.bucket_value(min(k.bucket)
                   FILTER (WHERE k.upto >= 0.99::double precision * k.n)) AS p99
        FROM ranks k GROUP BY k.step_at, k.grp
    ), hours AS (
        SELECT f.* FROM reporting.forecasts_between(
            of_account, of_metric, date_trunc('hour', first_at, 'UTC'), behind, 2) f
        WHERE whole
    ), shares AS ( -- a step has several hours, or an hour several steps
        SELECT date_bin(width, h.hour, epoch) AS step_at, h.measure, h.predicted, h.low, h.high,
               h.method, h.made_at
        FROM hours h WHERE step >= 3600
        UNION ALL
        SELECT s.at, h.measure, h.predicted * step / 3600, h.low * step / 3600,
               h.high * step / 3600, h.method, h.made_at
        FROM generate_series(first_at, behind - interval '1 microsecond', width) AS s (at)
        JOIN hours h ON h.hour = date_trunc('hour', s.at, 'UTC')
        WHERE step < 3600
    ), expected AS (
        SELECT s.step_at, s.measure, sum(s.predicted) AS value, sum(s.low) AS low,
               sum(s.high) AS high, min(s.method) AS method, max(s.made_at) AS made_at,
               count(*) AS hours
        FROM shares s GROUP BY s.step_at, s.measure
    ), came AS ( -- what came in all of a step is no measure of a prediction of some of its hours
        SELECT e.*, CASE WHEN e.step_at + width > now() OR e.hours * 3600 < step THEN NULL
                         WHEN e.measure = 'in' THEN coalesce(f.sign_ins, 0)
                         WHEN e.measure = 'out' THEN coalesce(f.sign_outs, 0)
                         ELSE coalesce(f.sum, 0) END AS actual
        FROM expected e LEFT JOIN figures f ON f.step_at = e.step_at
    ), predicted AS (
        SELECT c.step_at, json_agg(json_build_object(
                   'measure', c.measure, 'value', c.value, 'rate', c.value / step, 'low', c.low,
                   'high', c.high, 'method', c.method,
                   'made_at', reporting.time_text(c.made_at), 'actual', c.actual,
                   'error', abs(c.value - c.actual)) ORDER BY c.measure) AS predicted
        FROM came c GROUP BY c.step_at
    ), items AS (
        SELECT coalesce(f.step_at, p.step_at) AS step_at, f.grp,
               coalesce(f.kind, (SELECT m.kind FROM reporting.metric m
                                 WHERE m.account_id = of_account AND m.metric = of_metric)) AS kind,
               coalesce(f.count, 0) AS count, coalesce(f.sum, 0) AS sum, f.min, f.max, l.last,
               coalesce(f.sign_ins, 0) AS sign_ins, coalesce(f.sign_outs, 0) AS sign_outs,
               coalesce(f.expired, 0) AS expired, coalesce(f.series, 0) AS series,
               coalesce(f.ones, 0) AS ones, q.p50, q.p95, q.p99, p.predicted
        FROM figures f
        LEFT JOIN lasts l ON l.step_at = f.step_at AND l.grp IS NOT DISTINCT FROM f.grp
        LEFT JOIN quantiles q ON q.step_at = f.step_at AND q.grp IS NOT DISTINCT FROM f.grp
        FULL JOIN predicted p ON p.step_at = f.step_at
    )
    SELECT of_account, md5(extract(epoch FROM i.step_at) || coalesce('/' || i.grp, ''))::uuid,
           1::bigint,
           json_build_object(
               'at', reporting.time_text(i.step_at), 'group', i.grp, 'kind', i.kind,
               'count', i.count, 'sum', i.sum,
               'rate', CASE WHEN i.step_at < now() THEN
                   CASE WHEN i.kind = 'counter' THEN i.sum ELSE i.count END
                   / greatest(1, least(step, extract(epoch FROM now() - i.step_at)))
                       ::double precision END,
               'mean', CASE WHEN i.kind IN ('gauge', 'timing') THEN i.sum / nullif(i.count, 0) END,
               'min', i.min, 'max', i.max, 'last', i.last,
               'p50', least(greatest(i.p50, i.min), i.max),
               'p95', least(greatest(i.p95, i.min), i.max),
               'p99', least(greatest(i.p99, i.min), i.max),
               'sign_ins', i.sign_ins, 'sign_outs', i.sign_outs, 'expired', i.expired,
               'series', i.series,
               'distinct', CASE WHEN distinct_by IS NOT NULL THEN i.ones END,
               'predicted', i.predicted)::text,
           i.step_at
    FROM items i
    ORDER BY i.step_at, i.grp;
END $$;

-- What came in each hour that is over; an hour of a known metric without a row had nothing.
CREATE FUNCTION reporting.hour_actual(of_account uuid, of_metric text, of_measure text,
                                      of_hour timestamptz)
RETURNS double precision LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN of_hour + interval '1 hour' <= now() THEN coalesce(
        (SELECT sum(CASE of_measure WHEN 'in' THEN r.sign_ins WHEN 'out' THEN r.sign_outs
                    ELSE r.sum END)
         FROM reporting.rows_between(of_account, of_metric, of_hour,
                                     of_hour + interval '1 hour', 'hour') r), 0) END
$$;

-- Predictions beside what came and what the naive forecast would have said: the same hour of the
-- day before, or of the one before that where the
-- forecast was made so early that it did not know the former.
CREATE FUNCTION reporting.hours_predicted(of_account uuid, of_metric text, first_at timestamptz,
                                          behind timestamptz, ahead bigint)
RETURNS TABLE (hour timestamptz, measure text, horizon integer, predicted double precision,
               low double precision, high double precision, method text, made_at timestamptz,
               actual double precision, naive double precision)
LANGUAGE sql STABLE AS $$
    SELECT f.hour, f.measure, f.horizon, f.predicted, f.low, f.high, f.method, f.made_at,
           reporting.hour_actual(of_account, of_metric, f.measure, f.hour),
           reporting.hour_actual(of_account, of_metric, f.measure,
                                 f.hour - interval '1 day' * ((f.horizon + 23) / 24))
    FROM reporting.forecasts_between(of_account, of_metric, first_at, behind, ahead) f
$$;

CREATE FUNCTION reporting.forecast_hours(of_account uuid, of_metric text, from_at timestamptz,
                                         to_at timestamptz, of_measure text, ahead bigint)
RETURNS TABLE (account_id uuid, id uuid, version bigint, body text, at timestamptz)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    behind   CONSTANT timestamptz := coalesce(to_at, now() + interval '1 day');
    first_at CONSTANT timestamptz := coalesce(from_at, behind - interval '2 days');
BEGIN
    PERFORM reporting.check_steps(first_at, behind, 3600);
    RETURN QUERY
    SELECT of_account, md5(extract(epoch FROM p.hour) || p.measure)::uuid, 1::bigint,
           json_build_object(
               'hour', reporting.time_text(p.hour), 'measure', p.measure, 'horizon', p.horizon,
               'predicted', p.predicted, 'low', p.low, 'high', p.high, 'method', p.method,
               'made_at', reporting.time_text(p.made_at), 'actual', p.actual,
               'error', abs(p.predicted - p.actual), 'naive', p.naive)::text,
           p.hour
    FROM reporting.hours_predicted(of_account, of_metric, first_at, behind, ahead) p
    WHERE of_measure IS NULL OR p.measure = of_measure
    ORDER BY p.hour, p.measure;
END $$;

CREATE FUNCTION reporting.accuracy(of_account uuid, of_metric text, from_at timestamptz,
                                   to_at timestamptz)
RETURNS TABLE (account_id uuid, id uuid, version bigint, body text, horizon bigint)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    behind   CONSTANT timestamptz := coalesce(to_at, now());
    first_at CONSTANT timestamptz := coalesce(from_at, behind - interval '7 days');
BEGIN
    PERFORM reporting.check_steps(first_at, behind, 3600);
    RETURN QUERY
    WITH hours AS (
        SELECT DISTINCT f.measure, f.hour FROM reporting.forecast f
        WHERE f.account_id = of_account AND f.metric = of_metric AND f.hour >= first_at
              AND f.hour < least(behind, now())
    ), actual AS MATERIALIZED ( -- with the two days that naive forecasts look back
        SELECT h.measure, h.hour, reporting.hour_actual(of_account, of_metric, h.measure, h.hour)
                   AS actual
        FROM (SELECT x.measure, x.hour - interval '1 day' * d.days AS hour
              FROM hours x CROSS JOIN (VALUES (0), (1), (2)) AS d (days)
              GROUP BY 1, 2) h
    ), pairs AS (
        SELECT f.measure, f.horizon, f.low, f.high, f.predicted, a.actual, n.actual AS naive
        FROM reporting.forecast f
        JOIN actual a ON a.measure = f.measure AND a.hour = f.hour
        JOIN actual n ON n.measure = f.measure
            AND n.hour = f.hour - interval '1 day' * ((f.horizon + 23) / 24)
        WHERE f.account_id = of_account AND f.metric = of_metric AND f.hour >= first_at
              AND f.hour < behind AND a.actual IS NOT NULL
    ), errors AS (
        SELECT p.measure, p.horizon, count(*) AS hours, avg(abs(p.predicted - p.actual)) AS mae,
               avg(abs(p.naive - p.actual)) AS naive_mae,
               avg((p.actual BETWEEN p.low AND p.high)::integer) AS covered
        FROM pairs p GROUP BY p.measure, p.horizon
    )
    SELECT of_account, md5(e.measure || e.horizon)::uuid, 1::bigint,
           json_build_object(
               'measure', e.measure, 'horizon', e.horizon, 'hours', e.hours, 'mae', e.mae,
               'naive_mae', e.naive_mae, 'mase', e.mae / nullif(e.naive_mae, 0),
               'covered', e.covered)::text,
           e.horizon::bigint
    FROM errors e ORDER BY e.horizon, e.measure;
END $$;
