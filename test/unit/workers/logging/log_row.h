/* One line on its way from JSON to the values of its row, as a worker takes it. */
#ifndef LOG_ROW_H
#define LOG_ROW_H

#include "domain_store.h"
#include "engine_command.h"
#include "logging_domain.h"

struct engine_sheet;

struct log_row {
    struct engine_command
        command; /* id, account, append time, lane and position as the test says */
    const struct logging_line *line;
    struct domain_store_value values[DOMAIN_STORE_COLUMNS_MAX];
    json_t *json;
    struct mr_arena arena;
    struct engine_sheet *sheet;
};

#define LOG_ROW_RECEIVED_MS INT64_C(1763974800123) /* 2025-11-24T09:00:00.123Z */

/* body: JSON with ' for ", or as it is where it holds a ". It is held against schemas/logging. The
 * command's lane is 3, its position 77. */
void log_row_init(struct log_row *row, const char *body);
/* The same of a line that arrived then, not at LOG_ROW_RECEIVED_MS. */
void log_row_init_at(struct log_row *row, int64_t received_ms, const char *body);
void log_row_free(struct log_row *row);
/* The value of the store's column of that name. */
const struct domain_store_value *log_row_value(const struct log_row *row, const char *column);
/* True if the schema of logging.line takes the body. */
bool log_row_is_line(const char *body);

#endif
