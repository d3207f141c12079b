/* The names of the headers, and what can be wrong with each; shared by building and reading. */
#ifndef MR_CLOUDEVENT_NAMES_H
#define MR_CLOUDEVENT_NAMES_H

#include "mr_cloudevent.h"

#define MR_CE_SOURCE_BYTES_MAX 80
#define MR_CE_SEQUENCE_DIGITS  19
#define MR_CE_JSON_TYPE        "application/json"

enum mr_ce_name {
    MR_CE_SPECVERSION,
    MR_CE_ID,
    MR_CE_SOURCE,
    MR_CE_TYPE,
    MR_CE_SUBJECT,
    MR_CE_SUBJECTVERSION,
    MR_CE_TIME,
    MR_CE_SEQUENCE,
    MR_CE_CAUSATIONID,
    MR_CE_ACCOUNT,
    MR_CE_PRINCIPAL,
    MR_CE_CONTENT_TYPE,
    MR_CE_TRACEPARENT,
    MR_CE_TRACESTATE,
    MR_CE_KNOWN
};

/* A name, with the static texts that its header can be quarantined for. */
struct mr_ce_known {
    const char *name;
    size_t name_len;
    const char *missing, *twice, *no_uuid, *no_time, *no_text, *no_fit;
};

extern const struct mr_ce_known mr_ce_known[MR_CE_KNOWN];

/* 1 to MR_CE_TEXT_BYTES_MAX bytes of UTF-8 without control characters. */
bool mr_ce_text_is_valid(struct mr_slice s);
/* Whether a record may carry it: 1970 to 9999. */
bool mr_ce_time_is_valid(int64_t time_ms);

#endif
