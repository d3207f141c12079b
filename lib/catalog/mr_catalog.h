/* What millrace can do, read from the schemas folder: domains, commands, events, resources, problem
 * types and warehouse tables. Built once at start from the texts of the files, then read-only; all
 * pointers live as long as the catalogue. Nothing here reads files or knows a domain.
 *
 * Files: <domain>/<name>.json with x-command, x-event or x-resource, whose type is
 * "<domain>.<name>" and is the document's URI; <domain>/defs.json ("<domain>.defs": shared $defs,
 * and x-columns, named lists of warehouse columns); <domain>/views.sql; meta/x-*.json, schemas of
 * the x- blocks. */
#ifndef MR_CATALOG_H
#define MR_CATALOG_H

#include "mr_buf.h"
#include "mr_error.h"
#include "mr_pointer.h"
#include "mr_schema.h"
#include "mr_slice.h"
#include "mr_uuid.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MR_CATALOG_DOMAIN_MAX   15 /* characters of a domain's name: [a-z][a-z0-9]* */
#define MR_CATALOG_TYPE_MAX     96 /* of "billing.invoice.create" */
#define MR_CATALOG_SEGMENTS_MAX 16 /* of a route */

struct mr_catalog_domain;
struct mr_catalog_command;
struct mr_catalog_event;
struct mr_catalog_resource;
struct mr_catalog_table;

/* ---- routes ---------------------------------------------------------------------------------- */

enum mr_method {                    /* bits, so that a path's methods are a set */
                 MR_METHOD_GET = 1, /* HEAD too */
                 MR_METHOD_POST = 2,
                 MR_METHOD_PUT = 4,
                 MR_METHOD_PATCH = 8,
                 MR_METHOD_DELETE = 16
};

enum mr_segment_kind {
    MR_SEGMENT_LITERAL,
    MR_SEGMENT_ACCOUNT,  /* {account} */
    MR_SEGMENT_SUBJECT,  /* {subject}: the thing that a command is about */
    MR_SEGMENT_ID,       /* {id}: the item of a resource */
    MR_SEGMENT_PARAMETER /* {metric}: of a function's list, one of its parameters */
};

struct mr_catalog_segment {
    enum mr_segment_kind kind;
    const char *literal; /* NULL unless MR_SEGMENT_LITERAL */
    const char *name;    /* NULL unless MR_SEGMENT_PARAMETER */
};

struct mr_catalog_route {
    enum mr_method method;
    const char
        *path; /* "/v1/accounts/{account}/invoices/{subject}/finalize"; NULL: no such route */
    const struct mr_catalog_segment *segments;
    size_t segment_count;
};

/* ---- problems -------------------------------------------------------------------------------- */

struct mr_catalog_problem {
    const char *name; /* "invoice-not-open": the last part of /problems/<name> */
    int status;       /* HTTP */
    const char *title;
    const char *description; /* NULL where none */
    const char *file;        /* the first schema that declares it; NULL: millrace's own */
};

/* ---- warehouse ------------------------------------------------------------------------------- */

enum mr_column_kind {
    MR_COLUMN_CHAR,    /* CHAR(length): ASCII */
    MR_COLUMN_VARCHAR, /* VARCHAR(length): length in bytes of UTF-8, as Redshift counts */
    MR_COLUMN_BIGINT,
    MR_COLUMN_INTEGER,
    MR_COLUMN_BOOLEAN,
    MR_COLUMN_TIMESTAMPTZ,
    MR_COLUMN_TIMESTAMP, /* in UTC */
    MR_COLUMN_DATE,
    MR_COLUMN_DECIMAL, /* DECIMAL(length, scale) */
    MR_COLUMN_DOUBLE   /* DOUBLE PRECISION */
};

struct mr_catalog_column {
    const char *name;
    const char *type; /* "VARCHAR(16)", as the schema says it */
    enum mr_column_kind kind;
    int32_t length;      /* CHAR, VARCHAR: bytes; DECIMAL: digits; else 0 */
    int32_t scale;       /* DECIMAL */
    bool total;          /* verify sums it; always BIGINT or INTEGER */
    bool cut;            /* VARCHAR: a longer text is cut; the next column is <name>_bytes.
                            TIMESTAMP(TZ): what is below a microsecond is left off */
    const char *comment; /* for analysts; NULL where none */
    const char *file;    /* who declared it first; NULL for the fixed columns */
};

/* The columns that every table begins with, in this order. */
enum mr_fixed_column {
    MR_FIXED_ACCOUNT_ID,
    MR_FIXED_DOMAIN,
    MR_FIXED_LANE,
    MR_FIXED_SEQUENCE,
    MR_FIXED_ROW, /* from 0, within the event and the table */
    MR_FIXED_EVENT_TYPE,
    MR_FIXED_EVENT_TIME,
    MR_FIXED_COMMAND_ID,
    MR_FIXED_COUNT
};

/* Merged over all event types that feed it; (domain, lane, sequence, row) is unique. */
struct mr_catalog_table {
    const char *name;    /* in schema public */
    const char *comment; /* which events feed it */
    size_t index;        /* in catalog->tables */
    bool facts; /* all its rows come from facts; else all from events: both number theirs by lane,
                   and would be taken for each other */
    const struct mr_catalog_column *columns; /* the fixed ones first, then in order of appearance */
    size_t column_count;
    const size_t *sort; /* columns by index; sort_count 0: event_time */
    size_t sort_count;
    const char *distribute; /* a column's name, "even", "all"; NULL: the driver's choice */
};

/* How one event type (or fact) fills one table: one row, or one an element of an array. */
struct mr_catalog_cell {
    size_t column;             /* index in table->columns */
    struct mr_pointer pointer; /* from the body; with `each`, from the element, unless */
    bool from_body;            /* it was written "#/currency": from the body all the same */
};

struct mr_catalog_feed {
    const struct mr_catalog_table *table;
    bool has_each;
    struct mr_pointer each; /* the array in the body */
    const struct mr_catalog_cell *cells;
    size_t cell_count;
};

/* ---- commands, events, resources ------------------------------------------------------------- */

enum mr_catalog_record { MR_RECORD_FULL, MR_RECORD_ID, MR_RECORD_NONE };
enum mr_catalog_key {
    MR_KEY_ACCOUNT,
    MR_KEY_ID,         /* the command's id */
    MR_KEY_ACCOUNT_AND /* account LF the text at key_pointer in the body */
};

struct mr_catalog_command {
    const char *type; /* "billing.invoice.create" */
    const char *name; /* "invoice.create" */
    const char *file; /* "billing/invoice.create.json" */
    const char *title;
    const char *description; /* NULL where none */
    const struct mr_catalog_domain *domain;
    size_t index; /* in catalog->commands, for tables beside it */
    struct mr_catalog_route route;
    bool has_subject;  /* the route has {subject}; else the subject is the command's id */
    bool has_account;  /* the route has {account}; else the account is the key's */
    const char *scope; /* "billing:write" */
    const struct mr_catalog_resource *resource; /* NULL where the effect has no resource */
    int success;                                /* 201 or 200: the answer when it is applied */
    enum mr_catalog_record record;
    enum mr_catalog_key key;
    struct mr_pointer key_pointer;
    const char *topic;
    bool batch;                                       /* body: batch, NDJSON or an array too */
    const struct mr_catalog_problem *const *refusals; /* what decide may answer */
    size_t refusal_count;
    const struct mr_schema *schema;
    const json_t *document;              /* the whole file */
    const json_t *ingest;                /* x-ingest, its form checked; NULL where none */
    const struct mr_catalog_feed *feeds; /* a fact's; else feed_count is 0 */
    size_t feed_count;
};

struct mr_catalog_event {
    const char *type; /* "billing.invoice.created" */
    const char *name;
    const char *file;
    const char *title;
    const char *description; /* NULL where none */
    const struct mr_catalog_domain *domain;
    size_t index; /* in catalog->events */
    const char *topic;
    const struct mr_schema *schema;
    const json_t *document;
    const struct mr_catalog_feed *feeds; /* feed_count 0: not loaded, counted as skipped */
    size_t feed_count;
};

enum mr_value_kind {
    MR_VALUE_TEXT,
    MR_VALUE_UUID,
    MR_VALUE_INTEGER,
    MR_VALUE_BOOLEAN,
    MR_VALUE_TIME, /* RFC 3339 date-time */
    MR_VALUE_DATE,
    MR_VALUE_MAP /* of a function: attributes.<name>=text, as one object {"name": "text"} */
};

#define MR_CATALOG_MAP_MEMBERS_MAX 16  /* of one map in one request */
#define MR_CATALOG_MAP_NAME_MAX    128 /* code points of a member's name */

/* A query parameter: a filter (column = value) of a view, or an argument of a function. */
struct mr_catalog_parameter {
    const char *name; /* in the query, and the view's column or the function's argument */
    enum mr_value_kind kind;
    const char *sql_type; /* "text", "uuid", "bigint", "boolean", "timestamptz", "date", "jsonb" */
    const char *description;
    bool required;             /* never a MAP */
    const char *fallback;      /* the default's text; NULL: none (an argument is then null) */
    int64_t minimum, maximum;  /* INTEGER */
    size_t length_max;         /* TEXT, and a MAP's values: code points */
    const char *const *values; /* TEXT: the allowed ones; value_count 0: any */
    size_t value_count;
};

/* A list may be had in this order, ties broken by id in the same direction. */
struct mr_catalog_order {
    const char *column;
    enum mr_value_kind kind;
    const char *sql_type;
    bool descending;
};

struct mr_catalog_resource {
    const char *type; /* "billing.invoice" */
    const char *name; /* "invoice" */
    const char *file;
    const char *title;
    const char *description; /* NULL where none */
    const struct mr_catalog_domain *domain;
    size_t index;                 /* in catalog->resources */
    struct mr_catalog_route item; /* path NULL where there is none; one of the two is there */
    struct mr_catalog_route list;
    const char *scope;
    const char *view;     /* "billing.invoice_resource": columns account_id, id (uuid), version,
                             body, and one for each filter and order; or NULL and then */
    const char *function; /* a set-returning function (account uuid, then the parameters in their
                             order, null where not given); its rows have account_id, id, version,
                             body and one column for each order */
    bool paged;           /* the function takes three more arguments, (cursor_value of the order's
                             type, cursor_id uuid, row_limit bigint), and gives in the order of the
                             list at most row_limit rows behind the cursor, which is null at first.
                             Such a resource has one order and no item */
    const struct mr_catalog_parameter *parameters; /* filters, or the function's arguments */
    size_t parameter_count;
    const struct mr_catalog_parameter *path_parameter; /* one of them, a required text that is a
                                                          segment of the list's route; or NULL */
    int64_t limit_default, limit_maximum;  /* items of a page: 50 and 200, unless said */
    const struct mr_catalog_order *orders; /* the first is the default; at least one */
    size_t order_count;
    const char *cache_control;      /* "private, no-cache" unless declared */
    const struct mr_schema *schema; /* of an item */
    const json_t *document;
};

struct mr_catalog_domain {
    const char *name; /* "billing" */
    size_t index;
    const char *commands_topic; /* "billing.commands" */
    const char *events_topic;   /* "billing.events" */
    const char *views_file;     /* "billing/views.sql"; NULL where none */
    const char *views_sql;
    const struct mr_catalog_command *commands; /* the domain's run of catalog->commands */
    size_t command_count;
    const struct mr_catalog_event *events;
    size_t event_count;
    const struct mr_catalog_resource *resources;
    size_t resource_count;
};

/* A column that verify sums. */
struct mr_catalog_total {
    const struct mr_catalog_table *table;
    size_t column;
};

struct mr_catalog { /* each list is sorted by domain and type, or by name */
    const struct mr_catalog_domain *domains;
    size_t domain_count;
    const struct mr_catalog_command *commands;
    size_t command_count;
    const struct mr_catalog_event *events;
    size_t event_count;
    const struct mr_catalog_resource *resources;
    size_t resource_count;
    const struct mr_catalog_problem *problems; /* millrace's own and all refusals */
    size_t problem_count;
    const struct mr_catalog_table *tables;
    size_t table_count;
    const struct mr_catalog_total *totals;
    size_t total_count;
    struct mr_catalog_own *own; /* memory, schemas and route tree: private */
};

/* ---- building -------------------------------------------------------------------------------- */

struct mr_catalog_file {
    const char *path; /* relative to the schemas folder: "billing/invoice.create.json" */
    struct mr_slice text;
};

/* Builds from all files of the folder, in any order; names and texts are copied. Files that end
 * neither in .json nor are views.sql are passed over. MR_INVALID with one sentence in why that
 * names file, JSON pointer and cause: no JSON, an unknown keyword, a slip in an x- block, a type,
 * route or problem said twice in different ways (both files are named), a column that contradicts
 * another. */
MR_MUST_CHECK enum mr_status mr_catalog_build(const struct mr_catalog_file *files, size_t count,
                                              struct mr_catalog **out, struct mr_error *why);
void mr_catalog_free(struct mr_catalog *catalog); /* takes NULL */

/* ---- looking up: NULL when there is none ------------------------------------------------------
 */

const struct mr_catalog_domain *mr_catalog_domain_of(const struct mr_catalog *c, const char *name);
const struct mr_catalog_command *mr_catalog_command_of(const struct mr_catalog *c,
                                                       struct mr_slice type);
const struct mr_catalog_event *mr_catalog_event_of(const struct mr_catalog *c,
                                                   struct mr_slice type);
const struct mr_catalog_resource *mr_catalog_resource_of(const struct mr_catalog *c,
                                                         struct mr_slice type);
const struct mr_catalog_problem *mr_catalog_problem_of(const struct mr_catalog *c,
                                                       struct mr_slice name);
const struct mr_catalog_table *mr_catalog_table_of(const struct mr_catalog *c, const char *name);
/* The command whose x-ingest lists this wire format: "gelf", "syslog", "otlp" or "combined". */
const struct mr_catalog_command *mr_catalog_format_of(const struct mr_catalog *c,
                                                      const char *format);
/* The problem when name is one of the command's refusals; else NULL. */
const struct mr_catalog_problem *mr_catalog_refusal_of(const struct mr_catalog_command *command,
                                                       struct mr_slice name);

enum mr_catalog_found {
    MR_ROUTE_NONE,         /* no such path: 404 */
    MR_ROUTE_OTHER_METHOD, /* the path is there with other methods: 405 with Allow */
    MR_ROUTE_FOUND
};

struct mr_catalog_match {
    const struct mr_catalog_command *command; /* on FOUND exactly one of the three is set */
    const struct mr_catalog_resource *item;
    const struct mr_catalog_resource *list;
    struct mr_slice account, subject, id; /* the path's text, neither decoded nor checked; absent
                                             (data NULL) where the route has none */
    struct mr_slice parameter;            /* as these: of list->path_parameter */
    unsigned methods;                     /* enum mr_method bits that the path has */
};

/* path: of the request target, from "/" up to "?". A literal goes before a parameter. HEAD is GET.
 */
enum mr_catalog_found mr_catalog_match(const struct mr_catalog *c, struct mr_slice method,
                                       struct mr_slice path, struct mr_catalog_match *out);
/* "GET, HEAD, POST": the value of Allow. */
void mr_catalog_allow(unsigned methods, struct mr_buf *out);

/* ---- what callers would else write twice ------------------------------------------------------
 */

/* Fills a route's parameters: the URL of an item (id) or list, or where a command is sent (subject
 * as id). id may be NULL where the route has none. Nothing is written when route->path is NULL. Not
 * for a list that has a path parameter. */
void mr_catalog_url(const struct mr_catalog_route *route, const struct mr_uuid *account,
                    const struct mr_uuid *id, struct mr_buf *out);

/* The record key of a command. MR_INVALID when the body has no text at key_pointer. */
MR_MUST_CHECK enum mr_status mr_catalog_key_of(const struct mr_catalog_command *command,
                                               const struct mr_uuid *account,
                                               const struct mr_uuid *id, const json_t *body,
                                               struct mr_buf *out);
/* Is this the record key of the command? body may be NULL where command->key does not need it. */
bool mr_catalog_key_fits(const struct mr_catalog_command *command, const struct mr_uuid *account,
                         const struct mr_uuid *id, const json_t *body, struct mr_slice key);

/* Checks the (decoded) text of a query parameter, so that SQL's cast cannot fail; why says, for
 * people, what is wanted: "status must be one of draft, open, paid, void". Of a MAP
 * whoever asks with its bare name is told how it is given. */
MR_MUST_CHECK enum mr_status
mr_catalog_parameter_check(const struct mr_catalog_parameter *parameter, struct mr_slice text,
                           struct mr_error *why);
/* The parameter of that name; NULL when the resource declares none. */
const struct mr_catalog_parameter *mr_catalog_parameter_of(const struct mr_catalog_resource *r,
                                                           struct mr_slice name);

/* The MAP that a query member named "attributes.http.method" belongs to, and the rest of its name,
 * "http.method", in member. NULL when the resource declares no such map. */
const struct mr_catalog_parameter *mr_catalog_map_of(const struct mr_catalog_resource *r,
                                                     struct mr_slice name, struct mr_slice *member);
/* Checks one member of a map, both texts decoded; why as above. How many there are is the caller's
 * to count. */
MR_MUST_CHECK enum mr_status mr_catalog_map_check(const struct mr_catalog_parameter *map,
                                                  struct mr_slice member, struct mr_slice text,
                                                  struct mr_error *why);

#endif
