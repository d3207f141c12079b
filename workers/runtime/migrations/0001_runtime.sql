-- The runtime's own tables. Positions mean "the next one": position p is settled iff p < applied.

CREATE TABLE millrace.domain (
    name  text    PRIMARY KEY CHECK (name ~ '^[a-z]{1,15}$'),
    lanes integer NOT NULL CHECK (lanes BETWEEN 1 AND 4096)
);

-- How far each lane has come. fence is replaced by every transaction that writes the row; the
-- backend is the one that may hold the row's lock, so that a takeover may end a frozen holder.
CREATE TABLE millrace.lane (
    domain        text    NOT NULL REFERENCES millrace.domain,
    lane          integer NOT NULL CHECK (lane >= 0),
    fence         bigint  NOT NULL,
    applied       bigint  NOT NULL DEFAULT 0 CHECK (applied >= 0),
    last_record   bytea   CHECK (octet_length(last_record) = 16),
    next_event    bigint  NOT NULL DEFAULT 0 CHECK (next_event >= 0),
    published     bigint  NOT NULL DEFAULT 0 CHECK (published BETWEEN 0 AND next_event),
    event_offset  bigint  NOT NULL DEFAULT -1,
    backend_pid   integer,
    backend_start timestamptz,
    PRIMARY KEY (domain, lane)
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
COMMENT ON COLUMN millrace.lane.last_record IS
    'BLAKE2b-128 of key, value and ce_id of the record at applied - 1, whatever became of it';
COMMENT ON COLUMN millrace.lane.event_offset IS
    'where event published - 1 lies in the event partition; -1: nothing was published yet';

-- Why an owner stopped its lane; true only while fence is the lane's.
CREATE TABLE millrace.lane_stop (
    domain     text        NOT NULL,
    lane       integer     NOT NULL,
    fence      bigint      NOT NULL,
    reason     text        NOT NULL,
    stopped_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (domain, lane),
    FOREIGN KEY (domain, lane) REFERENCES millrace.lane
);

-- One row for each command, with its outcome. day is the UTC date of the record's append time.
CREATE TABLE millrace.command (
    day         date        NOT NULL,
    domain      text        NOT NULL,
    account_id  uuid        NOT NULL,
    id          uuid        NOT NULL,
    lane        integer     NOT NULL,
    position    bigint      NOT NULL,
    type        text        NOT NULL,
    subject     uuid,
    hash        bytea       NOT NULL CHECK (octet_length(hash) = 32),
    status      smallint    NOT NULL CHECK (status BETWEEN 1 AND 3),
    problem     text,
    detail      text,
    errors      text,
    accepted_at timestamptz NOT NULL,
    decided_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, account_id, domain, day), -- time-ordered ids are inserted at one end
    CHECK ((status = 2) = (problem IS NOT NULL))
) PARTITION BY RANGE (day);
COMMENT ON COLUMN millrace.command.status IS '1 applied, 2 rejected, 3 parked';
COMMENT ON COLUMN millrace.command.errors IS 'JSON array of {pointer, detail}';

-- Events as they are published, numbered by lane without gaps.
CREATE TABLE millrace.event (
    day             date        NOT NULL,
    domain          text        NOT NULL,
    lane            integer     NOT NULL,
    sequence        bigint      NOT NULL,
    type            text        NOT NULL,
    time            timestamptz NOT NULL,
    account_id      uuid        NOT NULL,
    subject         uuid        NOT NULL,
    subject_version bigint      NOT NULL,
    command_id      uuid        NOT NULL,
    key             bytea       NOT NULL,
    traceparent     text,
    data            text        NOT NULL,
    PRIMARY KEY (domain, lane, sequence, day)
) PARTITION BY RANGE (day);

-- The same id with another content: the command's own outcome stands, this position has none.
CREATE TABLE millrace.conflict (
    domain     text        NOT NULL,
    lane       integer     NOT NULL,
    position   bigint      NOT NULL,
    account_id uuid        NOT NULL,
    id         uuid        NOT NULL,
    hash       bytea       NOT NULL,
    found_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (domain, lane, position)
);

-- What is not a command of its lane, whole, so that it can be looked at and sent again.
CREATE TABLE millrace.quarantine (
    domain   text        NOT NULL,
    lane     integer     NOT NULL,
    position bigint      NOT NULL,
    cause    text        NOT NULL,
    record   bytea       NOT NULL,
    found_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (domain, lane, position)
);

-- What may yet succeed, and what waits behind it: held by the key, not by a row.
CREATE TABLE millrace.parked (
    domain     text        NOT NULL,
    lane       integer     NOT NULL,
    position   bigint      NOT NULL,
    key        bytea       NOT NULL,
    account_id uuid        NOT NULL,
    command_id uuid        NOT NULL,
    type       text        NOT NULL,
    behind     boolean     NOT NULL,
    cause      text        NOT NULL,
    attempts   integer     NOT NULL DEFAULT 1,
    record     bytea       NOT NULL,
    parked_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (domain, lane, position)
);
CREATE INDEX parked_key ON millrace.parked (domain, lane, key, position);

-- What an operator filed; the lane's owner executes it. Of two for one command the first counts.
CREATE TABLE millrace.request (
    domain   text        NOT NULL,
    lane     integer     NOT NULL,
    position bigint      NOT NULL,
    action   text        NOT NULL CHECK (action IN ('retry', 'drop')),
    reason   text        NOT NULL,
    filed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (domain, lane, position)
);

-- How far the warehouse has come, reported by the loader.
CREATE TABLE millrace.lane_loaded (
    topic         text        NOT NULL,
    lane          integer     NOT NULL,
    next_offset   bigint      NOT NULL,
    last_sequence bigint      NOT NULL,
    loaded_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, lane)
);

CREATE TABLE millrace.api_key (
    id         uuid        PRIMARY KEY,
    account_id uuid        NOT NULL,
    operator   boolean     NOT NULL DEFAULT false,
    scopes     text[]      NOT NULL,
    note       text        NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);

-- Several secrets of one key let it be changed without a gap.
CREATE TABLE millrace.api_secret (
    key_id     uuid        NOT NULL REFERENCES millrace.api_key,
    hash       bytea       NOT NULL CHECK (octet_length(hash) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (key_id, hash)
);
COMMENT ON COLUMN millrace.api_secret.hash IS 'BLAKE2b-256 of the secret''s 32 bytes';

CREATE TABLE millrace.audit (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at     timestamptz NOT NULL DEFAULT now(),
    actor  text        NOT NULL,
    action text        NOT NULL,
    target text        NOT NULL,
    reason text        NOT NULL,
    detail jsonb       NOT NULL DEFAULT '{}'
);

-- Makes the missing day partitions of every table of schema millrace that is partitioned by day.
-- CREATE and ATTACH lock the parent less than CREATE ... PARTITION OF. Returns how many were made.
CREATE FUNCTION millrace.make_days(first_day date, last_day date) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    parent record;
    d      date;
    part   text;
    made   integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('millrace.make_days'));
    FOR parent IN
        SELECT c.relname FROM pg_class c JOIN pg_partitioned_table p ON p.partrelid = c.oid
        WHERE c.relnamespace = 'millrace'::regnamespace ORDER BY c.relname
    LOOP
        FOR d IN SELECT generate_series(first_day, last_day, '1 day')::date LOOP
            part := parent.relname || '_' || to_char(d, 'YYYYMMDD');
            CONTINUE WHEN to_regclass('millrace.' || part) IS NOT NULL;
            EXECUTE format('CREATE TABLE millrace.%I (LIKE millrace.%I INCLUDING ALL)',
                           part, parent.relname);
            EXECUTE format('ALTER TABLE millrace.%I ATTACH PARTITION millrace.%I '
                           'FOR VALUES FROM (%L) TO (%L)', parent.relname, part, d, d + 1);
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;
