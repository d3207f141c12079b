/* How minutes, hours, days, sessions, histories and forecasts lie in Postgres (schema reporting).
 */
#ifndef REPORTING_STORE_H
#define REPORTING_STORE_H

#include "domain_store.h"

extern const struct domain_store reporting_store;

#endif
