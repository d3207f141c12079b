#include "ctl_cursor.h"

#include "mr_buf.h"
#include <stdio.h>

#define PORTION 2000

static enum mr_status fetch(struct ctl_cursor *c, struct mr_error *why)
{
    char sql[80];
    mr_pg_result_free(c->rows);
    c->rows = NULL;
    c->row = 0;
    c->has_row = false;
    snprintf(sql, sizeof sql, "FETCH %d FROM %s", c->portion, c->name);
    enum mr_status s = mr_pg_session_exec(c->session, sql, NULL, &c->rows, why);
    if (s == MR_OK)
        c->has_row = mr_pg_result_rows(c->rows) > 0;
    return s;
}

enum mr_status ctl_cursor_open(struct ctl_cursor *c, const char *sql,
                               const struct mr_pg_params *params, struct mr_error *why)
{
    struct mr_buf text;
    if (c->portion == 0)
        c->portion = PORTION;
    mr_buf_init(&text, 0);
    mr_buf_printf(&text, "DECLARE %s NO SCROLL CURSOR FOR %s", c->name, sql);
    mr_buf_char(&text, '\0');
    enum mr_status s = mr_pg_session_exec(c->session, text.data, params, NULL, why);
    mr_buf_free(&text);
    return s == MR_OK ? fetch(c, why) : s;
}

enum mr_status ctl_cursor_next(struct ctl_cursor *c, struct mr_error *why)
{
    if (!c->has_row || ++c->row < mr_pg_result_rows(c->rows))
        return MR_OK;
    return fetch(c, why);
}

int ctl_cursor_against(const struct ctl_cursor *c, int32_t lane, int64_t at)
{
    if (!c->has_row)
        return 1;
    int32_t its_lane = mr_pg_result_int4(c->rows, c->row, 0);
    int64_t its = mr_pg_result_int8(c->rows, c->row, 1);
    if (its_lane != lane)
        return its_lane < lane ? -1 : 1;
    return its < at ? -1 : its > at;
}

void ctl_cursor_close(struct ctl_cursor *c)
{
    mr_pg_result_free(c->rows);
    c->rows = NULL;
    c->has_row = false;
}
