#include "mr_problem.h"

/* By name, ascending: mr_problem_find halves it, and the test holds the order. */
static const struct mr_problem_type types[] = {
    {"already-exists", 409, "It exists already",
     "A thing with this id exists in the account. The id of a created thing is the id of the "
     "command that creates it, so an id that was used before cannot create again."},
    {"ambiguous", 409, "Several commands have this id",
     "The id was used in several domains. The answer links to the receipt of each."},
    {"dropped", 409, "The command was dropped",
     "The command could not be decided and waited for an operator, who dropped it. It had no "
     "effect. Ask whoever runs the service, and send it as a new command if it is still wanted."},
    {"event-too-large", 422, "The effect is too large",
     "The event that this command would lead to is larger than the log takes. The command had no "
     "effect. Split it into several."},
    {"expectation-failed", 417, "The expectation cannot be met",
     "The Expect header field asks for something other than 100-continue. Leave it out."},
    {"forbidden", 403, "Not allowed",
     "The API key is good, but it lacks the scope for this request or belongs to another account."},
    {"gone", 410, "No longer known", "What was asked for is past the time for which it is kept."},
    {"header-too-large", 431, "The header is too large",
     "The request has too many header or trailer fields, or they are too long."},
    {"http-version", 505, "The HTTP version is not supported",
     "HTTP/1.1 is spoken here, and HTTP/1.0 without keep-alive."},
    {"internal", 500, "Something went wrong here",
     "The fault is on the service's side. A command may be sent again with the same "
     "Idempotency-Key; it has its effect once at most."},
    {"invalid-body", 422, "The body does not fit its schema",
     "The body is JSON but not what this command takes. Each entry of errors points to a place and "
     "says what is wrong there."},
    {"key-reused", 422, "The idempotency key was used for another command",
     "A command with this Idempotency-Key and another body, type or subject came before. A key "
     "stands for one command; take a fresh one for another."},
    {"length-required", 411, "The length is missing",
     "Send a Content-Length with the request's body, or use HTTP/1.1 and chunked."},
    {"malformed", 400, "The request is malformed",
     "The request cannot be read: its HTTP, its JSON or one of its parameters is not well-formed. "
     "detail says what and where. The same request will fail again."},
    {"method-not-allowed", 405, "The method is not allowed here",
     "The path exists, with other methods. Allow names them."},
    {"not-acceptable", 406, "No such representation",
     "None of the media types that Accept asks for can be given."},
    {"not-accepted", 503, "The command was not accepted",
     "The command was certainly not stored. Send it again after the time in Retry-After."},
    {"not-found", 404, "Not found", "There is nothing at this path for this account, or not yet."},
    {"not-implemented", 501, "Not implemented",
     "The request uses a method or a transfer coding that is not supported."},
    {"outcome-unknown", 504, "The outcome is unknown",
     "The command may or may not have been stored. Ask for it at location, or send it again with "
     "Idempotency-Key set to id: it has its effect once at most."},
    {"precondition-failed", 412, "The precondition failed",
     "The thing is not in the state that If-Match or a like header field names."},
    {"rate-limited", 429, "Too many requests",
     "The account or key sends more than it may. Wait for the time in Retry-After."},
    {"request-timeout", 408, "The request took too long",
     "The request did not arrive whole in the time that it has. Send it again."},
    {"too-large", 413, "The body is too large",
     "The body is larger than this request takes. detail names the bound."},
    {"unauthenticated", 401, "The API key is missing or not valid",
     "The request has no API key, or one that is not known or was revoked. Send it as "
     "Authorization: Bearer KEY."},
    {"unavailable", 503, "Not available for now",
     "What is needed to answer cannot be reached. Commands of known keys are still accepted. Ask "
     "again after the time in Retry-After."},
    {"unsupported-media-type", 415, "The media type is not supported",
     "Send application/json (curl --json does), or what detail names."},
    {"uri-too-long", 414, "The request line is too long",
     "The request's path and query are longer than is taken here."},
};
#define COUNT (sizeof types / sizeof *types)

static int compare(struct mr_slice name, const char *text)
{
    size_t len = strlen(text), least = name.len < len ? name.len : len;
    int order = least ? memcmp(name.data, text, least) : 0;
    return order ? order : (name.len > len) - (name.len < len);
}

const struct mr_problem_type *mr_problem_find(struct mr_slice name)
{
    size_t low = 0, high = COUNT;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = compare(name, types[middle].name);
        if (order == 0)
            return &types[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static const char *name_of_status(int32_t status)
{
    switch (status) {
    case 409: /* several types share these, so one is named */
        return "already-exists";
    case 422:
        return "invalid-body";
    case 503:
        return "unavailable";
    default:
        for (size_t i = 0; i < COUNT; i++)
            if (types[i].status == status)
                return types[i].name;
        return "internal";
    }
}

const struct mr_problem_type *mr_problem_of_status(int32_t status)
{
    return mr_problem_find(mr_slice_text(name_of_status(status)));
}

size_t mr_problem_count(void)
{
    return COUNT;
}

const struct mr_problem_type *mr_problem_at(size_t index)
{
    return &types[index];
}

struct mr_problem mr_problem_of(const struct mr_problem_type *type, struct mr_slice detail)
{
    return (struct mr_problem){.name = mr_slice_text(type->name),
                               .title = mr_slice_text(type->title),
                               .status = type->status,
                               .detail = detail};
}

static void add_member(struct mr_buf *out, const char *name, struct mr_slice value)
{
    if (!value.data)
        return;
    mr_buf_printf(out, ",\"%s\":", name);
    mr_buf_json_string(out, value);
}

void mr_problem_write_pointer(struct mr_slice pointer, struct mr_buf *out)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-._~!$&'()*+,;=:@/?";
    mr_buf_text(out, "\"#");
    for (size_t i = 0; i < pointer.len; i++) {
        char c = pointer.data[i];
        if (c && strchr(plain, c))
            mr_buf_char(out, c);
        else
            mr_buf_printf(out, "%%%02X", (unsigned char)c);
    }
    mr_buf_char(out, '"');
}

void mr_problem_write(const struct mr_problem *problem, struct mr_buf *out)
{
    mr_buf_text(out, "{\"type\":\"/problems/");
    mr_buf_slice(out, problem->name); /* lower-case letters and hyphens */
    mr_buf_char(out, '"');
    add_member(out, "title", problem->title);
    mr_buf_printf(out, ",\"status\":%d", problem->status);
    add_member(out, "detail", problem->detail);
    add_member(out, "instance", problem->instance);
    add_member(out, "id", problem->id);
    add_member(out, "location", problem->location);
    for (size_t i = 0; i < problem->error_count; i++) {
        mr_buf_text(out, i ? ",{\"pointer\":" : ",\"errors\":[{\"pointer\":");
        mr_problem_write_pointer(problem->errors[i].pointer, out);
        add_member(out, "detail", problem->errors[i].detail);
        mr_buf_char(out, '}');
    }
    if (problem->error_count)
        mr_buf_char(out, ']');
    mr_buf_char(out, '}');
}
