/* How billing's images lie in schema billing (migrations/): what the runtime runs. No I/O here. */
#ifndef BILLING_STORE_H
#define BILLING_STORE_H

#include "domain_store.h"

extern const struct domain_store billing_store;

#endif
