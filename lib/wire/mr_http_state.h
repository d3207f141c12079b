/* The state that the parts of mr_http_parse share: mr_http_parse.c has the line and the fields,
 * mr_http_body.c what follows the head. */
#ifndef MR_HTTP_STATE_H
#define MR_HTTP_STATE_H

#include "mr_http_chars.h"
#include "mr_http_parse.h"

enum mr_http_state {
    START,
    START_LF,
    METHOD,
    TARGET,
    VERSION,
    LINE_LF,
    FIELD_START,
    FIELD_NAME,
    VALUE_SPACE,
    VALUE,
    FIELD_LF,
    SECTION_LF,
    LENGTH_DATA,
    CHUNK_SIZE,
    CHUNK_SPACE,
    CHUNK_EXTENSION,
    CHUNK_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CLOSED,
    /* These have something to say without any input. */
    BODY_BEGIN,
    DONE,
    ERROR,
    STATES
};

/* Of a line or a section: what of it is left, and the status when it is used up. */
struct mr_http_budget {
    uint64_t left, max;
    bool fresh; /* set in this very step, whose bytes belong to what was before */
    int32_t status;
    const char *name;
};

struct mr_http_span {
    uint32_t name, name_len, value, value_len; /* in head */
};

struct mr_http_parse {
    /* For the connection. */
    struct mr_http_limits limits;
    char *head; /* the current head's texts, one behind the other */
    uint32_t head_size;

    /* For the message; head_len <= head_size. */
    enum mr_http_state state;
    uint32_t head_len;
    uint32_t method_len, target_len, version_len;
    uint32_t field_count; /* of the section: header, later trailers */
    bool in_trailers;
    bool blank_seen; /* one empty line before the request line was let pass */
    struct mr_http_budget budget;
    uint64_t body_bytes_max;
    uint64_t body_bytes; /* announced so far */
    uint64_t data_left;  /* of the body, or of the chunk */
    uint32_t chunk_digits;
    uint32_t extensions_left;
    struct mr_http_span spans[MR_HTTP_FIELDS_MAX];
    struct mr_http_field fields[MR_HTTP_FIELDS_MAX];
    struct mr_http_request request;

    /* For the call. */
    enum mr_http_event event;
    struct mr_slice piece;

    struct mr_http_error error;
};

/* Ends the message with a sentence; evaluates to at, as all state functions return. */
#define mr_http_refuse(p, at, code, ...)                                                           \
    ((void)mr_fail(&(p)->error.text, MR_INVALID, __VA_ARGS__),                                     \
     mr_http_state_fail((p), (at), (code)))

static inline const char *mr_http_state_fail(struct mr_http_parse *p, const char *at,
                                             int32_t status)
{
    p->error.status = status;
    p->state = ERROR;
    p->event = MR_HTTP_ERROR;
    return at;
}

/* For a byte that may not stand where it does. */
const char *mr_http_state_refuse_byte(struct mr_http_parse *p, const char *at, const char *where);

static inline const char *mr_http_state_lf(struct mr_http_parse *p, const char *at,
                                           enum mr_http_state next)
{
    if (*at != '\n')
        return mr_http_refuse(p, at, 400, "There is a bare CR: lines end with CRLF.");
    p->state = next;
    return at + 1;
}

static inline void mr_http_state_budget(struct mr_http_parse *p, uint64_t max, int32_t status,
                                        const char *name)
{
    p->budget = (struct mr_http_budget){
        .left = max, .max = max, .fresh = true, .status = status, .name = name};
}

/* Where nothing but the body's own length bounds what comes. */
static inline void mr_http_state_budget_none(struct mr_http_parse *p)
{
    mr_http_state_budget(p, UINT64_MAX, 0, "");
}

/* The end of the longest run of characters of a class. */
static inline const char *mr_http_state_run(const char *at, const char *end, unsigned class)
{
    while (at < end && mr_http_char_is(*at, class))
        at++;
    return at;
}

/* A state's function takes a run of at .. end, at least one byte but in BODY_BEGIN, DONE and
 * ERROR, and returns where the rest begins. */
typedef const char *mr_http_state_function(struct mr_http_parse *p, const char *at,
                                           const char *end);

mr_http_state_function mr_http_body_begin, mr_http_body_length_data, mr_http_body_chunk_size,
    mr_http_body_chunk_space, mr_http_body_chunk_extension, mr_http_body_chunk_lf,
    mr_http_body_chunk_data, mr_http_body_chunk_data_cr, mr_http_body_chunk_data_lf;

#endif
