/* Holds what stories send and tell against schemas/billing (folder in MILLRACE_SCHEMAS): a rule
 * that answers with a problem that its schema does not list, or tells what the event's schema does
 * not allow, fails its test. */
#ifndef STORY_SCHEMA_H
#define STORY_SCHEMA_H

#include <jansson.h>

void story_schema_body(const char *type, const json_t *body);
void story_schema_event(const char *type, const json_t *data);
void story_schema_refusal(const char *type, const char *problem);

#endif
