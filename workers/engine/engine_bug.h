/* The simulator's negative control: bugs that are compiled in only with MR_BUGS (a build of the
 * engine that no program links) and switched on one at a time, to show that the simulator sees
 * them. In the product ENGINE_BUG is the constant false. */
#ifndef ENGINE_BUG_H
#define ENGINE_BUG_H

#include <stdbool.h>

enum engine_bug_kind {
    ENGINE_BUG_NONE,
    ENGINE_BUG_NO_FENCE,          /* a claim's missed row is not seen */
    ENGINE_BUG_BLIND_COMMIT,      /* a COMMIT without an answer is retried without asking */
    ENGINE_BUG_EARLY_PUBLISH,     /* events leave before the commit is known */
    ENGINE_BUG_PUBLISHED_ON_SEND, /* published moves when an event is sent */
    ENGINE_BUG_TAKE_AHEAD,        /* the loader takes an event whose predecessor is missing */
    ENGINE_BUG_KEY_NOT_HELD,      /* commands behind a parked one are decided */
    ENGINE_BUG_TICK_TWICE,        /* a tick that was applied is not told from a new one */
    ENGINE_BUG_SEEN_SKIPPED,      /* nor a command of which the id is kept */
    ENGINE_BUG_FACT_TWICE,        /* nor a fact */
    ENGINE_BUG_KINDS
};

#ifdef MR_BUGS
extern enum engine_bug_kind engine_bug; /* set by the simulator before a run */
#define ENGINE_BUG(kind) (engine_bug == ENGINE_BUG_##kind)
#else
#define ENGINE_BUG(kind) false
#endif

#endif
