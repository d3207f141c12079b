/* The warehouse's tables as SQL. What Redshift will say otherwise (types as it reports them, no
 * IF NOT EXISTS for a column, SORTKEY, DISTKEY) belongs beside the Postgres words here. */
#include "mr_ddl.h"

#include <stdio.h>
#include <stdlib.h>

void mr_ddl_free(struct mr_ddl *ddl)
{
    for (size_t i = 0; i < ddl->count; i++)
        free(ddl->statements[i]);
    free(ddl->statements);
    *ddl = (struct mr_ddl){.dialect = ddl->dialect};
}

/* Adds the buffer's text as a statement and frees the buffer. */
static void add_statement(struct mr_ddl *ddl, struct mr_buf *text)
{
    mr_buf_char(text, 0);
    ddl->statements = realloc(ddl->statements, (ddl->count + 1) * sizeof *ddl->statements);
    if (!ddl->statements)
        abort();
    ddl->statements[ddl->count++] = text->data;
}

/* Always quoted, as "row" is a word of SQL; names are small letters, digits and "_" (meta). */
static void add_name(struct mr_buf *out, const char *name)
{
    mr_buf_printf(out, "\"%s\"", name);
}

static void add_literal(struct mr_buf *out, const char *text)
{
    mr_buf_char(out, '\'');
    for (; *text; text++) {
        if (*text == '\'')
            mr_buf_char(out, '\'');
        mr_buf_char(out, *text);
    }
    mr_buf_char(out, '\'');
}

void mr_ddl_type(enum mr_ddl_dialect dialect, const struct mr_catalog_column *column,
                 struct mr_buf *out)
{
    (void)dialect; /* one so far; -Wswitch will point here when there are two */
    switch (column->kind) {
    case MR_COLUMN_CHAR:
        mr_buf_printf(out, "character(%d)", column->length);
        break;
    case MR_COLUMN_VARCHAR:
        mr_buf_printf(out, "character varying(%d)", column->length);
        break;
    case MR_COLUMN_BIGINT:
        mr_buf_text(out, "bigint");
        break;
    case MR_COLUMN_INTEGER:
        mr_buf_text(out, "integer");
        break;
    case MR_COLUMN_BOOLEAN:
        mr_buf_text(out, "boolean");
        break;
    case MR_COLUMN_TIMESTAMPTZ:
        mr_buf_text(out, "timestamp with time zone");
        break;
    case MR_COLUMN_TIMESTAMP:
        mr_buf_text(out, "timestamp without time zone");
        break;
    case MR_COLUMN_DATE:
        mr_buf_text(out, "date");
        break;
    case MR_COLUMN_DECIMAL:
        mr_buf_printf(out, "numeric(%d,%d)", column->length, column->scale);
        break;
    case MR_COLUMN_DOUBLE:
        mr_buf_text(out, "double precision");
        break;
    }
}

static void add_column(const struct mr_ddl *ddl, const struct mr_catalog_column *column,
                       struct mr_buf *out)
{
    add_name(out, column->name);
    mr_buf_char(out, ' ');
    mr_ddl_type(ddl->dialect, column, out);
}

static void comment_table(struct mr_ddl *ddl, const struct mr_catalog_table *table)
{
    struct mr_buf sql;
    mr_buf_init(&sql, 0);
    mr_buf_text(&sql, "COMMENT ON TABLE public.");
    add_name(&sql, table->name);
    mr_buf_text(&sql, " IS ");
    add_literal(&sql, table->comment);
    add_statement(ddl, &sql);
}

static void comment_column(struct mr_ddl *ddl, const struct mr_catalog_table *table,
                           const struct mr_catalog_column *column)
{
    struct mr_buf sql;
    if (!column->comment)
        return;
    mr_buf_init(&sql, 0);
    mr_buf_text(&sql, "COMMENT ON COLUMN public.");
    add_name(&sql, table->name);
    mr_buf_char(&sql, '.');
    add_name(&sql, column->name);
    mr_buf_text(&sql, " IS ");
    add_literal(&sql, column->comment);
    add_statement(ddl, &sql);
}

/* A fact sent twice has another sequence, and is known by its id alone. */
static void index_facts(struct mr_ddl *ddl, const struct mr_catalog_table *table)
{
    struct mr_buf sql;
    mr_buf_init(&sql, 0);
    mr_buf_printf(&sql, "CREATE INDEX IF NOT EXISTS \"%s_by_id\" ON public.\"%s\" (\"%s\")",
                  table->name, table->name, table->columns[MR_FIXED_COMMAND_ID].name);
    add_statement(ddl, &sql);
}

void mr_ddl_create(struct mr_ddl *ddl, const struct mr_catalog_table *table)
{
    struct mr_buf sql;
    mr_buf_init(&sql, 0);
    mr_buf_text(&sql, "CREATE TABLE IF NOT EXISTS public.");
    add_name(&sql, table->name);
    mr_buf_text(&sql, " (\n");
    for (size_t i = 0; i < table->column_count; i++) {
        mr_buf_text(&sql, "    ");
        add_column(ddl, &table->columns[i], &sql);
        mr_buf_text(&sql, i < MR_FIXED_COUNT ? " NOT NULL,\n" : ",\n");
    }
    /* An event is loaded once: the ledger sees to it, and this would show if it did not. */
    mr_buf_text(&sql, "    UNIQUE (\"domain\", \"lane\", \"sequence\", \"row\")\n)");
    add_statement(ddl, &sql);
    if (table->facts)
        index_facts(ddl, table);
    comment_table(ddl, table);
    for (size_t i = 0; i < table->column_count; i++)
        comment_column(ddl, table, &table->columns[i]);
}

static const struct mr_ddl_found *find(const struct mr_ddl_found *found, size_t found_count,
                                       const char *name)
{
    for (size_t i = 0; i < found_count; i++) {
        if (strcmp(found[i].name, name) == 0)
            return &found[i];
    }
    return NULL;
}

/* What cannot be brought about by adding columns. */
static enum mr_status refuse_change(const struct mr_ddl *ddl, const struct mr_catalog_table *table,
                                    size_t column, const struct mr_ddl_found *found,
                                    struct mr_error *why)
{
    const struct mr_catalog_column *c = &table->columns[column];
    if (!found)
        return column >= MR_FIXED_COUNT
                   ? MR_OK
                   : mr_fail(why, MR_INVALID,
                             "table %s has no column %s, so it is not one that millrace made",
                             table->name, c->name);
    struct mr_buf type;
    mr_buf_init(&type, 0);
    mr_ddl_type(ddl->dialect, c, &type);
    enum mr_status s = MR_OK;
    if (!mr_slice_is(mr_buf_all(&type), found->type))
        s = mr_fail(why, MR_INVALID,
                    "table %s: column %s is %s in the warehouse, but %s says %.*s; give the "
                    "column a new name, or change the table by hand",
                    table->name, c->name, found->type, c->file ? c->file : "millrace",
                    MR_SLICE_FMT(mr_buf_all(&type)));
    mr_buf_free(&type);
    return s;
}

static void alter(struct mr_ddl *ddl, const struct mr_catalog_table *table,
                  const struct mr_catalog_column *column)
{
    struct mr_buf sql;
    mr_buf_init(&sql, 0);
    mr_buf_text(&sql, "ALTER TABLE public.");
    add_name(&sql, table->name);
    mr_buf_text(&sql, " ADD COLUMN IF NOT EXISTS ");
    add_column(ddl, column, &sql);
    add_statement(ddl, &sql);
    comment_column(ddl, table, column);
}

enum mr_status mr_ddl_upgrade(struct mr_ddl *ddl, const struct mr_catalog_table *table,
                              const struct mr_ddl_found *found, size_t found_count,
                              struct mr_error *why)
{
    if (found_count == 0) {
        mr_ddl_create(ddl, table);
        return MR_OK;
    }
    for (size_t i = 0; i < table->column_count; i++) {
        const struct mr_ddl_found *was = find(found, found_count, table->columns[i].name);
        enum mr_status s = refuse_change(ddl, table, i, was, why);
        if (s != MR_OK)
            return s;
    }
    bool grown = false;
    for (size_t i = 0; i < table->column_count; i++) {
        if (find(found, found_count, table->columns[i].name))
            continue;
        alter(ddl, table, &table->columns[i]);
        grown = true;
    }
    if (grown)
        comment_table(ddl, table);
    return MR_OK;
}
