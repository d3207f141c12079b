/* millrace-sim: walks from many seeds, one seed with its trace, or the search for the seeded bugs.
 */
#include "sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const char usage[] =
    "usage: millrace-sim [--seeds=N] [--first=S]   N walks from seed S on (1000 from 1)\n"
    "       millrace-sim --seed=S                  one walk with its trace\n"
    "       millrace-sim --bug=NAME [--seeds=N] [--first=S]\n"
    "                                              until the bug is caught (builds with bugs)\n"
    "exit status: 0 nothing was violated (with --bug: it was caught), 1 otherwise, 2 usage\n";

struct options {
    uint64_t seeds, first, seed;
    bool one;
    const char *bug;
};

static bool number(const char *arg, const char *name, uint64_t *out)
{
    size_t n = strlen(name);
    char *end;
    if (strncmp(arg, name, n) != 0)
        return false;
    *out = strtoull(arg + n, &end, 10);
    return arg[n] && !*end;
}

static bool parse(int argc, char **argv, struct options *o)
{
    *o = (struct options){.seeds = 1000, .first = 1};
    for (int i = 1; i < argc; i++) {
        if (number(argv[i], "--seeds=", &o->seeds) || number(argv[i], "--first=", &o->first))
            continue;
        if (number(argv[i], "--seed=", &o->seed))
            o->one = true;
        else if (strncmp(argv[i], "--bug=", 6) == 0)
            o->bug = argv[i] + 6;
        else
            return false;
    }
    return true;
}

#ifdef MR_BUGS
static bool set_bug(const char *name)
{
    static const char *const names[ENGINE_BUG_KINDS] = {
        [ENGINE_BUG_NO_FENCE] = "no-fence",
        [ENGINE_BUG_BLIND_COMMIT] = "blind-commit",
        [ENGINE_BUG_EARLY_PUBLISH] = "early-publish",
        [ENGINE_BUG_PUBLISHED_ON_SEND] = "published-on-send",
        [ENGINE_BUG_TAKE_AHEAD] = "take-ahead",
        [ENGINE_BUG_KEY_NOT_HELD] = "key-not-held",
        [ENGINE_BUG_TICK_TWICE] = "tick-twice",
        [ENGINE_BUG_SEEN_SKIPPED] = "seen-skipped",
        [ENGINE_BUG_FACT_TWICE] = "fact-twice",
    };
    for (int i = 1; i < ENGINE_BUG_KINDS; i++)
        if (strcmp(names[i], name) == 0) {
            engine_bug = (enum engine_bug_kind)i;
            return true;
        }
    return false;
}
#else
static bool set_bug(const char *name)
{
    (void)name;
    return false;
}
#endif

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int walk_many(const struct options *o)
{
    struct sim_result r;
    uint64_t steps = 0, commits = 0, faults = 0, ticks = 0, facts = 0, violated = 0, done = 0;
    double began = seconds();
    for (uint64_t i = 0; i < o->seeds; i++) {
        uint64_t seed = o->first + i;
        sim_run(seed, false, &r);
        done++;
        steps += r.steps;
        commits += r.commits;
        faults += r.faults;
        ticks += r.ticks;
        facts += r.facts;
        if (!r.bad[0])
            continue;
        violated++;
        printf("seed %" PRIu64 ": %s\n", seed, r.bad);
        if (o->bug || violated == 5)
            break;
    }
    double took = seconds() - began;
    if (o->bug) {
        printf("%s: %s after %" PRIu64 " walks, %.1f s\n", o->bug,
               violated ? "caught" : "NOT caught", done, took);
        return violated ? 0 : 1;
    }
    printf("%" PRIu64 " walks, %" PRIu64 " steps, %" PRIu64 " commits, %" PRIu64 " faults, %" PRIu64
           " ticks, %" PRIu64 " facts, %" PRIu64 " violations, %.0f walks a minute\n",
           done, steps, commits, faults, ticks, facts, violated, (double)done * 60 / took);
    if (violated)
        printf("a trace: millrace-sim --seed=SEED\n");
    return violated ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct options o;
    struct sim_result r;
    if (!parse(argc, argv, &o) || (o.bug && !set_bug(o.bug))) {
        fputs(usage, stderr);
        return 2;
    }
    if (!o.one)
        return walk_many(&o);
    sim_run(o.seed, true, &r);
    printf("%s\n", r.bad[0] ? r.bad : "nothing was violated");
    return r.bad[0] ? 1 : 0;
}
