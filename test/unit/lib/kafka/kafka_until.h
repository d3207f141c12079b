/* Awaiting what happens on a loop, with a deadline; no sleeps. */
#ifndef KAFKA_UNTIL_H
#define KAFKA_UNTIL_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

/* Runs the loop until is(data), or false after ms. */
bool kafka_until(uv_loop_t *loop, bool (*is)(void *data), void *data, uint64_t ms);
/* Until *count >= want. */
bool kafka_until_count(uv_loop_t *loop, const uint64_t *count, uint64_t want, uint64_t ms);
/* Closing callbacks count here. */
void kafka_count_one(void *count);

#endif
