/* Holds what tales send and tell against schemas/reporting (folder in MILLRACE_SCHEMAS). A failed
 * expectation ends the test. */
#ifndef TALE_SCHEMA_H
#define TALE_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>

/* value fulfils the schema called type ("reporting.sample"). */
void tale_schema_check(const char *type, const json_t *value);
bool tale_schema_holds(const char *type, const json_t *value);
/* reporting.sample's schema lists the problem. */
void tale_schema_refusal(const char *problem);

#endif
