/* A slab with a free list under a list in order of sending. */
#include "mr_kafka_flight.h"

#include "mr_map.h"

#include <assert.h>

#define CHUNK 1024

struct mr_kafka_flight_chunk {
    struct mr_kafka_flight_chunk *next;
    struct mr_kafka_flight flights[CHUNK];
};

void mr_kafka_flights_init(struct mr_kafka_flights *flights, size_t count_max)
{
    *flights = (struct mr_kafka_flights){.count_max = count_max};
}

void mr_kafka_flights_free(struct mr_kafka_flights *flights)
{
    struct mr_kafka_flight_chunk *chunk = flights->chunks;
    while (chunk) {
        struct mr_kafka_flight_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
    *flights = (struct mr_kafka_flights){.count = 0};
}

static void add_chunk(struct mr_kafka_flights *flights)
{
    struct mr_kafka_flight_chunk *chunk = malloc(sizeof *chunk);
    if (!chunk)
        abort();
    chunk->next = flights->chunks;
    flights->chunks = chunk;
    for (size_t i = 0; i < CHUNK; i++) {
        chunk->flights[i].next = flights->spare;
        flights->spare = &chunk->flights[i];
    }
}

struct mr_kafka_flight *mr_kafka_flight_begin(struct mr_kafka_flights *flights, void *opaque)
{
    if (flights->count == flights->count_max)
        return NULL;
    if (!flights->spare)
        add_chunk(flights);
    struct mr_kafka_flight *flight = flights->spare;
    flights->spare = flight->next;
    flight->opaque = opaque;
    DL_APPEND(flights->first, flight);
    flights->count++;
    return flight;
}

void *mr_kafka_flight_end(struct mr_kafka_flights *flights, struct mr_kafka_flight *flight)
{
    assert(flights->count > 0);
    DL_DELETE(flights->first, flight);
    flights->count--;
    flight->next = flights->spare;
    flights->spare = flight;
    return flight->opaque;
}
