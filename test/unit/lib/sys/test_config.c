#include "mr_config.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>

static const struct mr_setting own[] = {
    {"ACCOUNT", NULL, "whose key it is", NULL, NULL, 0, 0, MR_CONFIG_UUID, 0},
    {"OPERATOR", "false", "works for every account", NULL, NULL, 0, 0, MR_CONFIG_BOOL, 0},
    {"TIMEOUT", "5", "how long to wait", "s", NULL, 0, 60, MR_CONFIG_INTEGER, 0},
};
static const struct mr_config_program edge = {.name = "millrace-edge",
                                              .usage = "[flags]",
                                              .summary = "HTTP in, commands out.",
                                              .reader = MR_READER_EDGE,
                                              .admin_port = 9180};
static const struct mr_config_program ctl = {.name = "millracectl",
                                             .usage = "VERB [flags]",
                                             .summary = "What an operator does.",
                                             .reader = MR_READER_CTL,
                                             .own = own,
                                             .own_count = sizeof own / sizeof *own};

static struct mr_error why;

/* flag and variable may be NULL. */
static enum mr_status read_one(const struct mr_config_program *program, const char *flag,
                               const char *variable, struct mr_config **out)
{
    char *argv[] = {(char *)(uintptr_t) "program", (char *)(uintptr_t)flag, NULL};
    char *env[] = {(char *)(uintptr_t)variable, NULL};
    why.text[0] = '\0';
    return mr_config_read(program, argv, env, out, &why);
}

Test(config, given_nothing_then_the_defaults)
{
    struct mr_config *c;
    cr_assert_eq(read_one(&edge, NULL, NULL, &c), MR_OK);
    cr_assert_str_eq(mr_config_text(c, "KAFKA_BROKERS"), "127.0.0.1:19092");
    cr_assert_eq(mr_config_int(c, "EDGE_PORT"), 8080);
    cr_assert_eq(mr_config_int(c, "ADMIN_PORT"), 9180, "the program's own default");
    cr_assert_null(mr_config_text(c, "KAFKA_PROPERTIES"));
    cr_assert_eq(mr_config_int_or(c, "LANES", -1), -1);
    cr_assert_not(mr_config_is_given(c, "EDGE_PORT"));
    cr_assert_eq(mr_config_asked(c), MR_CONFIG_RUN);
    mr_config_free(c);
}

Test(config, given_flag_and_variable_then_the_flag_wins)
{
    struct mr_config *c;
    cr_assert_eq(read_one(&edge, NULL, "MILLRACE_EDGE_PORT=81", &c), MR_OK);
    cr_assert_eq(mr_config_int(c, "EDGE_PORT"), 81);
    cr_assert(mr_config_is_given(c, "EDGE_PORT"));
    mr_config_free(c);
    cr_assert_eq(read_one(&edge, "--edge-port=82", "MILLRACE_EDGE_PORT=81", &c), MR_OK);
    cr_assert_eq(mr_config_int(c, "EDGE_PORT"), 82);
    mr_config_free(c);
    cr_assert_eq(read_one(&edge, NULL, "MILLRACE_EDGE_PORT=", &c), MR_OK);
    cr_assert_eq(mr_config_int(c, "EDGE_PORT"), 8080, "set but empty counts as unset");
    mr_config_free(c);
}

Test(config, given_positional_arguments_then_they_come_in_order)
{
    char *argv[] = {"ctl", "keys", "--operator", "create", "--timeout=7", "--", "--x", "-", NULL};
    char *env[] = {NULL};
    struct mr_config *c;
    cr_assert_eq(mr_config_read(&ctl, argv, env, &c, &why), MR_OK, "%s", why.text);
    cr_assert_eq(mr_config_args(c), 4);
    cr_assert_str_eq(mr_config_arg(c, 0), "keys");
    cr_assert_str_eq(mr_config_arg(c, 1), "create");
    cr_assert_str_eq(mr_config_arg(c, 2), "--x");
    cr_assert_str_eq(mr_config_arg(c, 3), "-");
    cr_assert_null(mr_config_arg(c, 4));
    cr_assert_eq(mr_config_int(c, "OPERATOR"), 1);
    cr_assert_eq(mr_config_int(c, "TIMEOUT"), 7);
    mr_config_free(c);
}

Test(config, given_an_own_flag_of_a_tables_name_then_it_shadows_the_table)
{
    struct mr_config *c;
    /* MILLRACE_ACCOUNT is the clients' and stays out of ctl's --account. */
    cr_assert_eq(read_one(&ctl, NULL, "MILLRACE_ACCOUNT=0191f0a2-7a3c-7def-8123-456789abcdef", &c),
                 MR_OK);
    cr_assert_null(mr_config_text(c, "ACCOUNT"));
    mr_config_free(c);
}

static const struct {
    const char *flag, *variable, *says; /* says NULL: taken */
} rows[] = {
    {NULL, "MILLRACE_EDGE_PROT=80", "MILLRACE_EDGE_PROT"},
    {NULL, "MILLRACE_=80", "MILLRACE_"},
    {NULL, "MILLRACE_EDGE_PORT=http", "MILLRACE_EDGE_PORT: \"http\""},
    {NULL, "MILLRACE_EDGE_PORT=80x", "MILLRACE_EDGE_PORT"},
    {NULL, "MILLRACE_EDGE_PORT=65536", "0 to 65535"},
    {NULL, "MILLRACE_EDGE_PORT=99999999999999999999", "0 to 65535"},
    {NULL, "MILLRACE_EDGE_PORT=-1", "0 to 65535"},
    {NULL, "MILLRACE_EDGE_PORT= 80", "not an integer"},
    {NULL, "MILLRACE_LOG_FORMAT=jso", "json|text"},
    {NULL, "MILLRACE_LOG_FORMAT=json|text", "json|text"},
    {NULL, "MILLRACE_OPERATOR_ACCOUNT=me", "not a UUID"},
    {NULL, "MILLRACE_FLUSH_MS=soon", "MILLRACE_FLUSH_MS"}, /* another program's, bad all the same */
    {NULL, "MILLRACE_FLUSH_MS=500", NULL},
    {NULL, "MILLRACE_TEST_DATA=/data", NULL}, /* the scripts' */
    {NULL, "OTHER_THING=1", NULL},
    {NULL, "XMILLRACE_A=1", NULL},
    {"--edge-port", NULL, "--edge-port: needs a value"},
    {"--edge-port=", NULL, "--edge-port"},
    {"--edge_port=80", NULL, "no such flag"},
    {"--EDGE-PORT=80", NULL, "no such flag"},
    {"--edge-ports=80", NULL, "--edge-ports"},
    {"--flush-ms=500", NULL, "no such flag"},                                 /* the loader's */
    {"--account=0191f0a2-7a3c-7def-8123-456789abcdef", NULL, "no such flag"}, /* ctl's */
    {"-v", NULL, "-v"},
    {"--log-format=text", NULL, NULL},
    /* what Kubernetes injects */
    {NULL, "MILLRACE_EDGE_SERVICE_HOST=10.0.0.1", NULL},
    {NULL, "MILLRACE_EDGE_SERVICE_PORT=8080", NULL},
    {NULL, "MILLRACE_EDGE_SERVICE_PORT_HTTP=8080", NULL},
    {NULL, "MILLRACE_EDGE_PORT=tcp://10.0.0.1:8080", NULL},
    {NULL, "MILLRACE_EDGE_PORT_8080_TCP=tcp://10.0.0.1:8080", NULL},
    {NULL, "MILLRACE_EDGE_PORT_8080_TCP_ADDR=10.0.0.1", NULL},
    {NULL, "MILLRACE_EDGE_PORT_8080_SCTP_PROTO=sctp", NULL},
    {NULL, "MILLRACE_SOME_PORT=tcp://10.0.0.1:1", NULL},
    {NULL, "MILLRACE_SOME_PORT=81", "MILLRACE_SOME_PORT"},
    {NULL, "MILLRACE_EDGE_SERVICE_HOSTS=x", "MILLRACE_EDGE_SERVICE_HOSTS"},
    {NULL, "MILLRACE_EDGE_PORT_8080_TCP_X=1", "MILLRACE_EDGE_PORT_8080_TCP_X"},
};
static size_t row_index[sizeof rows / sizeof *rows];

ParameterizedTestParameters(config, given_a_name_and_value_then_what_is_wrong_is_named)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        row_index[i] = i;
    return cr_make_param_array(size_t, row_index, sizeof rows / sizeof *rows);
}

ParameterizedTest(size_t *i, config, given_a_name_and_value_then_what_is_wrong_is_named)
{
    struct mr_config *c = NULL;
    enum mr_status s = read_one(&edge, rows[*i].flag, rows[*i].variable, &c);
    cr_assert_eq(s, rows[*i].says ? MR_INVALID : MR_OK, "row %zu: %s", *i, why.text);
    if (rows[*i].says)
        cr_assert(strstr(why.text, rows[*i].says), "row %zu: %s", *i, why.text);
    mr_config_free(c);
}

Test(config, given_a_wrong_name_then_no_secret_is_in_the_error)
{
    struct mr_config *c;
    cr_assert_eq(read_one(&edge, "--pg=host=h password=hunter2", NULL, &c), MR_OK);
    cr_assert_str_eq(mr_config_text(c, "PG"), "host=h password=hunter2");
    mr_config_free(c);
    cr_assert_eq(read_one(&edge, "--pgs=host=h password=hunter2", NULL, &c), MR_INVALID);
    cr_assert_not(strstr(why.text, "hunter2"), "%s", why.text);
    cr_assert_eq(read_one(&edge, NULL, "MILLRACE_PGS=host=h password=hunter2", &c), MR_INVALID);
    cr_assert_not(strstr(why.text, "hunter2"), "%s", why.text);
}

Test(config, given_help_then_it_is_had_whatever_else_is_wrong)
{
    struct mr_config *c;
    cr_assert_eq(read_one(&edge, "--help", "MILLRACE_NONSENSE=1", &c), MR_OK);
    cr_assert_eq(mr_config_asked(c), MR_CONFIG_HELP);
    mr_config_free(c);
    cr_assert_eq(read_one(&edge, "--version", NULL, &c), MR_OK);
    cr_assert_eq(mr_config_asked(c), MR_CONFIG_VERSION);
    mr_config_free(c);
}

Test(config, given_help_then_it_lists_what_this_program_reads_with_defaults)
{
    char *text = mr_config_help(&edge);
    cr_assert(strstr(text, "Usage: millrace-edge [flags]\n"));
    cr_assert(strstr(text, "--edge-port=N"));
    cr_assert(strstr(text, "(default 8080)"));
    cr_assert(strstr(text, "(default 9180)"));
    cr_assert(strstr(text, "(default 10000 ms)"));
    cr_assert(strstr(text, "--log-format=json|text"));
    cr_assert_not(strstr(text, "--flush-ms"), "the loader's");
    free(text);
    text = mr_config_help(&ctl);
    cr_assert(strstr(text, "--timeout=N"));
    cr_assert(strstr(text, "(default 5 s)"));
    free(text);
}

Test(config, given_the_table_then_every_row_can_be_read_by_somebody)
{
    size_t count;
    const struct mr_setting *table = mr_config_table(&count);
    for (size_t i = 0; i < count; i++) {
        cr_expect_neq(table[i].readers, 0, "%s", table[i].name);
        if (table[i].kind == MR_CONFIG_INTEGER)
            cr_expect_lt(table[i].min, table[i].max, "%s", table[i].name);
        for (size_t j = 0; j < i; j++)
            cr_expect_str_neq(table[i].name, table[j].name);
    }
    /* Each program's defaults pass the table's own checks, or reading would assert. */
    for (unsigned reader = MR_READER_EDGE; reader <= MR_READER_SCRIPTS; reader <<= 1) {
        struct mr_config_program p = edge;
        struct mr_config *c;
        p.reader = (enum mr_config_reader)reader;
        cr_assert_eq(read_one(&p, NULL, NULL, &c), MR_OK);
        mr_config_free(c);
    }
}
