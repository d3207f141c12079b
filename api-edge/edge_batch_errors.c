#include "edge_batch_errors.h"

#include "mr_problem.h"
#include <inttypes.h>

#define TEXT_BYTES_MAX 65536

void edge_batch_errors_init(struct edge_batch_errors *errors)
{
    *errors = (struct edge_batch_errors){0};
    mr_buf_init(&errors->text, TEXT_BYTES_MAX);
}

void edge_batch_errors_free(struct edge_batch_errors *errors)
{
    mr_buf_free(&errors->text);
}

void edge_batch_error(struct edge_batch_errors *errors, uint64_t line, struct mr_slice pointer,
                      struct mr_slice detail)
{
    struct mr_buf *text = &errors->text;
    size_t was = text->len;
    errors->count++;
    if (errors->count > EDGE_BATCH_ERRORS_MAX || !mr_buf_ok(text))
        return;
    mr_buf_printf(text, "%s{\"line\":%" PRIu64 ",\"pointer\":", was > 0 ? "," : "", line);
    mr_problem_write_pointer(pointer, text);
    mr_buf_text(text, ",\"detail\":");
    mr_buf_json_string(text, detail);
    mr_buf_char(text, '}');
    if (mr_buf_ok(text))
        errors->told++;
    else
        text->len = was; /* a half of it is no JSON; from here on they are counted alone */
}

void edge_batch_error_schema(struct edge_batch_errors *errors, uint64_t line,
                             const struct mr_schema_errors *found)
{
    for (size_t i = 0; i < found->count; i++)
        edge_batch_error(errors, line, mr_slice_text(found->items[i].pointer),
                         mr_slice_text(found->items[i].detail));
}

void edge_batch_errors_write(const struct edge_batch_errors *errors, struct mr_buf *out)
{
    mr_buf_text(out, "\"errors\":[");
    mr_buf_slice(out, mr_buf_all(&errors->text));
    mr_buf_char(out, ']');
    if (errors->count > errors->told)
        mr_buf_printf(out, ",\"errors_more\":%" PRIu64, errors->count - errors->told);
}
