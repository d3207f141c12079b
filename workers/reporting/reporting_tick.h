/* The tick: what it looks at, and what it does. Private to reporting. */
#ifndef REPORTING_TICK_H
#define REPORTING_TICK_H

#include "reporting_domain.h"

struct reporting_effects;

void reporting_tick_keys(struct engine_keys *keys);
void reporting_tick_keys_after(const struct engine_state *state, const struct engine_input *input,
                               struct engine_keys *keys);
enum engine_verdict reporting_tick_decide(const struct engine_state *state,
                                          struct reporting_effects *out);

#endif
