-- The loader's own tables in the warehouse. Offsets and sequences: next_offset is the next one,
-- last_sequence the last one that was taken.

-- How far each lane of a topic is loaded. It moves in the transaction of the rows, and every
-- transaction that moves it replaces the fence. The backend is the one that may hold the row's
-- lock, so that a takeover may end a frozen holder.
CREATE TABLE public.load_ledger (
    topic         text    NOT NULL,
    lane          integer NOT NULL CHECK (lane >= 0),
    fence         bigint  NOT NULL,
    next_offset   bigint  NOT NULL DEFAULT 0 CHECK (next_offset >= 0),
    last_sequence bigint  NOT NULL DEFAULT -1 CHECK (last_sequence >= -1),
    last_offset   bigint  NOT NULL DEFAULT -1 CHECK (last_offset BETWEEN -1 AND next_offset - 1),
    backend_pid   integer,
    backend_start timestamptz,
    PRIMARY KEY (topic, lane)
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
COMMENT ON TABLE public.load_ledger IS
    'How far each lane of a topic is loaded: everything below is in the tables, once';
COMMENT ON COLUMN public.load_ledger.topic IS 'Kafka topic that is loaded, such as billing.events';
COMMENT ON COLUMN public.load_ledger.lane IS 'Partition of the topic';
COMMENT ON COLUMN public.load_ledger.fence IS 'Random; whoever owns the lane knows it';
COMMENT ON COLUMN public.load_ledger.next_offset IS 'Kafka offset that is read next';
COMMENT ON COLUMN public.load_ledger.last_sequence IS
    'Sequence of the last event that was taken; -1: none yet';
COMMENT ON COLUMN public.load_ledger.last_offset IS
    'Kafka offset that last_sequence was read from; -1: not known';
COMMENT ON COLUMN public.load_ledger.backend_pid IS 'Server process of the lane''s owner';
COMMENT ON COLUMN public.load_ledger.backend_start IS 'When that server process began';

-- Why an owner stopped its lane; true only while fence is the ledger's.
CREATE TABLE public.load_stop (
    topic      text        NOT NULL,
    lane       integer     NOT NULL,
    fence      bigint      NOT NULL,
    reason     text        NOT NULL,
    stopped_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, lane),
    FOREIGN KEY (topic, lane) REFERENCES public.load_ledger
);
COMMENT ON TABLE public.load_stop IS
    'Why a lane was stopped; valid while fence is the one in load_ledger';
COMMENT ON COLUMN public.load_stop.reason IS 'What differs between topic and ledger';

-- Each load reconciles, lane by lane.
CREATE TABLE public.load_count (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic         text        NOT NULL,
    lane          integer     NOT NULL,
    consumed      bigint      NOT NULL,
    loaded        bigint      NOT NULL CHECK (loaded >= 0),
    repeated      bigint      NOT NULL CHECK (repeated >= 0),
    ahead         bigint      NOT NULL CHECK (ahead >= 0),
    skipped       bigint      NOT NULL CHECK (skipped >= 0),
    bad           bigint      NOT NULL CHECK (bad >= 0),
    next_offset   bigint      NOT NULL,
    last_sequence bigint      NOT NULL,
    loaded_at     timestamptz NOT NULL DEFAULT now(),
    CHECK (consumed = loaded + repeated + ahead + skipped + bad)
);
CREATE INDEX load_count_lane ON public.load_count (topic, lane, id);
COMMENT ON TABLE public.load_count IS
    'One row for each load of a lane: what became of the records that were read';
COMMENT ON COLUMN public.load_count.consumed IS 'Records that were read';
COMMENT ON COLUMN public.load_count.loaded IS 'Events whose rows are in the tables';
COMMENT ON COLUMN public.load_count.repeated IS 'Events that had been loaded before';
COMMENT ON COLUMN public.load_count.ahead IS
    'Events that came before their predecessor and come again after it';
COMMENT ON COLUMN public.load_count.skipped IS 'Events of a type that has no table';
COMMENT ON COLUMN public.load_count.bad IS 'Records that are in bad_rows';
COMMENT ON COLUMN public.load_count.next_offset IS 'As load_ledger had it after this load';
COMMENT ON COLUMN public.load_count.last_sequence IS 'As load_ledger had it after this load';
COMMENT ON COLUMN public.load_count.loaded_at IS 'When the load began';

-- What did not fit, whole, so that it can be looked at and loaded later. A position may be read
-- again after an operator has set the ledger back.
CREATE TABLE public.bad_rows (
    topic    text        NOT NULL,
    lane     integer     NOT NULL,
    position bigint      NOT NULL,
    cause    text        NOT NULL,
    record   bytea       NOT NULL,
    found_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, lane, position)
);
COMMENT ON TABLE public.bad_rows IS 'Records that could not be loaded, with the cause of each';
COMMENT ON COLUMN public.bad_rows.position IS 'Kafka offset of the record';
COMMENT ON COLUMN public.bad_rows.cause IS 'Why it could not be loaded; names the column';
COMMENT ON COLUMN public.bad_rows.record IS
    'The record as it was: key, value and headers in millrace''s own format, version 1';

CREATE TABLE public.freshness (
    table_name     text        PRIMARY KEY,
    loaded_through timestamptz NOT NULL,
    loaded_at      timestamptz NOT NULL
);
COMMENT ON TABLE public.freshness IS 'How fresh each table is';
COMMENT ON COLUMN public.freshness.table_name IS 'Table of schema public';
COMMENT ON COLUMN public.freshness.loaded_through IS
    'event_time of the newest event in the table; other lanes may be a load behind';
COMMENT ON COLUMN public.freshness.loaded_at IS 'When the table was last added to';
