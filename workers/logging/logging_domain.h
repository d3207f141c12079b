/* Log lines: facts in OpenTelemetry's log data model. Nothing is decided: a line that fulfils its
 * schema (schemas/logging/line.json) is stored, under the id of its command.
 *
 * An image holds no pointers: the texts stand one after another behind the struct. */
#ifndef LOGGING_DOMAIN_H
#define LOGGING_DOMAIN_H

#include "engine_domain.h"

extern const struct engine_domain logging_domain;

enum logging_row_kind { LOGGING_LINE, LOGGING_ROW_KIND_COUNT };

enum logging_text {
    LOGGING_SEVERITY_TEXT,
    LOGGING_SERVICE,
    LOGGING_HOST,
    LOGGING_BODY,
    LOGGING_ATTRIBUTES, /* the text of a JSON object */
    LOGGING_TEXT_COUNT
};

#define LOGGING_ABSENT      UINT32_MAX
#define LOGGING_SPAN_BYTES  8
#define LOGGING_WORDS_COUNT 4 /* of 64 bits */

struct logging_line {
    int64_t time_us, observed_us; /* Unix microseconds; where has_... */
    /* Which words the body may have: see logging_words_add. logging.search asks for them first. */
    uint64_t words[LOGGING_WORDS_COUNT];
    struct mr_uuid trace_id;
    uint8_t span_id[LOGGING_SPAN_BYTES];
    int32_t severity; /* 1 to 24; 0: not said */
    bool has_time, has_observed, has_trace, has_span;
    bool body_is_json; /* the body is the text of a JSON value, not itself a text */
    uint32_t text_bytes[LOGGING_TEXT_COUNT]; /* LOGGING_ABSENT: there is none */
    char texts[];
};

/* The whole image of a line. */
size_t logging_line_bytes(const struct logging_line *line);
/* Borrowed from the image; absent (data NULL) where there is none. */
struct mr_slice logging_line_text(const struct logging_line *line, enum logging_text text);

/* Adds the words of text to a line's summary. A word is a run of ASCII letters, digits and
 * underscores, its letters in lower case (whatever else is written in other scripts divides words
 * here, so that no folding of theirs is needed). It is one of the 64-bit numbers and three bits of
 * it, by its FNV-1a hash of 32 bits, from the lowest bit: 2 bits the number, then 6 bits each the
 * place of a bit. logging.word_masks (migrations/) computes the same of a query's words: a line
 * that lacks one of the bits lacks the word; one that has them all is looked at. */
void logging_words_add(struct mr_slice text, uint64_t words[LOGGING_WORDS_COUNT]);

/* RFC 3339 to Unix microseconds, what is finer cut off. MR_INVALID: it is no time. */
MR_MUST_CHECK enum mr_status logging_time_parse(struct mr_slice text, int64_t *unix_us);

#endif
