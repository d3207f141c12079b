/* References, and every slip in a schema named with file and pointer. */
#include "mr_schema.h"
#include <criterion/criterion.h>

static json_t *json_of(const char *text)
{
    char copy[1024];
    snprintf(copy, sizeof copy, "%s", text);
    for (char *p = copy; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    json_t *json = json_loads(copy, JSON_DECODE_ANY, NULL);
    cr_assert_not_null(json, "%s", copy);
    return json;
}

static enum mr_status add(struct mr_schema_set *set, const char *uri, const char *text,
                          struct mr_error *why)
{
    char file[64];
    snprintf(file, sizeof file, "%s.json", uri);
    json_t *schema = json_of(text);
    enum mr_status s = mr_schema_set_add(set, uri, file, schema, why);
    json_decref(schema);
    return s;
}

static const struct {
    const char *schema, *want;
} slips[] = {
    {"{'multipleOf':2}", "a.json#/multipleOf: this keyword is not supported"},
    {"{'properties':{'x':{'typ':'string'}}}",
     "a.json#/properties/x/typ: this keyword is not supported"},
    {"{'items':{'x-mine':1}}",
     "a.json#/items/x-mine: this keyword is not supported below the root of a document"},
    {"{'x-other':1}", "a.json#/x-other: this keyword is not supported"},
    {"{'properties':{'a/b':7}}",
     "a.json#/properties/a~1b: a schema must be an object, true or false"},
    {"{'properties':[]}", "a.json#/properties: must be an object of schemas"},
    {"{'type':'text'}", "a.json#/type: must be one of null, boolean, integer, number, string, "
                        "array and object, or a list of different ones"},
    {"{'type':[]}", "a.json#/type: the list is empty"},
    {"{'enum':[]}", "a.json#/enum: must be a list of values"},
    {"{'minimum':'1'}", "a.json#/minimum: must be a number"},
    {"{'exclusiveMaximum':true}", "a.json#/exclusiveMaximum: must be a number"},
    {"{'minLength':-1}", "a.json#/minLength: must be an integer that is not negative"},
    {"{'maxItems':1.5}", "a.json#/maxItems: must be an integer that is not negative"},
    {"{'pattern':'a('}", "a.json#/pattern: at byte 2: missing closing parenthesis"},
    {"{'pattern':'(*LIMIT_MATCH=1)a'}", "a.json#/pattern: there is nothing before \"*\" to repeat"},
    {"{'format':'email'}", "a.json#/format: must be date-time, date or uuid"},
    {"{'required':'a'}", "a.json#/required: must be a list"},
    {"{'required':[1]}", "a.json#/required: must be a list of names"},
    {"{'required':['a','a']}", "a.json#/required: a is named twice"},
    {"{'title':1}", "a.json#/title: must be a text"},
    {"{'$schema':'http://json-schema.org/draft-07/schema#'}",
     "a.json#/$schema: must be https://json-schema.org/draft/2020-12/schema"},
    {"{'$id':1}", "a.json#/$id: must be a URI as text"},
    {"{'$id':'a#b'}", "a.json#/$id: a URI with a fragment cannot name a schema"},
    {"{'$ref':1}", "a.json#/$ref: must be a URI as text"},
    {"{'$ref':'b'}", "a.json#/$ref: there is no schema at b"},
    {"{'$ref':'#/title','title':'t'}", "a.json#/$ref: there is no schema at #/title"},
    {"{'$ref':'#'}", "a.json#/$ref: it leads in a loop, back to itself"},
    {"{'$defs':{'a':{'$ref':'#/$defs/b'},'b':{'$ref':'#/$defs/a'}}}",
     "a.json#/$defs/a/$ref: it leads in a loop, back to itself"},
};

Test(schema_set, given_a_slip_then_file_and_pointer_are_named)
{
    const char *const annotations[] = {"x-mine"};
    for (size_t i = 0; i < sizeof slips / sizeof *slips; i++) {
        struct mr_error why = {0};
        struct mr_schema_set *set = mr_schema_set_new(annotations, 1);
        enum mr_status s = add(set, "a", slips[i].schema, &why);
        if (s == MR_OK)
            s = mr_schema_set_compile(set, &why);
        cr_expect_eq(s, MR_INVALID, "%s", slips[i].schema);
        cr_expect_str_eq(why.text, slips[i].want, "%s: %s", slips[i].schema, why.text);
        mr_schema_set_free(set);
    }
}

Test(schema_set, given_a_keyword_of_the_caller_then_it_may_stand_at_the_root)
{
    const char *const annotations[] = {"x-mine"};
    struct mr_error why = {0};
    struct mr_schema_set *set = mr_schema_set_new(annotations, 1);
    cr_assert_eq(add(set, "a", "{'x-mine':{'anything':1},'$comment':'c','examples':[1]}", &why),
                 MR_OK, "%s", why.text);
    cr_assert_eq(mr_schema_set_compile(set, &why), MR_OK);
    mr_schema_set_free(set);
}

Test(schema_set, given_a_uri_twice_then_both_files_are_named)
{
    struct mr_error why = {0};
    struct mr_schema_set *set = mr_schema_set_new(NULL, 0);
    cr_assert_eq(add(set, "a", "{}", &why), MR_OK);
    cr_assert_eq(add(set, "b", "{'$id':'a'}", &why), MR_INVALID);
    cr_assert_str_eq(why.text, "b.json#: its URI a is that of a.json# already");
    mr_schema_set_free(set);
}

static bool fits(const struct mr_schema_set *set, const char *uri, const char *value)
{
    const struct mr_schema *s = mr_schema_set_find(set, uri);
    cr_assert_not_null(s, "%s", uri);
    json_t *v = json_of(value);
    enum mr_status got = mr_schema_check(s, v, NULL);
    json_decref(v);
    return got == MR_OK;
}

Test(schema_set, given_references_between_documents_in_any_order_then_they_are_followed)
{
    struct mr_error why = {0};
    struct mr_schema_set *set = mr_schema_set_new(NULL, 0);
    cr_assert_eq(add(set, "billing.invoice",
                     "{'properties':{'currency':{'$ref':'billing.defs#/$defs/currency'}}}", &why),
                 MR_OK);
    cr_assert_eq(add(set, "billing.defs",
                     "{'$defs':{'currency':{'$ref':'#/$defs/code','title':'Currency'},"
                     "'code':{'pattern':'^[A-Z]{3}$','description':'three letters'}}}",
                     &why),
                 MR_OK);
    cr_assert_eq(mr_schema_set_compile(set, &why), MR_OK, "%s", why.text);
    cr_assert(fits(set, "billing.invoice", "{'currency':'EUR'}"));
    cr_assert_not(fits(set, "billing.invoice", "{'currency':'eur'}"));
    cr_assert(fits(set, "billing.defs#/$defs/code", "'EUR'"));
    cr_assert_null(mr_schema_set_find(set, "billing.defs#/$defs/none"));
    cr_assert_null(mr_schema_set_find(set, "none"));
    const struct mr_schema *invoice = mr_schema_set_find(set, "billing.invoice");
    cr_assert_str_eq(mr_schema_text(mr_schema_at(invoice, mr_slice_text("/currency"))), "Currency");
    cr_assert_null(mr_schema_at(invoice, mr_slice_text("/none")));
    mr_schema_set_free(set);
}

Test(schema_set, given_ids_then_references_are_relative_to_them)
{
    struct mr_error why = {0};
    struct mr_schema_set *set = mr_schema_set_new(NULL, 0);
    cr_assert_eq(add(set, "a",
                     "{'$id':'https://m.example/s/a.json','items':{'$ref':'b.json'},'$defs':{"
                     "'inner':{'$id':'sub/','$defs':{'n':{'type':'integer'}},"
                     "'properties':{'x':{'$ref':'#/$defs/n'},'y':{'$ref':'../b.json'}}}}}",
                     &why),
                 MR_OK, "%s", why.text);
    cr_assert_eq(add(set, "b", "{'$id':'https://m.example/s/b.json','type':'string'}", &why),
                 MR_OK);
    cr_assert_eq(mr_schema_set_compile(set, &why), MR_OK, "%s", why.text);
    cr_assert(fits(set, "a", "['x']"));
    cr_assert_not(fits(set, "https://m.example/s/a.json", "[1]"));
    cr_assert_not(fits(set, "https://m.example/s/sub/", "{'x':'no'}"));
    cr_assert_not(fits(set, "https://m.example/s/sub/", "{'y':1}"));
    cr_assert_not(fits(set, "https://m.example/s/sub/#/$defs/n", "'no'"));
    cr_assert(fits(set, "https://m.example/s/sub/", "{'x':1,'y':''}"));
    mr_schema_set_free(set);
}
