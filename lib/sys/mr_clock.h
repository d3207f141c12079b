/* The two clocks. Wall time is for what leaves the process; it may jump. Monotonic time is for
 * durations and deadlines, and starts anywhere. Callable from any thread. */
#ifndef MR_CLOCK_H
#define MR_CLOCK_H

#include <stdint.h>

/* Unix milliseconds, UTC. */
int64_t mr_clock_wall_ms(void);
int64_t mr_clock_mono_ms(void);
uint64_t mr_clock_mono_ns(void);
/* CPU time of the whole process, user and system. */
uint64_t mr_clock_cpu_ns(void);

#endif
