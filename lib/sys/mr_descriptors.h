/* How many descriptors the process may have open: systems give a program few at first and let it
 * ask for more, up to a bound of the operator's. */
#ifndef MR_DESCRIPTORS_H
#define MR_DESCRIPTORS_H

#include <stdint.h>

/* Raises the limit to want, or as far as it may be raised; never lowers it. The limit from now on.
 */
uint64_t mr_descriptors_raise(uint64_t want);

#endif
