/* What the engine is told about command types. */
#include "catalog_fixture.h"
#include "runtime.h"
#include "runtime_check.h"
#include <criterion/criterion.h>

static const char full[] =
    "{'title':'A sale','x-command':{'type':'shop.sell','scope':'shop:write','route':'POST /v1/"
    "accounts/{account}/sales'},'type':'object','properties':{'n':{'type':'integer'}},"
    "'required':['n']}";
static const char id[] =
    "{'title':'A sample','x-command':{'type':'shop.sample','scope':'shop:write','route':'POST "
    "/v1/accounts/{account}/samples','record':'id','key':'/metric'},'type':'object',"
    "'properties':{'metric':{'type':'string'}},'required':['metric']}";
static const char fact[] =
    "{'title':'A line','x-command':{'type':'shop.line','scope':'shop:write','route':'POST "
    "/v1/accounts/{account}/lines','record':'none','key':'id'},'x-warehouse':[{'table':'lines',"
    "'columns':[{'name':'text','type':'VARCHAR(8)','pointer':'/text'}]}],'type':'object',"
    "'properties':{'text':{'type':'string'}}}";

static void put(struct folder *folder, const char *path, const char *text)
{
    json_t *json = json_of(text);
    char *plain = json_dumps(json, 0);
    folder_put(folder, path, plain);
    free(plain);
    json_decref(json);
}

static struct mr_catalog *shop_catalog(void)
{
    struct mr_error why;
    struct folder folder = folder_read();
    put(&folder, "shop/sell.json", full);
    put(&folder, "shop/sample.json", id);
    put(&folder, "shop/line.json", fact);
    struct mr_catalog *c = folder_build(folder, &why);
    cr_assert(c, "%s", why.text);
    return c;
}

static struct mr_ce_command ce_of(const char *type, int32_t tick_lane)
{
    return (struct mr_ce_command){
        .domain = mr_slice_text("shop"), .type = mr_slice_text(type), .tick_lane = tick_lane};
}

static const struct {
    const char *type;
    int32_t tick_lane;
    enum engine_keep want;
} keeps[] = {
    {"shop.sell", -1, ENGINE_KEEP_FULL}, {"shop.sample", -1, ENGINE_KEEP_ID},
    {"shop.line", -1, ENGINE_KEEP_FACT}, {"shop.buy", -1, ENGINE_KEEP_FULL},
    {"shop.tick", 3, ENGINE_KEEP_ID},    {"shop.ticket", 3, ENGINE_KEEP_FULL},
    {"stop.tick", -1, ENGINE_KEEP_FULL},
};

Test(check, given_types_then_each_is_kept_as_its_schema_says)
{
    struct mr_catalog *c = shop_catalog();
    struct engine_checker checker = runtime_checker(c);
    for (size_t i = 0; i < sizeof keeps / sizeof *keeps; i++) {
        struct mr_ce_command ce = ce_of(keeps[i].type, keeps[i].tick_lane);
        cr_expect_eq(checker.keep(checker.ctx, &ce), keeps[i].want, "%s", keeps[i].type);
    }
    mr_catalog_free(c);
}

static const struct {
    int32_t tick_lane;
    const char *value;
    enum engine_body want;
} ticks[] = {
    {0, "{\"due_ms\":1790239143123}", ENGINE_BODY_GOOD},
    {7, " {\"due_ms\" : 0}\n", ENGINE_BODY_GOOD},
    {0, "{\"due_ms\":1.5}", ENGINE_BODY_BREAKS},
    {0, "{\"due_ms\":\"1\"}", ENGINE_BODY_BREAKS},
    {0, "{\"due_ms\":1,\"x\":2}", ENGINE_BODY_BREAKS},
    {0, "{}", ENGINE_BODY_BREAKS},
    {0, "[1]", ENGINE_BODY_BREAKS},
    {0, "due", ENGINE_BODY_BREAKS},
    {-1, "{\"due_ms\":1}", ENGINE_BODY_MISROUTED},
};

Test(check, given_ticks_then_their_due_time_is_all_they_hold_and_only_lanes_write_them)
{
    struct mr_catalog *c = shop_catalog();
    struct engine_checker checker = runtime_checker(c);
    for (size_t i = 0; i < sizeof ticks / sizeof *ticks; i++) {
        struct mr_ce_command ce = ce_of("shop.tick", ticks[i].tick_lane);
        struct engine_refusal refusal = {0};
        struct mr_arena arena;
        json_t *json = NULL;
        mr_arena_init(&arena, 1 << 20);
        cr_expect_eq(checker.check(checker.ctx, &ce, mr_slice_text("tick"),
                                   mr_slice_text(ticks[i].value), &arena, &json, &refusal),
                     ticks[i].want, "%s", ticks[i].value);
        cr_expect_eq(json != NULL, ticks[i].want == ENGINE_BODY_GOOD);
        cr_expect_eq(refusal.detail != NULL, ticks[i].want == ENGINE_BODY_BREAKS);
        json_decref(json);
        mr_arena_free(&arena);
    }
    mr_catalog_free(c);
}

Test(check, given_a_fact_of_a_domain_that_keeps_none_then_its_worker_does_not_start)
{
    static const struct engine_domain domain = {.name = "shop"};
    static const struct domain_store store = {.domain = &domain};
    struct mr_catalog *c = shop_catalog();
    struct runtime_settings settings = {.catalog = c, .domain = &store};
    struct runtime *runtime = NULL;
    struct mr_error why;
    cr_expect_eq(runtime_new(&settings, &runtime, &why), MR_INVALID);
    cr_expect_str_eq(why.text,
                     "shop/line.json says \"record\": \"none\", but domain shop keeps no facts");
    mr_catalog_free(c);
}
