/* How log lines lie in schema logging (migrations/): what the runtime copies. No I/O here. */
#ifndef LOGGING_STORE_H
#define LOGGING_STORE_H

#include "domain_store.h"

extern const struct domain_store logging_store;

#endif
