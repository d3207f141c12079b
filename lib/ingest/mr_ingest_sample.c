/* Of what only a share is kept: a pure function of the line and its id. */
#include "mr_ingest_own.h"

#include <stdlib.h>

/* Spreads the ids evenly, be they times and random bits or digests (the mixing of SplitMix64). */
static uint32_t spread(const struct mr_uuid *id)
{
    uint64_t high, low;
    memcpy(&high, id->bytes, 8);
    memcpy(&low, id->bytes + 8, 8);
    uint64_t z = low + high * UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return (uint32_t)((z ^ z >> 31) >> 32);
}

static bool keeps(struct mr_ingest *ingest, const struct mr_ingest_sample *sample,
                  const struct mr_uuid *id)
{
    bool is_kept = spread(id) < sample->share;
    if (!is_kept)
        ingest->counts[sample->counter].count++;
    return is_kept;
}

static bool fits_number(const struct mr_ingest_sample *sample, double number)
{
    return sample->want == MR_INGEST_NUMBER && number >= sample->minimum &&
           number <= sample->maximum;
}

static bool fits_text(const struct mr_ingest_sample *sample, struct mr_slice text)
{
    return sample->want == MR_INGEST_TEXT && text.data && mr_slice_is(text, sample->text);
}

static bool fits_boolean(const struct mr_ingest_sample *sample, bool value)
{
    return sample->want == MR_INGEST_BOOLEAN && (sample->minimum > 0) == value;
}

/* ---- bodies ---- */

static bool fits_json(const struct mr_ingest_sample *sample, const json_t *value)
{
    if (json_is_string(value))
        return fits_text(sample, mr_slice(json_string_value(value), json_string_length(value)));
    if (json_is_number(value))
        return fits_number(sample, json_number_value(value));
    return json_is_boolean(value) && fits_boolean(sample, json_is_true(value));
}

bool mr_ingest_keeps_body(struct mr_ingest *ingest, const json_t *body, const struct mr_uuid *id)
{
    for (size_t i = 0; ingest && i < ingest->sample_count; i++) {
        const struct mr_ingest_sample *sample = &ingest->samples[i];
        const json_t *value = mr_pointer_find(&sample->pointer, body);
        if (value && fits_json(sample, value))
            return keeps(ingest, sample, id);
    }
    return true;
}

/* ---- lines: the same members, before they are written ---- */

static bool fits_value(const struct mr_ingest_sample *sample, const struct mr_logline_value *value)
{
    char text[64], *end;
    if (!value->is_json)
        return fits_text(sample, value->text);
    if (mr_slice_is(value->text, "true") || mr_slice_is(value->text, "false"))
        return fits_boolean(sample, value->text.data[0] == 't');
    if (value->text.len == 0 || value->text.len >= sizeof text)
        return false;
    memcpy(text, value->text.data, value->text.len);
    text[value->text.len] = '\0';
    double number = strtod(text, &end);
    return *end == '\0' && fits_number(sample, number);
}

static bool fits_attribute(const struct mr_ingest_sample *sample, const struct mr_logline *line)
{
    for (size_t i = line->attribute_count; i-- > 0;) /* the last of a name stands */
        if (mr_slice_is(line->attributes[i].name, sample->pointer.tokens[1]))
            return fits_value(sample, &line->attributes[i].value);
    return false;
}

static bool fits_line(const struct mr_ingest_sample *sample, const struct mr_logline *line)
{
    const struct {
        const char *name;
        struct mr_slice text;
    } texts[] = {{"severity_text", line->severity_text},
                 {"service", line->service},
                 {"host", line->host},
                 {"trace_id", line->trace_id},
                 {"span_id", line->span_id}};
    char **tokens = sample->pointer.tokens;
    if (sample->pointer.count == 2 && strcmp(tokens[0], "attributes") == 0)
        return fits_attribute(sample, line);
    if (sample->pointer.count != 1)
        return false;
    if (strcmp(tokens[0], "severity_number") == 0)
        return line->severity > 0 && fits_number(sample, line->severity);
    if (strcmp(tokens[0], "body") == 0)
        return fits_value(sample, &line->body);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(tokens[0], texts[i].name) == 0)
            return fits_text(sample, texts[i].text);
    return false;
}

bool mr_ingest_keeps_line(struct mr_ingest *ingest, const struct mr_logline *line,
                          const struct mr_uuid *id)
{
    for (size_t i = 0; ingest && i < ingest->sample_count; i++)
        if (fits_line(&ingest->samples[i], line))
            return keeps(ingest, &ingest->samples[i], id);
    return true;
}
