/* What parses, can be written and parses to the same; any text can stand in a problem document. */
#include "fuzz.h"
#include "mr_json.h"
#include "mr_problem.h"

static void check_problem(struct mr_slice text)
{
    struct mr_problem_error error = {text, text};
    struct mr_problem problem = mr_problem_of(mr_problem_at(0), text);
    struct mr_buf out;
    json_t *json;
    problem.errors = &error;
    problem.error_count = 1;
    problem.instance = text;
    mr_buf_init(&out, 0);
    mr_problem_write(&problem, &out);
    enum mr_status s = mr_json_parse(mr_buf_all(&out), &json, NULL);
    if (s == MR_OK)
        json_decref(json);
    else /* a NUL is escaped rightly but not read here */
        fuzz_must(text.len && memchr(text.data, 0, text.len));
    mr_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_slice text = mr_slice(data, size);
    struct mr_error why;
    json_t *json, *again;
    if (mr_json_parse(text, &json, &why) == MR_OK) {
        char *dump = json_dumps(json, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
        fuzz_must(dump != NULL);
        fuzz_must(mr_json_parse(mr_slice_text(dump), &again, &why) == MR_OK);
        fuzz_must(json_equal(json, again));
        json_decref(again);
        json_decref(json);
        free(dump);
    } else {
        fuzz_must(why.text[0] != 0);
    }
    check_problem(text);
    return 0;
}
