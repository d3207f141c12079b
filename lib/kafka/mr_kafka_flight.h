/* Inside lib/kafka: the messages that a producer owes a report for, oldest first. It is what lets a
 * failed instance be left behind without losing track of anyone. */
#ifndef MR_KAFKA_FLIGHT_H
#define MR_KAFKA_FLIGHT_H

#include <stddef.h>

struct mr_kafka_flight {
    void *opaque;
    struct mr_kafka_flight *next, *prev; /* in order of sending, or of the free ones */
};

struct mr_kafka_flight_chunk;

struct mr_kafka_flights {
    struct mr_kafka_flight *first; /* a utlist: first->prev is the last */
    size_t count;
    size_t count_max;
    struct mr_kafka_flight *spare;
    struct mr_kafka_flight_chunk *chunks; /* addresses stay, librdkafka keeps them */
};

void mr_kafka_flights_init(struct mr_kafka_flights *flights, size_t count_max);
void mr_kafka_flights_free(struct mr_kafka_flights *flights);
/* NULL when count_max are there. */
struct mr_kafka_flight *mr_kafka_flight_begin(struct mr_kafka_flights *flights, void *opaque);
/* Returns the opaque; flight is spare from now on. */
void *mr_kafka_flight_end(struct mr_kafka_flights *flights, struct mr_kafka_flight *flight);

#endif
