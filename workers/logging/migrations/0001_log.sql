-- Log lines: OpenTelemetry's log data model, a row a line, under the id of its command.

CREATE SCHEMA logging;

-- A day's partition holds what arrived on that UTC day, whatever the lines say of their own time: a
-- wrong clock opens no partition. Columns of a fixed size come first, so that none is padded.
CREATE TABLE logging.log (
    received_at   timestamptz NOT NULL,
    time          timestamptz NOT NULL,
    observed_at   timestamptz,
    position      bigint      NOT NULL,
    words_0       bigint      NOT NULL,
    words_1       bigint      NOT NULL,
    words_2       bigint      NOT NULL,
    words_3       bigint      NOT NULL,
    day           date        NOT NULL,
    lane          integer     NOT NULL,
    severity      integer     CHECK (severity BETWEEN 1 AND 24),
    account_id    uuid        NOT NULL,
    id            uuid        NOT NULL,
    trace_id      uuid,
    body_is_json  boolean     NOT NULL,
    span_id       bytea       CHECK (octet_length(span_id) = 8),
    severity_text text,
    service       text,
    host          text,
    body          text,
    attributes    jsonb,
    PRIMARY KEY (id, account_id, day) -- makes a repeat harmless
) PARTITION BY RANGE (day);
COMMENT ON TABLE logging.log IS 'Log lines, as they were sent once secrets were taken out';
COMMENT ON COLUMN logging.log.received_at IS 'append time of the line''s record; day is its UTC date';
COMMENT ON COLUMN logging.log.time IS 'when it happened, or received_at where the line does not say';
COMMENT ON COLUMN logging.log.observed_at IS 'when the collector saw it';
COMMENT ON COLUMN logging.log.position IS 'of the record in its lane of the topic';
COMMENT ON COLUMN logging.log.words_0 IS
    'words_0 to words_3: which words the body may have, see logging.word_masks';
COMMENT ON COLUMN logging.log.severity IS
    '1 to 4 trace, 5 to 8 debug, 9 to 12 info, 13 to 16 warn, 17 to 20 error, 21 to 24 fatal';
COMMENT ON COLUMN logging.log.body_is_json IS 'body is the text of a JSON value';

-- Chosen by measuring: docs/logging.md has what else was tried.
CREATE INDEX log_time ON logging.log (account_id, time);
CREATE INDEX log_trace ON logging.log (account_id, trace_id) WHERE trace_id IS NOT NULL;
CREATE INDEX log_ranges ON logging.log
    USING brin (received_at, time) WITH (pages_per_range = 32, autosummarize = on);

INSERT INTO millrace.day_table VALUES ('logging', 'log');
