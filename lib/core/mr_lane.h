/* Which lane (partition) a key belongs to: murmur2 as every Java producer does (Kafka's
 * BuiltInPartitioner), so that any producer of the topic agrees. */
#ifndef MR_LANE_H
#define MR_LANE_H

#include "mr_slice.h"
#include <stdint.h>

/* lanes > 0; the result lies in 0 .. lanes - 1. */
int32_t mr_lane_of(struct mr_slice key, int32_t lanes);

#endif
