/* What the engine asks about command types: the catalogue's schemas; and <domain>.tick, which has
 * none. */
#ifndef RUNTIME_CHECK_H
#define RUNTIME_CHECK_H

#include "engine_ports.h"
#include "mr_catalog.h"

/* catalog is borrowed. */
struct engine_checker runtime_checker(const struct mr_catalog *catalog);

#endif
