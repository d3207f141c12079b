-- What samples come to: rows of minutes, hours and days, sessions, hourly histories and forecasts.
-- All rows of a metric are of one lane. A batch changes some thousand minutes again and again, so
-- no indexed column of an open minute changes (its due_at is settled when it is made): such an
-- update stays within its page.

CREATE SCHEMA reporting;

CREATE TABLE reporting.metric (
    account_id uuid    NOT NULL,
    id         uuid    NOT NULL,
    version    bigint  NOT NULL CHECK (version > 0),
    lane       integer NOT NULL,
    metric     text    NOT NULL,
    kind       text    NOT NULL CHECK (kind IN ('counter', 'gauge', 'timing', 'session')),
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, metric)
);

CREATE TABLE reporting.hour (
    account_id uuid        NOT NULL,
    id         uuid        NOT NULL,
    version    bigint      NOT NULL CHECK (version > 0),
    lane       integer     NOT NULL,
    series_id  uuid        NOT NULL,
    metric     text        NOT NULL,
    labels     json        NOT NULL,
    at         timestamptz NOT NULL,
    kind       text        NOT NULL CHECK (kind IN ('counter', 'gauge', 'timing', 'session')),
    count      bigint      NOT NULL CHECK (count >= 0),
    sum        double precision NOT NULL,
    min        double precision,
    max        double precision CHECK (max >= min),
    last       double precision,
    last_at    timestamptz,
    sign_ins   bigint      NOT NULL CHECK (sign_ins >= 0),
    sign_outs  bigint      NOT NULL CHECK (sign_outs >= expired),
    expired    bigint      NOT NULL CHECK (expired >= 0),
    buckets    bytea       NOT NULL,
    PRIMARY KEY (account_id, id),
    CHECK ((min IS NULL) = (max IS NULL) AND (min IS NULL) = (last IS NULL)
           AND (min IS NULL) = (last_at IS NULL))
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON COLUMN reporting.hour.at IS 'Start of the hour (UTC)';
COMMENT ON COLUMN reporting.hour.count IS 'Samples; of sessions: sign-ins and sign-outs';
COMMENT ON COLUMN reporting.hour.last IS 'The value with the latest time; of sessions: open ones';
COMMENT ON COLUMN reporting.hour.buckets IS
    'Counts by bucket: for each, ascending, its distance from the one before (the first: itself, '
    'zigzag) and its count, both LEB128. See reporting.bucket_counts';

CREATE TABLE reporting.day (LIKE reporting.hour INCLUDING ALL)
WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON COLUMN reporting.day.at IS 'Start of the day (UTC)';

CREATE TABLE reporting.minute (
    LIKE reporting.hour INCLUDING ALL,
    closed       boolean     NOT NULL,
    due_at       timestamptz,
    late_count   bigint      NOT NULL CHECK (late_count BETWEEN 0 AND count),
    late         bytea,
    CONSTRAINT minute_late_once_closed CHECK (closed OR late IS NULL),
    CONSTRAINT minute_open_is_due CHECK (closed OR due_at IS NOT NULL),
    CONSTRAINT minute_late_is_due CHECK (late IS NULL OR due_at IS NOT NULL)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
COMMENT ON COLUMN reporting.minute.at IS 'Start of the minute (UTC)';
COMMENT ON COLUMN reporting.minute.closed IS 'Merged into its hour and day, but for what is late';
COMMENT ON COLUMN reporting.minute.due_at IS 'When the tick is to close or correct it; null: not';
COMMENT ON COLUMN reporting.minute.late IS 'What came since it was closed and is in no hour yet';

CREATE INDEX minute_metric ON reporting.minute (account_id, metric, at);
CREATE INDEX hour_metric ON reporting.hour (account_id, metric, at);
CREATE INDEX day_metric ON reporting.day (account_id, metric, at);
CREATE INDEX minute_due ON reporting.minute (lane, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX minute_open ON reporting.minute (account_id, metric) WHERE NOT closed;

CREATE TABLE reporting.series (
    account_id  uuid        NOT NULL,
    id          uuid        NOT NULL,
    version     bigint      NOT NULL CHECK (version > 0),
    lane        integer     NOT NULL,
    metric      text        NOT NULL,
    labels      json        NOT NULL,
    open        bigint      NOT NULL CHECK (open >= 0),
    open_before bigint      NOT NULL CHECK (open_before >= 0),
    changed_at  timestamptz NOT NULL,
    due_at      timestamptz,
    PRIMARY KEY (account_id, id)
) WITH (fillfactor = 50);
COMMENT ON TABLE reporting.series IS 'Series that count sessions, and how many are open';
COMMENT ON COLUMN reporting.series.changed_at IS 'Minute (of the log''s clock) of the last change';
COMMENT ON COLUMN reporting.series.open_before IS 'Open ones when that minute began';
CREATE INDEX series_due ON reporting.series (lane, due_at) WHERE due_at IS NOT NULL;

CREATE TABLE reporting.session (
    account_id uuid        NOT NULL,
    id         uuid        NOT NULL,
    version    bigint      NOT NULL CHECK (version > 0),
    lane       integer     NOT NULL,
    series_id  uuid        NOT NULL,
    started_at timestamptz NOT NULL,
    heard_at   timestamptz NOT NULL,
    due_at     timestamptz,
    PRIMARY KEY (account_id, id)
) WITH (fillfactor = 80);
COMMENT ON COLUMN reporting.session.due_at IS 'When its time is up; null: it is not open';
CREATE INDEX session_due ON reporting.session (lane, due_at) WHERE due_at IS NOT NULL;

CREATE TABLE reporting.history (
    account_id uuid        NOT NULL,
    id         uuid        NOT NULL,
    version    bigint      NOT NULL CHECK (version > 0),
    lane       integer     NOT NULL,
    metric     text        NOT NULL,
    measure    text        NOT NULL CHECK (measure IN ('sum', 'in', 'out')),
    first_at   timestamptz NOT NULL,
    totals     bytea       NOT NULL CHECK (octet_length(totals) % 8 = 0),
    due_at     timestamptz,
    PRIMARY KEY (account_id, id)
) WITH (fillfactor = 50);
COMMENT ON TABLE reporting.history IS 'Hourly totals of metrics, which forecasts are made of';
COMMENT ON COLUMN reporting.history.totals IS 'A double (little-endian) for each hour from first_at';
CREATE INDEX history_due ON reporting.history (lane, due_at) WHERE due_at IS NOT NULL;

CREATE TABLE reporting.forecast (
    account_id uuid        NOT NULL,
    command_id uuid        NOT NULL,
    index      integer     NOT NULL CHECK (index >= 0),
    metric     text        NOT NULL,
    measure    text        NOT NULL CHECK (measure IN ('sum', 'in', 'out')),
    hour       timestamptz NOT NULL,
    made_at    timestamptz NOT NULL,
    horizon    integer     NOT NULL CHECK (horizon > 0),
    method     text        NOT NULL,
    predicted  double precision NOT NULL CHECK (predicted >= 0),
    low        double precision NOT NULL CHECK (low BETWEEN 0 AND predicted),
    high       double precision NOT NULL CHECK (high >= predicted),
    PRIMARY KEY (account_id, metric, measure, hour, made_at),
    CONSTRAINT forecast_before_its_hour CHECK (made_at < hour)
);
COMMENT ON TABLE reporting.forecast IS 'Append-only: what was predicted before the hour began';
COMMENT ON COLUMN reporting.forecast.command_id IS 'The tick that made it';

CREATE FUNCTION reporting.forecast_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'reporting.forecast is append-only: a prediction is never altered'
        USING ERRCODE = 'integrity_constraint_violation', SCHEMA = 'reporting',
              TABLE = 'forecast', CONSTRAINT = 'forecast_append_only';
END $$;
CREATE TRIGGER forecast_append_only BEFORE UPDATE OR DELETE ON reporting.forecast
    FOR EACH STATEMENT EXECUTE FUNCTION reporting.forecast_append_only();

-- What `millracectl verify` asks of this domain: one row a check, ok or with what is wrong.
CREATE VIEW reporting.verify (what, ok, detail) AS
WITH minutes AS (
    SELECT account_id, series_id, date_trunc('hour', at, 'UTC') AS at,
           sum(count - late_count) AS count
    FROM reporting.minute WHERE closed GROUP BY 1, 2, 3
), hours AS (
    SELECT account_id, series_id, date_trunc('day', at, 'UTC') AS at, sum(count) AS count
    FROM reporting.hour GROUP BY 1, 2, 3
), wrong_hours AS (
    SELECT coalesce(h.id, m.series_id) AS id
    FROM minutes m FULL JOIN reporting.hour h USING (account_id, series_id, at)
    WHERE coalesce(m.count, 0) <> coalesce(h.count, 0)
), wrong_days AS (
    SELECT coalesce(d.id, h.series_id) AS id
    FROM hours h FULL JOIN reporting.day d USING (account_id, series_id, at)
    WHERE coalesce(h.count, 0) <> coalesce(d.count, 0)
), wrong_series AS (
    SELECT s.id FROM reporting.series s
    LEFT JOIN reporting.session o ON o.account_id = s.account_id AND o.series_id = s.id
        AND o.due_at IS NOT NULL
    GROUP BY s.account_id, s.id, s.open HAVING count(o.id) <> s.open
)
SELECT 'every hour is its closed minutes', count(*) = 0,
       count(*) || ' differ' || coalesce(', the first: ' || min(id::text), '') FROM wrong_hours
UNION ALL
SELECT 'every day is its hours', count(*) = 0,
       count(*) || ' differ' || coalesce(', the first: ' || min(id::text), '') FROM wrong_days
UNION ALL
SELECT 'every series has as many sessions open as it says', count(*) = 0,
       count(*) || ' differ' || coalesce(', the first: ' || min(id::text), '') FROM wrong_series;
COMMENT ON VIEW reporting.verify IS 'Checks of millracectl verify: what, ok, detail';
