/* Java is started and ended by its pid; it dies with the test program whatever happens to that. */
#include "kafka_broker.h"

#include "mr_kafka_admin.h"
#include "mr_kafka_conf.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MS 90000
#define ADDRESS  "MILLRACE_TEST_BROKER"

static void die(const char *fmt, ...) MR_PRINTF(1, 2) __attribute__((noreturn));

static void die(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("test broker: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    abort();
}

static int free_port(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        die("no free port");
    close(fd);
    return ntohs(address.sin_port);
}

static const char properties[] =
    "process.roles=broker,controller\n"
    "node.id=1\n"
    "controller.quorum.voters=1@127.0.0.1:%2$d\n"
    "listeners=PLAINTEXT://127.0.0.1:%1$d,CONTROLLER://127.0.0.1:%2$d\n"
    "advertised.listeners=PLAINTEXT://127.0.0.1:%1$d\n"
    "controller.listener.names=CONTROLLER\n"
    "listener.security.protocol.map="
    "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\n"
    "inter.broker.listener.name=PLAINTEXT\n"
    "log.dirs=%3$s/data\n"
    "offsets.topic.num.partitions=1\n"
    "offsets.topic.replication.factor=1\n"
    "transaction.state.log.num.partitions=1\n"
    "transaction.state.log.replication.factor=1\n"
    "transaction.state.log.min.isr=1\n"
    "group.initial.rebalance.delay.ms=0\n"
    "group.min.session.timeout.ms=1000\n"
    "auto.create.topics.enable=false\n";

static const char log_properties[] =
    "log4j.rootLogger=INFO, stdout\n"
    "log4j.appender.stdout=org.apache.log4j.ConsoleAppender\n"
    "log4j.appender.stdout.layout=org.apache.log4j.PatternLayout\n"
    "log4j.appender.stdout.layout.ConversionPattern=[%d] %p %m (%c)%n\n";

static FILE *create(const struct kafka_broker *broker, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", broker->dir, name);
    FILE *file = fopen(path, "we");
    if (!file)
        die("cannot write %s", path);
    return file;
}

static void write_files(const struct kafka_broker *broker)
{
    FILE *file = create(broker, "server.properties");
    fprintf(file, properties, broker->port, broker->controller_port, broker->dir);
    fclose(file);
    file = create(broker, "log4j.properties");
    fputs(log_properties, file);
    fclose(file);
}

/* In the child: java with the jars, logging to a file of the folder. */
static void become_java(const struct kafka_broker *broker, char **tail)
{
    char log[128], classes[4096], log4j[128];
    const char *libs = getenv("MILLRACE_KAFKA_LIBS");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0); /* a Ctrl-C goes to the tests, which end it */
    snprintf(log, sizeof log, "%s/server.log", broker->dir);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    snprintf(classes, sizeof classes, "%s/*", libs && *libs ? libs : KAFKA_LIBS_DEFAULT);
    snprintf(log4j, sizeof log4j, "-Dlog4j.configuration=file:%s/log4j.properties", broker->dir);
    char *argv[16] = {"java", "-Xmx384m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", log4j,
                      "-cp",  classes};
    for (int i = 0; tail[i]; i++)
        argv[7 + i] = tail[i];
    execvp("java", argv);
    _exit(127);
}

static pid_t spawn(const struct kafka_broker *broker, char **tail)
{
    pid_t pid = fork();
    if (pid < 0)
        die("cannot fork");
    if (pid == 0)
        become_java(broker, tail);
    return pid;
}

static void show_log(const struct kafka_broker *broker)
{
    char command[160];
    snprintf(command, sizeof command, "tail -n 30 %s/server.log >&2", broker->dir);
    if (system(command) != 0)
        fputs("(no log)\n", stderr);
}

static void format(const struct kafka_broker *broker)
{
    char path[128];
    int status;
    snprintf(path, sizeof path, "%s/server.properties", broker->dir);
    pid_t pid = spawn(broker, (char *[]){"kafka.tools.StorageTool", "format", "-t",
                                         "AAAAAAAAQACAAAAAAAAAAQ", "-c", path, NULL});
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        show_log(broker);
        die("formatting failed; are the jars in MILLRACE_KAFKA_LIBS or %s?", KAFKA_LIBS_DEFAULT);
    }
}

void kafka_broker_again(struct kafka_broker *broker)
{
    char path[128];
    snprintf(path, sizeof path, "%s/server.properties", broker->dir);
    broker->pid = spawn(broker, (char *[]){"kafka.Kafka", path, NULL});
    struct mr_error why;
    struct mr_kafka_conf *conf;
    struct mr_kafka_admin *admin;
    int32_t brokers;
    struct mr_kafka_conf_settings settings = {.brokers = broker->address};
    if (mr_kafka_conf_new(&settings, &conf, &why) != MR_OK ||
        mr_kafka_admin_new(conf, &admin, &why) != MR_OK)
        die("%s", why.text);
    mr_kafka_admin_timeout(admin, START_MS);
    if (mr_kafka_admin_brokers(admin, &brokers, &why) != MR_OK) {
        show_log(broker);
        die("does not answer: %s", why.text);
    }
    mr_kafka_admin_free(admin);
    mr_kafka_conf_free(conf);
}

void kafka_broker_start(struct kafka_broker *broker)
{
    *broker = (struct kafka_broker){.pid = 0};
    snprintf(broker->dir, sizeof broker->dir, "/tmp/millrace-kafka-XXXXXX");
    if (!mkdtemp(broker->dir))
        die("cannot make %s", broker->dir);
    broker->port = free_port();
    broker->controller_port = free_port();
    snprintf(broker->address, sizeof broker->address, "127.0.0.1:%d", broker->port);
    write_files(broker);
    format(broker);
    kafka_broker_again(broker);
}

void kafka_broker_kill(struct kafka_broker *broker)
{
    if (!broker->pid)
        return;
    kill(broker->pid, SIGKILL);
    waitpid(broker->pid, NULL, 0);
    broker->pid = 0;
}

void kafka_broker_freeze(struct kafka_broker *broker)
{
    if (kill(broker->pid, SIGSTOP) != 0)
        die("cannot be frozen");
}

void kafka_broker_thaw(struct kafka_broker *broker)
{
    kill(broker->pid, SIGCONT);
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    (void)stat, (void)type, (void)ftw;
    return remove(path);
}

void kafka_broker_stop(struct kafka_broker *broker)
{
    kafka_broker_kill(broker);
    nftw(broker->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *kafka_broker_address(void)
{
    const char *address = getenv(ADDRESS);
    if (!address)
        die("is not running");
    return address;
}

int kafka_broker_run_tests(int argc, char **argv)
{
    struct kafka_broker broker = {.pid = 0};
    struct criterion_test_set *tests = criterion_initialize();
    int failed = 0;
    if (criterion_handle_args(argc, argv, true)) {
        kafka_broker_start(&broker);
        setenv(ADDRESS, broker.address, 1);
        failed = !criterion_run_all_tests(tests);
        kafka_broker_stop(&broker);
    }
    criterion_finalize(tests);
    return failed;
}
