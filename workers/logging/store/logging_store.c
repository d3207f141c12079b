/* logging.log, which only grows. */
#include "logging_store.h"
#include "engine_command.h"
#include "logging_domain.h"
#include <assert.h>

enum column {
    TIME,
    OBSERVED_AT,
    SEVERITY,
    SEVERITY_TEXT,
    SERVICE,
    HOST,
    TRACE_ID,
    SPAN_ID,
    BODY,
    BODY_IS_JSON,
    ATTRIBUTES,
    WORDS_0,
    WORDS_1,
    WORDS_2,
    WORDS_3,
    COLUMN_COUNT
};

static const struct domain_store_column columns[COLUMN_COUNT] = {
    [TIME] = {"time", DOMAIN_STORE_TIME_US, .fixed = true},
    [OBSERVED_AT] = {"observed_at", DOMAIN_STORE_TIME_US, .fixed = true},
    [SEVERITY] = {"severity", DOMAIN_STORE_INT4, .fixed = true},
    [SEVERITY_TEXT] = {"severity_text", DOMAIN_STORE_TEXT, .fixed = true},
    [SERVICE] = {"service", DOMAIN_STORE_TEXT, .fixed = true},
    [HOST] = {"host", DOMAIN_STORE_TEXT, .fixed = true},
    [TRACE_ID] = {"trace_id", DOMAIN_STORE_UUID, .fixed = true},
    [SPAN_ID] = {"span_id", DOMAIN_STORE_BYTEA, .fixed = true},
    [BODY] = {"body", DOMAIN_STORE_TEXT, .fixed = true},
    [BODY_IS_JSON] = {"body_is_json", DOMAIN_STORE_BOOL, .fixed = true},
    [ATTRIBUTES] = {"attributes", DOMAIN_STORE_JSONB, .fixed = true},
    [WORDS_0] = {"words_0", DOMAIN_STORE_INT8, .fixed = true},
    [WORDS_1] = {"words_1", DOMAIN_STORE_INT8, .fixed = true},
    [WORDS_2] = {"words_2", DOMAIN_STORE_INT8, .fixed = true},
    [WORDS_3] = {"words_3", DOMAIN_STORE_INT8, .fixed = true},
};
static_assert(WORDS_3 - WORDS_0 + 1 == LOGGING_WORDS_COUNT, "a column for each number of words");

static const char copy[] =
    "logging.log (account_id, id, day, received_at, lane, position, time, observed_at, severity,"
    " severity_text, service, host, trace_id, span_id, body, body_is_json, attributes, words_0,"
    " words_1, words_2, words_3)";

/* By the primary key, an id at a time: OFFSET 0 keeps the planner, which knows nothing yet of a new
 * day's partition, from reading all of an account by the other index. $5 and $6, the first and last
 * day of all, leave out the other partitions once. */
static const char known_facts[] =
    "SELECT l.account_id, l.id, l.day"
    " FROM unnest($1::uuid[], $2::uuid[], $3::date[], $4::date[]) AS k (account_id, id, first,"
    " last)"
    " CROSS JOIN LATERAL (SELECT account_id, id, day FROM logging.log WHERE id = k.id"
    " AND day BETWEEN k.first AND k.last AND day BETWEEN $5::date AND $6::date OFFSET 0) AS l"
    " WHERE l.account_id = k.account_id";

static struct domain_store_value number_if(bool present, int64_t number)
{
    return (struct domain_store_value){.is_null = !present, .number = present ? number : 0};
}

static struct domain_store_value bytes_if(bool present, const void *data, size_t len)
{
    return (struct domain_store_value){.is_null = !present, .bytes = mr_slice(data, len)};
}

static struct domain_store_value text_of(const struct logging_line *line, enum logging_text which)
{
    struct mr_slice text = logging_line_text(line, which);
    return (struct domain_store_value){.is_null = !text.data, .bytes = text};
}

static void line_write(const struct engine_row_write *row, struct domain_store_value *values)
{
    const struct logging_line *line = row->bytes;
    int64_t received_us = row->command->record.in.append_time_ms * 1000;
    assert(row->bytes_len == logging_line_bytes(line));
    values[TIME].number = line->has_time ? line->time_us : received_us;
    values[OBSERVED_AT] = number_if(line->has_observed, line->observed_us);
    values[SEVERITY] = number_if(line->severity > 0, line->severity);
    values[SEVERITY_TEXT] = text_of(line, LOGGING_SEVERITY_TEXT);
    values[SERVICE] = text_of(line, LOGGING_SERVICE);
    values[HOST] = text_of(line, LOGGING_HOST);
    values[TRACE_ID] = bytes_if(line->has_trace, line->trace_id.bytes, sizeof line->trace_id.bytes);
    values[SPAN_ID] = bytes_if(line->has_span, line->span_id, sizeof line->span_id);
    values[BODY] = text_of(line, LOGGING_BODY);
    values[BODY_IS_JSON].number = line->body_is_json;
    values[ATTRIBUTES] = text_of(line, LOGGING_ATTRIBUTES);
    for (int i = 0; i < LOGGING_WORDS_COUNT; i++)
        values[WORDS_0 + i].number = (int64_t)line->words[i];
}

static const struct domain_store_rows lines = {
    .copy = copy,
    .columns = columns,
    .column_count = COLUMN_COUNT,
    .write = line_write,
};

static const struct domain_store_rows *const rows[LOGGING_ROW_KIND_COUNT] = {
    [LOGGING_LINE] = &lines,
};

static const struct domain_store_pruned pruned = {"logging", "log", "LOG_RETENTION_DAYS"};

const struct domain_store logging_store = {
    .domain = &logging_domain,
    .rows = rows,
    .known_facts = known_facts,
    .pruned = &pruned,
};
