#include "mr_kafka_conf.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static enum mr_status conf_of(const char *text, struct mr_error *why)
{
    char path[] = "/tmp/millrace-conf-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    struct mr_kafka_conf *conf = NULL;
    struct mr_kafka_conf_settings settings = {.brokers = "127.0.0.1:1", .properties_file = path};
    enum mr_status s = mr_kafka_conf_new(&settings, &conf, why);
    mr_kafka_conf_free(conf);
    unlink(path);
    return s;
}

static const struct {
    const char *text;
    enum mr_status want;
    const char *says; /* in the error, after the file's name */
} rows[] = {
    {"", MR_OK, NULL},
    {"# ours\n\n  security.protocol = SASL_SSL  \n\tsasl.mechanisms=PLAIN\n", MR_OK, NULL},
    {"debug=broker", MR_OK, NULL}, /* no newline at the end */
    {"security.protocol=SSL\nno equals\n", MR_INVALID, ":2: wanted name=value"},
    {"=x\n", MR_INVALID, ":1: wanted name=value"},
    {"# c\nno.such.thing=1\n", MR_INVALID, ":2: librdkafka has no property no.such.thing"},
    {"acks=1\n", MR_INVALID, ":1: acks is set by millrace itself"},
    {"auto.offset.reset=earliest\n", MR_INVALID, ":1: auto.offset.reset is set"},
    {"security.protocol=hunter2\n", MR_INVALID, ":1: librdkafka does not take this value of"},
};
static size_t row_index[sizeof rows / sizeof *rows];

ParameterizedTestParameters(kafka_conf, given_a_properties_file_then_errors_name_file_and_line)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        row_index[i] = i;
    return cr_make_param_array(size_t, row_index, sizeof rows / sizeof *rows);
}

ParameterizedTest(size_t *i, kafka_conf, given_a_properties_file_then_errors_name_file_and_line)
{
    struct mr_error why = {.text = ""};
    cr_assert_eq(conf_of(rows[*i].text, &why), rows[*i].want, "%s", why.text);
    if (rows[*i].says) {
        cr_expect(strstr(why.text, rows[*i].says), "%s", why.text);
        cr_expect_not(strstr(why.text, "hunter2"), "a value is in the error: %s", why.text);
    }
}

Test(kafka_conf, given_a_file_that_is_not_there_then_says_so)
{
    struct mr_error why;
    struct mr_kafka_conf *conf;
    struct mr_kafka_conf_settings settings = {.brokers = "127.0.0.1:1",
                                              .properties_file = "/nonexistent/kafka.properties"};
    cr_assert_eq(mr_kafka_conf_new(&settings, &conf, &why), MR_FATAL);
    cr_expect_str_eq(why.text, "/nonexistent/kafka.properties: No such file or directory");
}

Test(kafka_conf, given_no_brokers_then_is_refused)
{
    struct mr_error why;
    struct mr_kafka_conf *conf;
    struct mr_kafka_conf_settings settings = {.brokers = ""};
    cr_assert_eq(mr_kafka_conf_new(&settings, &conf, &why), MR_INVALID);
    cr_expect_str_eq(why.text, "kafka-brokers: is empty");
}

Test(kafka_conf, given_an_error_then_says_what_can_be_done)
{
    cr_expect_eq(mr_kafka_status_of(RD_KAFKA_RESP_ERR_NO_ERROR), MR_OK);
    cr_expect_eq(mr_kafka_status_of(RD_KAFKA_RESP_ERR__QUEUE_FULL), MR_LIMIT);
    cr_expect_eq(mr_kafka_status_of(RD_KAFKA_RESP_ERR__TRANSPORT), MR_BUSY);
    cr_expect_eq(mr_kafka_status_of(RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS), MR_BUSY);
    cr_expect_eq(mr_kafka_status_of(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE), MR_INVALID);
    cr_expect_eq(mr_kafka_status_of(RD_KAFKA_RESP_ERR__PURGE_INFLIGHT), MR_LOST);
    cr_expect_eq(mr_kafka_status_of(RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID), MR_FATAL);
}
