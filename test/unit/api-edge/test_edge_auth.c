#include "edge_auth.h"

#include <criterion/criterion.h>
#include <sodium.h>

/* A store that answers when the test says so, on a loop whose time the test moves. */
struct key_bed {
    struct mr_loop loop;
    struct edge_auth *auth;
    struct mr_uuid asked[64];
    size_t asked_count;
    bool is_away;
};

struct answer {
    struct edge_auth_ask ask;
    bool came;
    enum edge_verdict verdict;
    struct edge_principal who;
};

static enum mr_status look_up(void *impl, const struct mr_uuid *key_id)
{
    struct key_bed *bed = impl;
    cr_assert(bed->asked_count < sizeof bed->asked / sizeof *bed->asked);
    if (bed->is_away)
        return MR_BUSY;
    bed->asked[bed->asked_count++] = *key_id;
    return MR_OK;
}

static void key_bed_open(struct key_bed *bed, struct edge_auth_settings settings)
{
    *bed = (struct key_bed){0};
    mr_loop_init(&bed->loop, NULL);
    settings.loop = &bed->loop;
    settings.store = (struct edge_key_store){bed, look_up};
    settings.key_cache_ms = 10000;
    bed->auth = edge_auth_new(&settings);
}

static void key_bed_close(struct key_bed *bed)
{
    edge_auth_free(bed->auth);
    mr_loop_close(&bed->loop);
}

static void pass_ms(struct key_bed *bed, uint64_t ms)
{
    bed->loop.uv.time += ms;
}

static void answered(struct edge_auth_ask *ask, enum edge_verdict verdict,
                     const struct edge_principal *who)
{
    struct answer *answer = ask->asker;
    cr_assert_not(answer->came);
    answer->came = true;
    answer->verdict = verdict;
    if (who)
        answer->who = *who;
}

static struct edge_token token_of(uint8_t id, uint8_t secret)
{
    struct edge_token token = {0};
    token.key_id.bytes[0] = id;
    token.hash.bytes[0] = secret;
    return token;
}

/* PENDING until the store answers. */
static enum edge_verdict ask(struct key_bed *bed, struct answer *answer, uint8_t id, uint8_t secret,
                             const char *scope)
{
    *answer = (struct answer){
        .ask = {
            .token = token_of(id, secret), .scope = scope, .answered = answered, .asker = answer}};
    return edge_auth_ask(bed->auth, &answer->ask, &answer->who);
}

static void found(struct key_bed *bed, uint8_t id, uint8_t secret, bool revoked)
{
    const struct mr_slice scopes[] = {mr_slice_text("billing:read"),
                                      mr_slice_text("billing:write")};
    struct mr_digest hash = token_of(id, secret).hash;
    struct edge_key_row row = {
        .hashes = &hash, .hash_count = 1, .scopes = scopes, .scope_count = 2, .revoked = revoked};
    struct mr_uuid key_id = token_of(id, 0).key_id;
    row.account.bytes[0] = (uint8_t)(id + 100);
    edge_auth_found(bed->auth, &key_id, &row);
}

static void absent(struct key_bed *bed, uint8_t id)
{
    struct mr_uuid key_id = token_of(id, 0).key_id;
    edge_auth_found(bed->auth, &key_id, NULL);
}

static void away(struct key_bed *bed, uint8_t id)
{
    struct mr_uuid key_id = token_of(id, 0).key_id;
    edge_auth_away(bed->auth, &key_id);
}

Test(edge_auth, given_a_key_not_yet_known_then_all_wait_for_one_look_up)
{
    struct key_bed bed;
    struct answer a, b, c;
    key_bed_open(&bed, (struct edge_auth_settings){0});
    cr_assert_eq(ask(&bed, &a, 1, 9, NULL), EDGE_KEY_PENDING);
    cr_assert_eq(ask(&bed, &b, 1, 8, NULL), EDGE_KEY_PENDING);
    cr_assert_eq(ask(&bed, &c, 1, 9, "other:scope"), EDGE_KEY_PENDING);
    cr_assert_eq(bed.asked_count, 1);
    found(&bed, 1, 9, false);
    cr_assert(a.came && b.came && c.came);
    cr_expect_eq(a.verdict, EDGE_KEY_GOOD);
    cr_expect_eq(a.who.account.bytes[0], 101);
    cr_expect_eq(b.verdict, EDGE_KEY_BAD);
    cr_expect_eq(c.verdict, EDGE_KEY_FORBIDDEN);
    cr_expect_eq(ask(&bed, &a, 1, 9, "billing:write"), EDGE_KEY_GOOD);
    cr_expect_eq(ask(&bed, &a, 1, 9, "billing"), EDGE_KEY_FORBIDDEN);
    cr_expect_eq(bed.asked_count, 1);
    key_bed_close(&bed);
}

Test(edge_auth, given_a_client_that_leaves_then_the_others_are_answered)
{
    struct key_bed bed;
    struct answer a, b;
    key_bed_open(&bed, (struct edge_auth_settings){0});
    cr_assert_eq(ask(&bed, &a, 1, 9, NULL), EDGE_KEY_PENDING);
    cr_assert_eq(ask(&bed, &b, 1, 9, NULL), EDGE_KEY_PENDING);
    edge_auth_drop(bed.auth, &a.ask);
    found(&bed, 1, 9, false);
    cr_assert_not(a.came);
    cr_assert_eq(b.verdict, EDGE_KEY_GOOD);
    key_bed_close(&bed);
}

Test(edge_auth, given_a_known_key_then_it_is_asked_for_again_and_a_revoked_one_ends_in_time)
{
    struct key_bed bed;
    struct answer a;
    key_bed_open(&bed, (struct edge_auth_settings){0});
    (void)ask(&bed, &a, 1, 9, NULL);
    found(&bed, 1, 9, false);
    pass_ms(&bed, 4000);
    cr_assert_eq(ask(&bed, &a, 1, 9, NULL), EDGE_KEY_GOOD);
    cr_assert_eq(bed.asked_count, 1);
    pass_ms(&bed, 2000); /* beyond half of its time: asked beside */
    cr_assert_eq(ask(&bed, &a, 1, 9, NULL), EDGE_KEY_GOOD);
    cr_assert_eq(bed.asked_count, 2);
    cr_assert_eq(ask(&bed, &a, 1, 9, NULL), EDGE_KEY_GOOD);
    cr_assert_eq(bed.asked_count, 2, "one look-up at a time");
    found(&bed, 1, 9, true);
    cr_assert_eq(ask(&bed, &a, 1, 9, NULL), EDGE_KEY_BAD);
    key_bed_close(&bed);
}

Test(edge_auth, given_a_key_that_was_not_used_for_long_then_it_is_read_before_it_is_believed)
{
    struct key_bed bed;
    struct answer a;
    key_bed_open(&bed, (struct edge_auth_settings){0});
    (void)ask(&bed, &a, 1, 9, NULL);
    found(&bed, 1, 9, false);
    pass_ms(&bed, 10001);
    cr_assert_eq(ask(&bed, &a, 1, 9, NULL), EDGE_KEY_PENDING);
    found(&bed, 1, 9, true);
    cr_assert_eq(a.verdict, EDGE_KEY_BAD);
    key_bed_close(&bed);
}

Test(edge_auth, given_the_store_away_then_known_keys_are_served_and_unknown_ones_are_not)
{
    struct key_bed bed;
    struct answer a, b;
    key_bed_open(&bed, (struct edge_auth_settings){0});
    (void)ask(&bed, &a, 1, 9, NULL);
    found(&bed, 1, 9, false);
    bed.is_away = true;
    pass_ms(&bed, 3600 * 1000);
    cr_assert_eq(ask(&bed, &a, 1, 9, NULL), EDGE_KEY_GOOD);
    cr_assert_eq(ask(&bed, &a, 1, 7, NULL), EDGE_KEY_BAD, "a wrong secret stays wrong");
    cr_assert_eq(ask(&bed, &b, 2, 9, NULL), EDGE_KEY_AWAY);
    bed.is_away = false;
    pass_ms(&bed, 1000);
    cr_assert_eq(ask(&bed, &a, 1, 9, NULL), EDGE_KEY_GOOD, "asked beside, once a second");
    cr_assert_eq(bed.asked_count, 2);
    found(&bed, 1, 9, true);
    cr_assert_eq(ask(&bed, &a, 1, 9, NULL), EDGE_KEY_BAD);
    key_bed_close(&bed);
}

Test(edge_auth, given_a_look_up_that_fails_then_waiting_known_keys_are_served_and_new_ones_503)
{
    struct key_bed bed;
    struct answer a, b;
    key_bed_open(&bed, (struct edge_auth_settings){0});
    (void)ask(&bed, &a, 1, 9, NULL);
    found(&bed, 1, 9, false);
    pass_ms(&bed, 20000);
    cr_assert_eq(ask(&bed, &a, 1, 9, NULL), EDGE_KEY_PENDING);
    cr_assert_eq(ask(&bed, &b, 2, 9, NULL), EDGE_KEY_PENDING);
    away(&bed, 1);
    away(&bed, 2);
    cr_assert_eq(a.verdict, EDGE_KEY_GOOD);
    cr_assert_eq(b.verdict, EDGE_KEY_AWAY);
    cr_assert_eq(ask(&bed, &b, 2, 9, NULL), EDGE_KEY_PENDING, "it is asked for anew");
    absent(&bed, 2);
    key_bed_close(&bed);
}

Test(edge_auth, given_an_unknown_key_then_that_is_remembered_for_a_short_time)
{
    struct key_bed bed;
    struct answer a;
    key_bed_open(&bed, (struct edge_auth_settings){0});
    (void)ask(&bed, &a, 1, 9, NULL);
    absent(&bed, 1);
    cr_assert_eq(a.verdict, EDGE_KEY_BAD);
    pass_ms(&bed, 1000);
    cr_assert_eq(ask(&bed, &a, 1, 9, NULL), EDGE_KEY_BAD);
    cr_assert_eq(bed.asked_count, 1);
    pass_ms(&bed, 1500);
    cr_assert_eq(ask(&bed, &a, 1, 9, NULL), EDGE_KEY_PENDING, "it may have been made meanwhile");
    found(&bed, 1, 9, false);
    cr_assert_eq(a.verdict, EDGE_KEY_GOOD);
    key_bed_close(&bed);
}

Test(edge_auth, given_a_new_secret_of_a_known_key_then_it_is_found_after_a_second)
{
    struct key_bed bed;
    struct answer a;
    key_bed_open(&bed, (struct edge_auth_settings){0});
    (void)ask(&bed, &a, 1, 9, NULL);
    found(&bed, 1, 9, false);
    cr_assert_eq(ask(&bed, &a, 1, 7, NULL), EDGE_KEY_BAD, "not asked for at once again");
    pass_ms(&bed, 1000);
    cr_assert_eq(ask(&bed, &a, 1, 7, NULL), EDGE_KEY_PENDING);
    found(&bed, 1, 7, false);
    cr_assert_eq(a.verdict, EDGE_KEY_GOOD);
    key_bed_close(&bed);
}

Test(edge_auth, given_two_secrets_of_a_key_then_either_is_good)
{
    struct key_bed bed;
    struct answer a, b, c;
    const struct mr_digest hashes[] = {token_of(1, 8).hash, token_of(1, 9).hash};
    struct edge_key_row row = {.hashes = hashes, .hash_count = 2};
    struct mr_uuid key_id = token_of(1, 0).key_id;
    key_bed_open(&bed, (struct edge_auth_settings){0});
    (void)ask(&bed, &a, 1, 8, NULL);
    (void)ask(&bed, &b, 1, 9, NULL);
    (void)ask(&bed, &c, 1, 7, NULL);
    edge_auth_found(bed.auth, &key_id, &row);
    cr_expect_eq(a.verdict, EDGE_KEY_GOOD);
    cr_expect_eq(b.verdict, EDGE_KEY_GOOD);
    cr_expect_eq(c.verdict, EDGE_KEY_BAD);
    key_bed_close(&bed);
}

Test(edge_auth, given_many_unknown_keys_then_known_ones_stay_and_look_ups_are_bounded)
{
    struct key_bed bed;
    struct answer a, waiting[4];
    key_bed_open(&bed,
                 (struct edge_auth_settings){.known_max = 2, .absent_max = 3, .asking_max = 4});
    (void)ask(&bed, &a, 1, 9, NULL);
    found(&bed, 1, 9, false);
    for (uint8_t id = 10; id < 30; id++) {
        cr_assert_eq(ask(&bed, &a, id, 9, NULL), EDGE_KEY_PENDING);
        absent(&bed, id);
    }
    cr_assert_eq(ask(&bed, &a, 1, 9, NULL), EDGE_KEY_GOOD);
    cr_assert_eq(ask(&bed, &a, 29, 9, NULL), EDGE_KEY_BAD, "the newest are remembered");
    for (uint8_t i = 0; i < 4; i++)
        cr_assert_eq(ask(&bed, &waiting[i], (uint8_t)(40 + i), 9, NULL), EDGE_KEY_PENDING);
    cr_assert_eq(ask(&bed, &a, 50, 9, NULL), EDGE_KEY_AWAY);
    for (uint8_t i = 0; i < 4; i++)
        absent(&bed, (uint8_t)(40 + i));
    key_bed_close(&bed);
}

Test(edge_auth, given_more_known_keys_than_are_kept_then_the_longest_unused_gives_way)
{
    struct key_bed bed;
    struct answer a;
    key_bed_open(&bed, (struct edge_auth_settings){.known_max = 2});
    for (uint8_t id = 1; id <= 2; id++) {
        (void)ask(&bed, &a, id, 9, NULL);
        found(&bed, id, 9, false);
    }
    cr_assert_eq(ask(&bed, &a, 1, 9, NULL), EDGE_KEY_GOOD); /* 2 is now the longest unused */
    (void)ask(&bed, &a, 3, 9, NULL);
    found(&bed, 3, 9, false);
    cr_assert_eq(ask(&bed, &a, 1, 9, NULL), EDGE_KEY_GOOD);
    cr_assert_eq(ask(&bed, &a, 2, 9, NULL), EDGE_KEY_PENDING);
    absent(&bed, 2);
    key_bed_close(&bed);
}
