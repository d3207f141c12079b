/* What Prometheus' clients tell of every process, read from /proc when somebody asks. */
#include "mr_metrics.h"

#include "mr_clock.h"
#include "mr_config.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* Lives as long as the registry, which frees it. */
struct process {
    struct mr_counter *cpu;
    struct mr_gauge *resident, *fds;
};

static double resident_bytes(void)
{
    unsigned long long total, resident;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f)
        return 0;
    int n = fscanf(f, "%llu %llu", &total, &resident);
    fclose(f);
    return n == 2 ? (double)resident * (double)sysconf(_SC_PAGESIZE) : 0;
}

static double open_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return 0;
    double count = -3; /* ".", ".." and the folder's own */
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static void refresh(void *data)
{
    struct process *p = data;
    p->cpu->value = (double)mr_clock_cpu_ns() / 1e9;
    mr_gauge_set(p->resident, resident_bytes());
    mr_gauge_set(p->fds, open_fds());
}

void mr_metrics_process(struct mr_metrics *metrics, const char *program)
{
    struct process *p = mr_metrics_keep(metrics, sizeof *p);
    p->cpu = mr_metrics_counter(metrics, "process_cpu_seconds_total",
                                "User and system CPU time of the process", NULL);
    p->resident = mr_metrics_gauge(metrics, "process_resident_memory_bytes",
                                   "Resident memory of the process", NULL);
    p->fds = mr_metrics_gauge(metrics, "process_open_fds", "Open file descriptors", NULL);
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        mr_gauge_set(mr_metrics_gauge(metrics, "process_max_fds",
                                      "Most file descriptors that may be open", NULL),
                     (double)limit.rlim_cur);
    mr_gauge_set(mr_metrics_gauge(metrics, "process_start_time_seconds",
                                  "When the process began, Unix time", NULL),
                 (double)mr_clock_wall_ms() / 1000);
    mr_gauge_set(
        mr_metrics_gauge(metrics, "millrace_build_info", "Which program this is",
                         MR_LABELS({"program", program}, {"version", mr_config_version()})),
        1);
    mr_metrics_on_render(metrics, refresh, p);
}
