#include "reads_bed.h"

#include "catalog_fixture.h"
#include <criterion/criterion.h>

/* A fact, and a command of which only the id is kept; billing keeps both kinds after this. */
#define COMMAND(type, record, more)                                                                \
    "{\"title\":\"t\",\"x-command\":{\"type\":\"" type "\",\"scope\":\"billing:write\","           \
    "\"route\":\"POST /v1/accounts/{account}/" type "\",\"record\":\"" record "\"}" more           \
    ",\"type\":\"object\",\"properties\":{\"n\":{}}}"
#define WAREHOUSE                                                                                  \
    ",\"x-warehouse\":[{\"table\":\"lines\",\"columns\":[{\"name\":\"n\",\"type\":\"BIGINT\","     \
    "\"pointer\":\"/n\"}]}]"

/* A list of a function below it of the same name. */
#define LIST(name, path, more)                                                                     \
    "{\"title\":\"t\",\"x-resource\":{\"type\":\"lines." name "\",\"scope\":\"billing:read\","     \
    "\"list\":\"GET /v1/accounts/{account}/" path "\",\"function\":\"lines." name "\"," more "}}"

static const struct {
    const char *file, *text;
} files[] = {
    {"billing/note.json", COMMAND("billing.note", "id", "")},
    {"lines/line.json", COMMAND("lines.line", "none", WAREHOUSE)},
    {"lines/sample.json", COMMAND("lines.sample", "id", "")},
    /* Pages that the function cuts, newest first. */
    {"lines/search.json",
     LIST("search", "words/{word}",
          "\"paged\":true,\"limit\":{\"default\":4,\"maximum\":500},\"parameters\":["
          "{\"name\":\"word\",\"type\":\"text\",\"required\":true,\"max_length\":12},"
          "{\"name\":\"attributes\",\"type\":\"map\"}],"
          "\"orders\":[{\"column\":\"at\",\"type\":\"time\",\"descending\":true}]")},
    /* All rows, of which the edge cuts pages. */
    {"lines/steps.json", LIST("steps", "steps",
                              "\"limit\":{\"maximum\":30},\"parameters\":["
                              "{\"name\":\"count\",\"type\":\"integer\",\"default\":\"3\"}],"
                              "\"orders\":[{\"column\":\"n\",\"type\":\"integer\"}]")},
    /* What it was called with. */
    {"lines/echo.json", LIST("echo", "echo/{word}",
                             "\"parameters\":[{\"name\":\"since\",\"type\":\"time\"},"
                             "{\"name\":\"word\",\"type\":\"text\",\"required\":true},"
                             "{\"name\":\"attributes\",\"type\":\"map\",\"max_length\":5},"
                             "{\"name\":\"labels\",\"type\":\"map\"}],"
                             "\"orders\":[{\"column\":\"n\",\"type\":\"integer\"}]")},
    /* Which fails as it is told. */
    {"lines/picky.json", LIST("picky", "picky",
                              "\"parameters\":[{\"name\":\"how\",\"type\":\"text\"}],"
                              "\"orders\":[{\"column\":\"n\",\"type\":\"integer\"}]")},
};

const char reads_sql[] =
    "SELECT millrace.make_days(current_date - 3, current_date + 1);"
    "CREATE SCHEMA lines;"
    "CREATE TABLE lines.line (account_id uuid NOT NULL, id uuid PRIMARY KEY,"
    " at timestamptz NOT NULL, word text NOT NULL, n integer NOT NULL,"
    " attributes jsonb NOT NULL DEFAULT '{}', filler text NOT NULL DEFAULT '');"
    "CREATE FUNCTION lines.search(account uuid, word text, attributes jsonb,"
    " cursor_value timestamptz, cursor_id uuid, row_limit bigint)"
    " RETURNS TABLE (account_id uuid, id uuid, version bigint, body text, at timestamptz)"
    " LANGUAGE sql STABLE AS $$"
    " SELECT l.account_id, l.id, 1::bigint,"
    " json_build_object('n', l.n, 'filler', l.filler)::text, l.at FROM lines.line l"
    " WHERE l.account_id = search.account AND l.word = search.word"
    " AND (search.attributes IS NULL OR l.attributes @> search.attributes)"
    " AND (cursor_id IS NULL OR (l.at, l.id) < (cursor_value, cursor_id))"
    " ORDER BY l.at DESC, l.id DESC LIMIT row_limit $$;"
    "CREATE FUNCTION lines.steps(account uuid, count bigint)"
    " RETURNS TABLE (account_id uuid, id uuid, version bigint, body text, n bigint)"
    " LANGUAGE sql STABLE AS $$"
    " SELECT account, md5(i::text)::uuid, 1::bigint, '{\"n\":' || i || '}', i"
    " FROM generate_series(1, count) i $$;"
    "CREATE FUNCTION lines.echo(account uuid, since timestamptz, word text, attributes jsonb,"
    " labels jsonb) RETURNS TABLE (account_id uuid, id uuid, version bigint, body text, n bigint)"
    " LANGUAGE sql STABLE AS $$ SELECT account, account, 1::bigint,"
    " jsonb_build_object('word', word, 'attributes', attributes, 'labels', labels)::text,"
    " 1::bigint $$;"
    "CREATE FUNCTION lines.picky(account uuid, how text)"
    " RETURNS TABLE (account_id uuid, id uuid, version bigint, body text, n bigint)"
    " LANGUAGE plpgsql STABLE AS $$ BEGIN"
    " IF how = 'told' THEN RAISE 'q must have a word beside -not' USING ERRCODE = '22023'; END IF;"
    " IF how = 'untold' THEN RAISE 'the row says 42' USING ERRCODE = '22P02'; END IF;"
    " IF how = 'broken' THEN RAISE 'no such thing' USING ERRCODE = '42P01'; END IF;"
    " IF how = 'slow' THEN PERFORM pg_sleep(60); END IF; END $$;";

struct mr_catalog *reads_catalog(void)
{
    struct mr_error why;
    struct folder folder = folder_read();
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        folder_put(&folder, files[i].file, files[i].text);
    struct mr_catalog *catalog = folder_build(folder, &why);
    cr_assert_not_null(catalog, "%s", why.text);
    return catalog;
}
