#include "collect_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>

static void take(const char *text)
{
    cr_assert(collect_pipe_has_room(world.pipe));
    collect_pipe_syslog(world.pipe, COLLECT_SYSLOG_TCP, mr_slice_text(text), false, NULL);
}

Test(collect_pipe, given_a_syslog_message_then_a_line_with_its_parts)
{
    world_open(8);
    take("<34>1 2026-11-25T10:00:00Z web-1 shop 7 - - it is \"said\"");
    cr_assert_eq(world.sent, 1);
    cr_assert_str_eq(world_text(0, "body"), "it is \"said\"");
    cr_assert_str_eq(world_text(0, "host"), "web-1");
    cr_assert_str_eq(world_text(0, "service"), "shop");
    cr_assert_str_eq(world_text(0, "time"), "2026-11-25T10:00:00Z");
    cr_assert_neq(strcmp(world_text(0, "observed_time"), ""), 0);
    world_close();
}

Test(collect_pipe, given_a_line_too_long_for_a_command_then_it_is_cut_and_says_so)
{
    char text[4000] = "<34>1 - web-1 shop 7 - - ";
    world_open(8);
    memset(text + strlen(text), 1, sizeof text - strlen(text) - 1); /* six bytes each as JSON */
    take(text);
    cr_assert_eq(world.sent, 1);
    size_t len = strlen(world_text(0, "body"));
    cr_assert(len > 200 && len < 700, "%zu", len);
    cr_assert(json_is_true(
        json_object_get(json_object_get(world.bodies[0], "attributes"), "syslog.cut")));
    world_close();
}

Test(collect_pipe, given_gelf_that_is_none_or_too_large_then_lost_and_counted_by_cause)
{
    struct collect_source source = {.serial = 1};
    char large[6000] = "{\"short_message\":\"";
    world_open(8);
    memset(large + strlen(large), 'x', 5000);
    strcat(large, "\"}");
    collect_pipe_gelf(world.pipe, COLLECT_GELF_UDP, mr_slice_text("[]"), false, &source);
    collect_pipe_gelf(world.pipe, COLLECT_GELF_UDP, mr_slice_text(large), false, &source);
    collect_pipe_gelf(world.pipe, COLLECT_GELF_TCP, mr_slice_text("{}"), true, &source);
    cr_assert_eq(world.sent, 0);
    cr_assert_eq(source.lost[COLLECT_INVALID], 1);
    cr_assert_eq(source.lost[COLLECT_TOO_LARGE], 2);
    cr_assert_eq(world_metric("lost_total{protocol=\"gelf-udp\",cause=\"invalid\"} "), 1);
    cr_assert_eq(world_metric("lost_total{protocol=\"gelf-tcp\",cause=\"too_large\"} "), 1);
    world_close();
}

Test(collect_pipe, given_names_longer_than_the_schema_takes_then_cut_at_a_character)
{
    char text[2000] = "{\"short_message\":\"x\",\"host\":\"";
    world_open(8);
    for (unsigned i = 0; i < 300; i++)
        strcat(text, "\xC3\xB6");
    strcat(text, "\"}");
    collect_pipe_gelf(world.pipe, COLLECT_GELF_UDP, mr_slice_text(text), false, NULL);
    cr_assert_eq(world.sent, 1);
    cr_assert_eq(strlen(world_text(0, "host")), 510);
    world_close();
}

Test(collect_pipe, given_a_full_window_then_no_room_until_half_is_stored)
{
    world_open(4);
    for (unsigned i = 0; i < 4; i++)
        take("<13>a");
    cr_assert_not(collect_pipe_has_room(world.pipe));
    world_report(MR_KAFKA_STORED, MR_OK);
    cr_assert_eq(world.rooms, 0);
    world_report(MR_KAFKA_STORED, MR_OK);
    cr_assert_eq(world.rooms, 1);
    cr_assert(collect_pipe_has_room(world.pipe));
    world_close();
}

Test(collect_pipe, given_a_refusal_of_the_log_or_an_end_without_it_then_counted)
{
    world_open(8);
    take("<13>a");
    take("<13>b");
    world_report(MR_KAFKA_NOT_STORED, MR_INVALID);
    cr_assert_eq(world_metric("lost_total{protocol=\"syslog-tcp\",cause=\"refused\"} "), 1);
    world_close(); /* b is given up; that it is told leaves no trace here but no leak either */
}

Test(collect_pipe, given_ids_of_many_messages_then_all_differ)
{
    world_open(4);
    for (unsigned i = 0; i < 1500; i++) {
        take("<13>a");
        world_report(MR_KAFKA_STORED, MR_OK);
    }
    cr_assert_eq(world.sent, 1500);
    world_close();
}
