-- Commands of which only the id is kept, ticks among them, and day partitions of every schema.

-- One row for each command whose x-command.record is id: enough to recognise a repeat.
CREATE TABLE millrace.seen (
    day        date    NOT NULL,
    domain     text    NOT NULL,
    account_id uuid    NOT NULL,
    id         uuid    NOT NULL,
    lane       integer NOT NULL,
    position   bigint  NOT NULL,
    hash       bytea   NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (id, account_id, domain, day)
) PARTITION BY RANGE (day);
COMMENT ON TABLE millrace.seen IS
    'Commands that were decided and of which only the id is kept; a parked one is in parked alone';

-- What is parked is known by its id, too.
CREATE INDEX parked_command ON millrace.parked (domain, lane, command_id, account_id);

-- Every table that is partitioned by day. A domain's migration adds its own.
CREATE TABLE millrace.day_table (
    schema_name text NOT NULL,
    table_name  text NOT NULL CHECK (length(table_name) <= 54), -- _YYYYMMDD follows
    PRIMARY KEY (schema_name, table_name)
);
INSERT INTO millrace.day_table VALUES
    ('millrace', 'command'), ('millrace', 'event'), ('millrace', 'seen');

-- Makes the missing day partitions of every table that is registered, log_20261125 beside log.
-- CREATE and ATTACH lock the parent less than CREATE ... PARTITION OF. Returns how many were made.
CREATE OR REPLACE FUNCTION millrace.make_days(first_day date, last_day date) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    parent millrace.day_table;
    d      date;
    part   text;
    made   integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('millrace.make_days'));
    FOR parent IN SELECT * FROM millrace.day_table ORDER BY schema_name, table_name LOOP
        FOR d IN SELECT generate_series(first_day, last_day, '1 day')::date LOOP
            part := parent.table_name || '_' || to_char(d, 'YYYYMMDD');
            CONTINUE WHEN to_regclass(format('%I.%I', parent.schema_name, part)) IS NOT NULL;
            EXECUTE format('CREATE TABLE %I.%I (LIKE %I.%I INCLUDING ALL)',
                           parent.schema_name, part, parent.schema_name, parent.table_name);
            EXECUTE format('ALTER TABLE %I.%I ATTACH PARTITION %I.%I FOR VALUES FROM (%L) TO (%L)',
                           parent.schema_name, parent.table_name, parent.schema_name, part,
                           d, d + 1);
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;

-- Drops the partitions of a registered table whose day is before the given one. Detaching takes the
-- parent from every reader and writer, who wait while we wait for it: so not longer than 300 ms;
-- then it fails with 55P03 and has dropped nothing. Returns how many were dropped.
CREATE FUNCTION millrace.drop_days(of_schema text, of_table text, before date) RETURNS integer
LANGUAGE plpgsql SET lock_timeout = '300ms' AS $$
DECLARE
    part    text;
    dropped integer := 0;
BEGIN
    IF NOT EXISTS (SELECT FROM millrace.day_table
                   WHERE schema_name = of_schema AND table_name = of_table) THEN
        RAISE EXCEPTION 'millrace.day_table does not name %.%', of_schema, of_table
            USING ERRCODE = 'undefined_table';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('millrace.make_days'));
    FOR part IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = format('%I.%I', of_schema, of_table)::regclass
        AND left(c.relname, -9) = of_table AND right(c.relname, 9) ~ '^_[0-9]{8}$'
        AND right(c.relname, 8) < to_char(before, 'YYYYMMDD') ORDER BY c.relname
    LOOP
        EXECUTE format('ALTER TABLE %I.%I DETACH PARTITION %I.%I', of_schema, of_table,
                       of_schema, part);
        EXECUTE format('DROP TABLE %I.%I', of_schema, part);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END $$;
