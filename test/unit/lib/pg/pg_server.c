#include "pg_server.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* How the tests' processes learn of the server. */
#define ENV_FOLDER "MR_TEST_PG_FOLDER"
#define ENV_PORT   "MR_TEST_PG_PORT"

static pid_t guard = -1; /* stops the server when our end of its pipe closes */
static int guard_pipe = -1;

static void die(const char *what)
{
    perror(what);
    fprintf(stderr, "the tests of lib/pg need a PostgreSQL server: %s failed\n", what);
    exit(99);
}

/* The newest installed server's programs. */
static void find_programs(char folder[256])
{
    glob_t found;
    double best = 0;
    folder[0] = 0;
    if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) != 0)
        die("finding initdb");
    for (size_t i = 0; i < found.gl_pathc; i++) {
        double version = strtod(found.gl_pathv[i] + strlen("/usr/lib/postgresql/"), NULL);
        if (version > best) {
            best = version;
            snprintf(folder, 256, "%.*s", (int)strlen(found.gl_pathv[i]) - 7, found.gl_pathv[i]);
        }
    }
    globfree(&found);
}

/* initdb and postgres refuse root: then it is user postgres. */
static struct passwd *server_user(void)
{
    return geteuid() == 0 ? getpwnam("postgres") : NULL;
}

/* Runs a program to its end, output to the folder's log. Returns its exit status. */
static int run(const char *log, const char *const argv[])
{
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        struct passwd *user = server_user();
        int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0666);
        if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
            _exit(98);
        if (user && (initgroups(user->pw_name, user->pw_gid) != 0 || setgid(user->pw_gid) != 0 ||
                     setuid(user->pw_uid) != 0))
            _exit(97);
        if (chdir("/") != 0)
            _exit(96);
        execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(95);
    }
    int status = 0;
    if (waitpid(pid, &status, 0) != pid)
        die("waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        die("finding a free port");
    close(fd);
    return ntohs(at.sin_port);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void stop(const char *programs, const char *folder)
{
    char ctl[300], data[300], log[300];
    snprintf(ctl, sizeof ctl, "%s/pg_ctl", programs);
    snprintf(data, sizeof data, "%s/data", folder);
    snprintf(log, sizeof log, "%s/log", folder);
    const char *argv[] = {ctl, "-D", data, "-w", "-s", "-m", "immediate", "stop", NULL};
    run(log, argv);
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A process that only waits for us to end, however we end. */
static void start_guard(const char *programs, const char *folder)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        die("pipe");
    guard = fork();
    if (guard < 0)
        die("fork");
    if (guard == 0) {
        char byte;
        setsid(); /* a Ctrl-C is for the tests */
        close(ends[1]);
        while (read(ends[0], &byte, 1) > 0)
            ;
        stop(programs, folder);
        _exit(0);
    }
    close(ends[0]);
    guard_pipe = ends[1];
}

static void start(void)
{
    char programs[256], folder[] = "/tmp/mr-test-pg-XXXXXX", path[300], data[300], log[300];
    char server_log[300], options[512], port[16];
    find_programs(programs);
    if (!mkdtemp(folder))
        die("mkdtemp");
    struct passwd *user = server_user();
    if (user && chown(folder, user->pw_uid, user->pw_gid) != 0)
        die("chown");
    snprintf(data, sizeof data, "%s/data", folder);
    snprintf(log, sizeof log, "%s/log", folder);
    snprintf(server_log, sizeof server_log, "%s/server.log", folder);
    snprintf(path, sizeof path, "%s/initdb", programs);
    const char *initdb[] = {path,    "-D",   data,        "-A",
                            "trust", "-U",   "millrace",  "--no-locale",
                            "-E",    "UTF8", "--no-sync", "--no-instructions",
                            NULL};
    if (run(log, initdb) != 0)
        die("initdb");
    start_guard(programs, folder);
    snprintf(path, sizeof path, "%s/pg_ctl", programs);
    for (int attempt = 0;; attempt++) {
        snprintf(port, sizeof port, "%d", free_port());
        snprintf(options, sizeof options,
                 "-p %s -k %s -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=60 "
                 "-c shared_buffers=16MB -c log_min_messages=fatal",
                 port, folder);
        const char *argv[] = {path, "-D", data,    "-l",    server_log, "-w",
                              "-s", "-o", options, "start", NULL};
        if (run(log, argv) == 0)
            break;
        if (attempt == 3) /* another took the port each time: not likely */
            die("pg_ctl start");
    }
    setenv(ENV_FOLDER, folder, 1);
    setenv(ENV_PORT, port, 1);
}

ReportHook(PRE_ALL)(struct criterion_test_set *tests)
{
    (void)tests;
    start();
}

ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
    (void)stats;
    close(guard_pipe);
    waitpid(guard, NULL, 0);
}

static const char *env(const char *name)
{
    const char *value = getenv(name);
    cr_assert(value, "%s is set before all tests", name);
    return value;
}

int pg_server_port(void)
{
    return atoi(env(ENV_PORT));
}

void pg_conninfo_tcp(const char *name, const char *host, char conninfo[PG_CONNINFO_BYTES])
{
    snprintf(conninfo, PG_CONNINFO_BYTES, "host=%s port=%s user=millrace dbname=%s", host,
             env(ENV_PORT), name);
}

const char *pg_run(const char *conninfo, const char *sql)
{
    static char value[256];
    struct mr_pg_session *session;
    struct mr_pg_result *result;
    struct mr_error why;
    cr_assert_eq(mr_pg_session_open(conninfo, "test", &session, &why), MR_OK, "%s", why.text);
    cr_assert_eq(mr_pg_session_exec_text(session, sql, NULL, &result, &why), MR_OK, "%s: %s", sql,
                 why.text);
    value[0] = 0;
    if (mr_pg_result_rows(result) > 0 && mr_pg_result_columns(result) > 0)
        snprintf(value, sizeof value, "%.*s", MR_SLICE_FMT(mr_pg_result_text(result, 0, 0)));
    mr_pg_result_free(result);
    mr_pg_session_close(session);
    return value;
}

void pg_database(const char *name, char conninfo[PG_CONNINFO_BYTES])
{
    char sql[128];
    pg_conninfo_tcp("postgres", env(ENV_FOLDER), conninfo);
    snprintf(sql, sizeof sql, "CREATE DATABASE %s", name);
    pg_run(conninfo, sql);
    pg_conninfo_tcp(name, env(ENV_FOLDER), conninfo);
}
