/* The simulator's own domain: all that the engine has and billing does not use. Commands of which
 * the id is kept add to an account's open sum, facts are stored, ticks close what is due. Pure.
 *
 *   tally.add         amount to the open sum, kept whole, told in an event
 *   tally.count       the same, only its id is kept, no event
 *   tally.fact        a fact: its amount in a row
 *   tally.tick        moves open sums that are due to their totals, told in an event each
 *   tally.late_...    the same, known after the deploy
 * An amount of 0 is refused. */
#ifndef SIM_TALLY_H
#define SIM_TALLY_H

#include "engine_ports.h"

enum { TALLY_OPEN, TALLY_TOTAL }; /* kinds; both have the account's id as theirs */
enum { TALLY_FACT };              /* row kinds: an int64_t, the amount */

struct tally_sum {
    int64_t amount;
    int64_t due_ms; /* of an open one that is not 0: when it is to be closed */
};

#define TALLY_OPEN_MS 1000 /* how long a sum stays open */
#define TALLY_TICK_MS 1500

extern const struct engine_domain tally_domain, tally_domain_old;

enum engine_keep tally_keep(const struct mr_ce_command *ce);

#endif
