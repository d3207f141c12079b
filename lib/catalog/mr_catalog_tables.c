/* Warehouse tables, merged over all event types and facts that feed them. */
#include "mr_catalog_own.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define CHAR_BYTES_MAX    4096 /* Redshift's bounds */
#define VARCHAR_BYTES_MAX 65535
#define DECIMAL_DIGITS    38

static const struct mr_catalog_column fixed_columns[MR_FIXED_COUNT] = {
    [MR_FIXED_ACCOUNT_ID] = {"account_id", "CHAR(36)", MR_COLUMN_CHAR, .length = 36,
                             .comment = "Account that the event belongs to"},
    [MR_FIXED_DOMAIN] = {"domain", "VARCHAR(15)", MR_COLUMN_VARCHAR, .length = 15,
                         .comment = "Domain that published the event"},
    [MR_FIXED_LANE] = {"lane", "INTEGER", MR_COLUMN_INTEGER,
                       .comment = "Lane of the domain; events of one lane are in order"},
    [MR_FIXED_SEQUENCE] = {"sequence", "BIGINT", MR_COLUMN_BIGINT,
                           .comment = "Number of the event in its lane, without gaps"},
    [MR_FIXED_ROW] = {"row", "INTEGER", MR_COLUMN_INTEGER,
                      .comment = "Number of the row within its event, from 0"},
    [MR_FIXED_EVENT_TYPE] = {"event_type", "VARCHAR(96)", MR_COLUMN_VARCHAR, .length = 96,
                             .comment = "Type of the event, such as billing.invoice.created"},
    [MR_FIXED_EVENT_TIME] = {"event_time", "TIMESTAMPTZ", MR_COLUMN_TIMESTAMPTZ,
                             .comment = "When it was decided"},
    [MR_FIXED_COMMAND_ID] = {"command_id", "CHAR(36)", MR_COLUMN_CHAR, .length = 36,
                             .comment = "Command that caused the event"},
};

/* A table while it grows. */
struct draft {
    struct mr_catalog_table *table;
    struct mr_catalog_column *columns;
    const json_t *sort, *distribute;             /* as declared; NULL so far */
    const struct mr_catalog_source *sort_source; /* by whom, and where in it */
    char sort_at[48];
    const struct mr_catalog_source *first; /* of those that feed it */
    struct mr_buf feeders;
};

struct tabling {
    struct mr_catalog_builder *b;
    struct draft *drafts; /* beside b->tables */
    const struct mr_catalog_source *source;
    const struct mr_schema *schema;
    const char *type;
    char at[160]; /* "/x-warehouse/0/columns/1" */
};

static const json_t *warehouse_of(const struct mr_catalog_source *s)
{
    return s->json && s->kind != MR_SOURCE_META ? json_object_get(s->json, "x-warehouse") : NULL;
}

/* The list itself, or the one that the name stands for; NULL where there is no such name. */
static const json_t *columns_of(const struct mr_catalog_builder *b, const json_t *feed)
{
    const json_t *columns = json_object_get(feed, "columns"), *named = NULL;
    if (!json_is_string(columns))
        return columns;
    const char *name = json_string_value(columns), *dot = strchr(name, '.');
    for (size_t i = 0; dot && i < b->own->source_count && !named; i++) {
        const struct mr_catalog_source *s = &b->own->sources[i];
        if (s->kind == MR_SOURCE_DEFS &&
            mr_slice_is(mr_slice(name, (size_t)(dot - name)), s->domain))
            named = json_object_get(json_object_get(s->json, "x-columns"), name);
    }
    return named;
}

/* ---- which tables there are --------------------------------------------------------------------
 */

static int by_table_name(const void *a, const void *b)
{
    return strcmp(((const struct mr_catalog_table *)a)->name,
                  ((const struct mr_catalog_table *)b)->name);
}

static size_t table_index(const struct mr_catalog_builder *b, const char *name)
{
    size_t i = 0;
    while (i < b->catalog->table_count && strcmp(b->tables[i].name, name) != 0)
        i++;
    return i;
}

/* Names them and counts the columns that each may come to. */
static void find_tables(struct mr_catalog_builder *b)
{
    struct mr_catalog *c = b->catalog;
    size_t most = 0;
    for (size_t i = 0; i < b->own->source_count; i++)
        most += json_array_size(warehouse_of(&b->own->sources[i]));
    b->tables = mr_catalog_alloc(b, most, sizeof *b->tables);
    c->tables = b->tables;
    for (size_t i = 0; i < b->own->source_count; i++) {
        const json_t *feeds = warehouse_of(&b->own->sources[i]);
        for (size_t k = 0; k < json_array_size(feeds); k++) {
            const json_t *feed = json_array_get(feeds, k);
            size_t t = table_index(b, mr_catalog_member(feed, "table"));
            if (t == c->table_count) {
                b->tables[c->table_count++].name = mr_catalog_member(feed, "table");
                b->tables[t].column_count = MR_FIXED_COUNT;
            }
            b->tables[t].column_count += 2 * json_array_size(columns_of(b, feed));
        }
    }
    qsort(b->tables, c->table_count, sizeof *b->tables, by_table_name);
}

static struct draft *begin_tables(struct mr_catalog_builder *b)
{
    struct draft *drafts = mr_catalog_alloc(b, b->catalog->table_count, sizeof *drafts);
    for (size_t i = 0; i < b->catalog->table_count; i++) {
        struct mr_catalog_table *t = &b->tables[i];
        drafts[i].table = t;
        drafts[i].columns = mr_catalog_alloc(b, t->column_count, sizeof *drafts[i].columns);
        memcpy(drafts[i].columns, fixed_columns, sizeof fixed_columns);
        mr_buf_init(&drafts[i].feeders, 0);
        t->index = i;
        t->columns = drafts[i].columns;
        t->column_count = MR_FIXED_COUNT;
        mr_catalog_map_add(b->own, MR_MAP_TABLE, t->name, t);
    }
    return drafts;
}

/* ---- columns -----------------------------------------------------------------------------------
 */

/* "VARCHAR(16)": its form was checked. */
static bool read_type(const char *type, struct mr_catalog_column *out)
{
    static const struct {
        const char *name;
        enum mr_column_kind kind;
    } plain[] = {{"BIGINT", MR_COLUMN_BIGINT},          {"INTEGER", MR_COLUMN_INTEGER},
                 {"BOOLEAN", MR_COLUMN_BOOLEAN},        {"TIMESTAMPTZ", MR_COLUMN_TIMESTAMPTZ},
                 {"TIMESTAMP", MR_COLUMN_TIMESTAMP},    {"DATE", MR_COLUMN_DATE},
                 {"DOUBLE PRECISION", MR_COLUMN_DOUBLE}};
    int32_t most = DECIMAL_DIGITS;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        if (strcmp(type, plain[i].name) == 0) {
            out->kind = plain[i].kind;
            return true;
        }
    }
    if (sscanf(type, "CHAR(%" SCNd32 ")", &out->length) == 1) {
        out->kind = MR_COLUMN_CHAR;
        most = CHAR_BYTES_MAX;
    } else if (sscanf(type, "VARCHAR(%" SCNd32 ")", &out->length) == 1) {
        out->kind = MR_COLUMN_VARCHAR;
        most = VARCHAR_BYTES_MAX;
    } else {
        sscanf(type, "DECIMAL(%" SCNd32 ",%" SCNd32 ")", &out->length, &out->scale);
        out->kind = MR_COLUMN_DECIMAL;
    }
    return out->length >= 1 && out->length <= most && out->scale <= out->length;
}

static enum mr_status read_column(const struct tabling *t, const json_t *json,
                                  struct mr_catalog_column *out)
{
    *out = (struct mr_catalog_column){
        .name = mr_catalog_member(json, "name"),
        .type = mr_catalog_member(json, "type"),
        .total = json_is_true(json_object_get(json, "total")),
        .cut = json_is_true(json_object_get(json, "cut")),
        .comment = mr_catalog_member(json, "comment"),
        .file = t->source->file,
    };
    if (!read_type(out->type, out))
        return mr_catalog_fail(t->b, t->source, t->at, "%s is out of range", out->type);
    if (out->total && out->kind != MR_COLUMN_BIGINT && out->kind != MR_COLUMN_INTEGER)
        return mr_catalog_fail(t->b, t->source, t->at, "total is for BIGINT and INTEGER");
    if (out->cut && out->kind != MR_COLUMN_VARCHAR && out->kind != MR_COLUMN_TIMESTAMPTZ &&
        out->kind != MR_COLUMN_TIMESTAMP)
        return mr_catalog_fail(t->b, t->source, t->at,
                               "cut is for VARCHAR, TIMESTAMPTZ and TIMESTAMP");
    return MR_OK;
}

static size_t column_index(const struct draft *d, const char *name)
{
    size_t i = 0;
    while (i < d->table->column_count && strcmp(d->columns[i].name, name) != 0)
        i++;
    return i;
}

/* Puts a new column, with its <name>_bytes where its text is cut, at the end. */
static enum mr_status append_column(const struct tabling *t, struct draft *d,
                                    const struct mr_catalog_column *column)
{
    d->columns[d->table->column_count++] = *column;
    if (!column->cut || column->kind != MR_COLUMN_VARCHAR)
        return MR_OK;
    const char *name = mr_catalog_text(t->b, "%s_bytes", column->name);
    if (column_index(d, name) < d->table->column_count)
        return mr_catalog_fail(t->b, t->source, t->at,
                               "%s is cut, so the name %s is taken for its length", column->name,
                               name);
    d->columns[d->table->column_count++] = (struct mr_catalog_column){
        .name = name,
        .type = "INTEGER",
        .kind = MR_COLUMN_INTEGER,
        .comment = mr_catalog_text(t->b, "Full length of %s, which may be cut", column->name),
        .file = column->file,
    };
    return MR_OK;
}

/* A column is the same for all that feed it. */
static enum mr_status merge_column(const struct tabling *t, struct draft *d,
                                   const struct mr_catalog_column *column, size_t *index)
{
    *index = column_index(d, column->name);
    if (*index == d->table->column_count)
        return append_column(t, d, column);
    struct mr_catalog_column *was = &d->columns[*index];
    if (*index < MR_FIXED_COUNT)
        return mr_catalog_fail(t->b, t->source, t->at, "every table has a column %s of its own",
                               column->name);
    if (strcmp(was->type, column->type) != 0 || was->total != column->total ||
        was->cut != column->cut)
        return mr_catalog_fail(t->b, t->source, t->at, "column %s of table %s is %s%s%s in %s",
                               column->name, d->table->name, was->type, was->total ? ", total" : "",
                               was->cut ? ", cut" : "", was->file);
    if (!was->comment)
        was->comment = column->comment;
    return MR_OK;
}

/* Where in the body a cell is, as the schema is asked about it: an element is its number 0. */
static const char *place_of(const struct tabling *t, const json_t *feed, const char *pointer)
{
    const char *each = mr_catalog_member(feed, "each");
    if (*pointer == '#')
        return pointer + 1;
    return each ? mr_catalog_text(t->b, "%s/0%s", each, pointer) : pointer;
}

static enum mr_status add_cell(struct tabling *t, struct draft *d, const json_t *feed,
                               const json_t *json, struct mr_catalog_cell *cell)
{
    struct mr_catalog_column column;
    const char *pointer = mr_catalog_member(json, "pointer");
    enum mr_status s = read_column(t, json, &column);
    if (s != MR_OK)
        return s;
    const struct mr_schema *part =
        mr_schema_at(t->schema, mr_slice_text(place_of(t, feed, pointer)));
    if (!part)
        return mr_catalog_fail(t->b, t->source, t->at, "the schema has nothing at %s",
                               place_of(t, feed, pointer));
    if (!column.comment)
        column.comment = mr_schema_text(part);
    cell->from_body = *pointer == '#';
    cell->pointer = mr_catalog_pointer(t->b, cell->from_body ? pointer + 1 : pointer);
    return merge_column(t, d, &column, &cell->column);
}

/* ---- feeds -------------------------------------------------------------------------------------
 */

static enum mr_status add_cells(struct tabling *t, struct draft *d, const json_t *json,
                                struct mr_catalog_feed *feed)
{
    const json_t *columns = columns_of(t->b, json);
    size_t count = json_array_size(columns), at_len = strlen(t->at);
    struct mr_catalog_cell *cells = mr_catalog_alloc(t->b, count, sizeof *cells);
    snprintf(t->at + at_len, sizeof t->at - at_len, "/columns");
    if (!columns)
        return mr_catalog_fail(t->b, t->source, t->at, "no defs.json has %s in its x-columns",
                               mr_catalog_member(json, "columns"));
    for (size_t i = 0; i < count; i++) {
        if (json_is_array(json_object_get(json, "columns")))
            snprintf(t->at + at_len, sizeof t->at - at_len, "/columns/%zu", i);
        enum mr_status s = add_cell(t, d, json, json_array_get(columns, i), &cells[i]);
        for (size_t k = 0; k < i && s == MR_OK; k++) {
            if (cells[k].column == cells[i].column)
                s = mr_catalog_fail(t->b, t->source, t->at, "column %s comes twice",
                                    d->columns[cells[i].column].name);
        }
        if (s != MR_OK)
            return s;
    }
    t->at[at_len] = 0;
    feed->cells = cells;
    feed->cell_count = count;
    return MR_OK;
}

/* Sort and distribution belong to the table, so they are said once, or in the same words. */
static enum mr_status add_layout(struct tabling *t, struct draft *d, const json_t *json)
{
    const json_t *sort = json_object_get(json, "sort");
    const json_t *distribute = json_object_get(json, "distribute");
    if (!sort && !distribute)
        return MR_OK;
    if (d->sort_source && ((sort && d->sort && !json_equal(sort, d->sort)) ||
                           (distribute && d->distribute && !json_equal(distribute, d->distribute))))
        return mr_catalog_fail(t->b, t->source, t->at,
                               "sort and distribute of table %s read otherwise in %s",
                               d->table->name, d->sort_source->file);
    d->sort = sort ? sort : d->sort;
    d->distribute = distribute ? distribute : d->distribute;
    d->sort_source = t->source;
    snprintf(d->sort_at, sizeof d->sort_at, "%.40s", t->at);
    return MR_OK;
}

/* Events are numbered by their lane, facts by the lane's log: in one table two could be taken for
 * one. */
static enum mr_status check_feeder(struct tabling *t, struct draft *d)
{
    bool fact = t->source->kind == MR_SOURCE_COMMAND;
    if (!d->first) {
        d->first = t->source;
        t->b->tables[d->table->index].facts = fact;
    }
    if (d->table->facts == fact)
        return MR_OK;
    return mr_catalog_fail(t->b, t->source, t->at, "table %s holds %s of %s, and not %s",
                           d->table->name, fact ? "events" : "facts", d->first->file,
                           fact ? "facts" : "events");
}

static enum mr_status add_feed(struct tabling *t, const json_t *json, struct mr_catalog_feed *feed)
{
    struct draft *d = &t->drafts[table_index(t->b, mr_catalog_member(json, "table"))];
    const char *each = mr_catalog_member(json, "each");
    enum mr_status s = check_feeder(t, d);
    if (s != MR_OK)
        return s;
    feed->table = d->table;
    if (each) {
        feed->has_each = true;
        feed->each = mr_catalog_pointer(t->b, each);
        if (!mr_schema_at(t->schema, mr_slice_text(each)))
            return mr_catalog_fail(t->b, t->source, t->at, "each: the schema has nothing at %s",
                                   each);
    }
    mr_buf_printf(&d->feeders, "%s%s", d->feeders.len ? ", " : "", t->type);
    s = add_cells(t, d, json, feed);
    return s == MR_OK ? add_layout(t, d, json) : s;
}

static enum mr_status add_feeds(struct mr_catalog_builder *b, struct draft *drafts,
                                const struct mr_catalog_source *source,
                                const struct mr_catalog_feed **feeds, size_t *feed_count)
{
    const json_t *list = warehouse_of(source);
    struct tabling t = {.b = b,
                        .drafts = drafts,
                        .source = source,
                        .schema = mr_schema_set_find(b->own->set, source->uri),
                        .type = source->uri};
    struct mr_catalog_feed *all = mr_catalog_alloc(b, json_array_size(list), sizeof *all);
    for (size_t i = 0; i < json_array_size(list); i++) {
        snprintf(t.at, sizeof t.at, "/x-warehouse/%zu", i);
        enum mr_status s = add_feed(&t, json_array_get(list, i), &all[i]);
        if (s != MR_OK)
            return s;
    }
    *feeds = all;
    *feed_count = json_array_size(list);
    return MR_OK;
}

static enum mr_status feed_all(struct mr_catalog_builder *b, struct draft *drafts)
{
    enum mr_status s = MR_OK;
    size_t command = 0, event = 0; /* the sources are in the order of both lists */
    for (size_t i = 0; i < b->own->source_count && s == MR_OK; i++) {
        const struct mr_catalog_source *source = &b->own->sources[i];
        if (source->kind == MR_SOURCE_COMMAND) {
            struct mr_catalog_command *c = &b->commands[command++];
            s = add_feeds(b, drafts, source, &c->feeds, &c->feed_count);
        } else if (source->kind == MR_SOURCE_EVENT) {
            struct mr_catalog_event *e = &b->events[event++];
            s = add_feeds(b, drafts, source, &e->feeds, &e->feed_count);
        }
    }
    return s;
}

/* ---- when all columns are known ----------------------------------------------------------------
 */

/* What the fixed columns hold of a fact. */
static void comment_facts(struct draft *d)
{
    d->columns[MR_FIXED_ACCOUNT_ID].comment = "Account that the fact belongs to";
    d->columns[MR_FIXED_DOMAIN].comment = "Domain that the fact was sent to";
    d->columns[MR_FIXED_LANE].comment = "Lane of the domain, a partition of its log";
    d->columns[MR_FIXED_SEQUENCE].comment = "Offset of the fact in its lane's log";
    d->columns[MR_FIXED_ROW].comment = "Number of the row within its fact, from 0";
    d->columns[MR_FIXED_EVENT_TYPE].comment = "Type of the fact, such as logging.line";
    d->columns[MR_FIXED_EVENT_TIME].comment = "When the log took it";
    d->columns[MR_FIXED_COMMAND_ID].comment = "Id of the fact, by which a repeat is known";
}

static enum mr_status end_table(struct mr_catalog_builder *b, struct draft *d)
{
    struct mr_catalog_table *t = d->table;
    size_t *sort = mr_catalog_alloc(b, json_array_size(d->sort), sizeof *sort);
    if (t->facts)
        comment_facts(d);
    t->sort = sort;
    t->sort_count = json_array_size(d->sort);
    t->distribute = json_string_value(d->distribute);
    t->comment =
        mr_arena_printf(&b->own->arena, "Filled by %.*s", MR_SLICE_FMT(mr_buf_all(&d->feeders)));
    for (size_t i = 0; i < t->sort_count; i++) {
        const char *name = json_string_value(json_array_get(d->sort, i));
        sort[i] = column_index(d, name);
        if (sort[i] == t->column_count)
            return mr_catalog_fail(b, d->sort_source, d->sort_at, "sort: table %s has no column %s",
                                   t->name, name);
    }
    if (t->distribute && strcmp(t->distribute, "even") != 0 && strcmp(t->distribute, "all") != 0 &&
        column_index(d, t->distribute) == t->column_count)
        return mr_catalog_fail(b, d->sort_source, d->sort_at,
                               "distribute: table %s has no column %s", t->name, t->distribute);
    return MR_OK;
}

static void list_totals(struct mr_catalog_builder *b)
{
    struct mr_catalog *c = b->catalog;
    size_t most = 0;
    for (size_t i = 0; i < c->table_count; i++)
        most += c->tables[i].column_count;
    struct mr_catalog_total *totals = mr_catalog_alloc(b, most, sizeof *totals);
    for (size_t i = 0; i < c->table_count; i++) {
        for (size_t k = 0; k < c->tables[i].column_count; k++) {
            if (c->tables[i].columns[k].total)
                totals[c->total_count++] = (struct mr_catalog_total){&c->tables[i], k};
        }
    }
    c->totals = totals;
}

enum mr_status mr_catalog_add_tables(struct mr_catalog_builder *b)
{
    find_tables(b);
    struct draft *drafts = begin_tables(b);
    enum mr_status s = feed_all(b, drafts);
    for (size_t i = 0; i < b->catalog->table_count; i++) {
        if (s == MR_OK)
            s = end_table(b, &drafts[i]);
        mr_buf_free(&drafts[i].feeders);
    }
    if (s == MR_OK)
        list_totals(b);
    return s;
}
