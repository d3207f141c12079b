/* One broker for all tests of a program. */
#include "kafka_broker.h"

int main(int argc, char **argv)
{
    return kafka_broker_run_tests(argc, argv);
}
