/* The way from argv to a verb, as far as it needs no server. */
#include "ctl.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>

static char text[65536];

static int run(char *const *words)
{
    char *argv[8] = {"millracectl"};
    for (size_t i = 0; words[i]; i++)
        argv[i + 1] = words[i];
    return ctl_run(argv);
}

static void redirect(void)
{
    cr_redirect_stdout();
    cr_redirect_stderr();
}

static const char *all_of(FILE *file)
{
    fflush(stdout);
    fflush(stderr);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    return text;
}

#define RUN(...) run((char *const[]){__VA_ARGS__, NULL})

Test(ctl_run, given_no_verb_then_usage_on_standard_error, .init = redirect)
{
    cr_assert_eq(run((char *const[]){NULL}), CTL_USAGE);
    const char *said = all_of(cr_get_redirected_stderr());
    cr_expect(strstr(said, "lanes set-position DOMAIN LANE"), "%s", said);
    cr_expect(strstr(said, "verify"), "%s", said);
}

Test(ctl_run, given_help_then_verbs_and_settings_on_standard_output, .init = redirect)
{
    cr_assert_eq(RUN("--help"), CTL_DONE);
    const char *said = all_of(cr_get_redirected_stdout());
    cr_expect(strstr(said, "keys revoke ID"), "%s", said);
    cr_expect(strstr(said, "--kafka-brokers"), "%s", said);
}

Test(ctl_run, given_a_verb_that_there_is_not_then_it_is_named, .init = redirect)
{
    cr_assert_eq(RUN("teleport"), CTL_USAGE);
    cr_expect(strstr(all_of(cr_get_redirected_stderr()), "no verb \"teleport\""), "%s", text);
}

Test(ctl_run, given_the_first_word_of_some_verbs_then_only_those, .init = redirect)
{
    cr_assert_eq(RUN("keys"), CTL_USAGE);
    const char *said = all_of(cr_get_redirected_stderr());
    cr_expect(strstr(said, "keys list"), "%s", said);
    cr_expect_not(strstr(said, "lanes list"), "%s", said);
}

Test(ctl_run, given_a_verbs_help_then_its_own_flags, .init = redirect)
{
    cr_assert_eq(RUN("lanes", "set-position", "--help"), CTL_DONE);
    const char *said = all_of(cr_get_redirected_stdout());
    cr_expect(strstr(said, "--next-event=N"), "%s", said);
    cr_expect(strstr(said, "Nothing jumps by itself"), "%s", said);
}

Test(ctl_run, given_missing_or_wrong_arguments_then_usage_before_any_server, .init = redirect)
{
    cr_expect_eq(RUN("keys", "create"), CTL_USAGE);
    cr_expect_eq(
        RUN("keys", "create", "--account=3f0d9c1e-5a52-7c11-8b7d-0a4c6b2d9e10", "--scopes=billing"),
        CTL_USAGE);
    cr_expect_eq(RUN("keys", "create", "--account=me", "--scopes=a:b"), CTL_USAGE);
    cr_expect_eq(RUN("keys", "revoke"), CTL_USAGE);
    cr_expect_eq(RUN("keys", "revoke", "me"), CTL_USAGE);
    cr_expect_eq(RUN("lanes", "set-position", "billing", "3"), CTL_USAGE);
    cr_expect_eq(RUN("lanes", "set-position", "billing", "3", "--applied=-1"), CTL_USAGE);
    cr_expect_eq(RUN("warehouse", "set-position", "billing.events", "3", "--offset=1"), CTL_USAGE);
    cr_expect_eq(RUN("parked", "drop", "3f0d9c1e-5a52-7c11-8b7d-0a4c6b2d9e10"), CTL_USAGE);
    cr_expect_eq(RUN("parked", "retry", "nothing", "--reason=x"), CTL_USAGE);
    cr_expect_eq(RUN("show"), CTL_USAGE);
    cr_expect_eq(RUN("show", "nothing"), CTL_USAGE);
    cr_expect_eq(RUN("verify", "--timeout=soon"), CTL_USAGE);
    cr_expect_eq(RUN("lag", "billing", "logging"), CTL_USAGE);
}

Test(ctl_run, given_a_server_that_is_away_then_an_error_that_names_it, .init = redirect)
{
    cr_assert_eq(RUN("lanes", "list", "--pg=host=127.0.0.1 port=1 dbname=x"), CTL_ERROR);
    cr_expect(strstr(all_of(cr_get_redirected_stderr()), "Postgres (MILLRACE_PG)"), "%s", text);
}

Test(ctl_run, given_schemas_that_cannot_be_read_then_it_is_an_error_that_names_the_setting,
     .init = redirect)
{
    cr_assert_eq(RUN("topics", "create", "--schemas=/nonexistent"), CTL_ERROR);
    cr_expect(strstr(all_of(cr_get_redirected_stderr()),
                     "the schemas (MILLRACE_SCHEMAS): /nonexistent: No such file"),
              "%s", text);
}
