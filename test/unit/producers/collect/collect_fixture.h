/* A pipe over a log of our own, which keeps what it is sent and reports when the test says so. */
#ifndef COLLECT_FIXTURE_H
#define COLLECT_FIXTURE_H

#include "collect_pipe.h"

#define SENT_MAX 4096

struct world {
    struct mr_loop loop;
    struct mr_log log;
    struct mr_metrics *metrics;
    struct mr_catalog *catalog;
    struct collect_pipe *pipe;
    /* the log */
    json_t *bodies[SENT_MAX];
    void *opaque[SENT_MAX];
    size_t sent, reported;
    bool answers; /* what is sent is reported STORED in the next turn */
    void (*on_closed)(void *owner);
    void *closed_owner;
    unsigned rooms;
    void (*on_room)(void *data); /* of the test; may be NULL */
    void *data;
};

extern struct world world;

void world_open(uint32_t in_flight_max);
/* Everything else of the test is closed by now. */
void world_close(void);
void world_report(enum mr_kafka_outcome outcome, enum mr_status status);
/* Turns the loop until so many were sent. */
void world_until_sent(size_t count);
void world_turn(void);
/* The text of a body's member. */
const char *world_text(size_t sent, const char *name);
/* A metric's line begins so, with this value. */
double world_metric(const char *line);

#endif
