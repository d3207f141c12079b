/* A real Kafka broker for tests: KRaft, one node, free ports, a temporary folder that goes with it.
 * The jars lie in $MILLRACE_KAFKA_LIBS, by default in .cache/kafka/lib of the source tree.
 * Whatever fails aborts with a sentence on standard error. */
#ifndef KAFKA_BROKER_H
#define KAFKA_BROKER_H

#include <sys/types.h>

struct kafka_broker {
    char dir[64];
    char address[32]; /* "127.0.0.1:port" */
    int port, controller_port;
    pid_t pid; /* 0: not running */
};

/* Formats, starts and waits until the broker answers. */
void kafka_broker_start(struct kafka_broker *broker);
/* kill -9, and with it nothing of the data; again starts it on the same data and ports. */
void kafka_broker_kill(struct kafka_broker *broker);
void kafka_broker_again(struct kafka_broker *broker);
/* SIGSTOP and SIGCONT. */
void kafka_broker_freeze(struct kafka_broker *broker);
void kafka_broker_thaw(struct kafka_broker *broker);
/* Kills it and removes the folder. */
void kafka_broker_stop(struct kafka_broker *broker);

/* Starts a broker, exports its address for the tests (kafka_broker_address), runs them all and
 * stops it: the body of main of a test program. */
int kafka_broker_run_tests(int argc, char **argv);
const char *kafka_broker_address(void);

#endif
