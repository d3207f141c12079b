/* A record of the log made ready for a batch: its headers read, its hash taken, its body checked.
 * This happens as the record arrives, while an earlier batch commits. */
#ifndef ENGINE_COMMAND_H
#define ENGINE_COMMAND_H

#include "engine_ports.h"

struct engine_command {
    struct engine_command *prev, *next; /* in its lane's queue (utlist) */
    struct engine_record record;        /* its bytes lie behind the struct, each text with a NUL */
    size_t bytes;                       /* of the record: what it counts in a batch */
    size_t memory_bytes;                /* what it takes here, roughly */

    const char
        *quarantine; /* cause, when it is not a command of this lane; the rest is void then. A fact
                      * or a tick whose body breaks its schema has one too, besides `invalid` */
    struct mr_ce_command ce;       /* slices into record */
    struct mr_digest hash;         /* not of a fact, of which none is kept */
    int32_t day;                   /* of its append time */
    bool is_tick;                  /* of this lane */
    bool known;                    /* the domain decides this type */
    enum engine_keep keep;         /* FULL while the type is not known */
    bool only_its_day;             /* as in engine_lookup */
    const void *body;              /* NULL: unknown type, or invalid */
    struct engine_refusal invalid; /* problem set: the body breaks its schema */
    int64_t due_ms;                /* of a tick whose body is good */
    json_t *json;                  /* NULL: none, or the domain reads copies */
    struct mr_arena arena;
};

/* Copies the record and makes it ready. Owned by the caller; free with engine_command_free.
 * lanes: the domain's lane count. */
struct engine_command *engine_command_new(const struct engine_record *record,
                                          const struct engine_domain *domain, int32_t lanes,
                                          const struct engine_checker *checker);
/* What it is decided on. */
struct engine_input engine_command_input(const struct engine_command *command);
/* What last_record becomes once the command is passed. */
struct mr_digest128 engine_command_digest(const struct engine_command *command);
void engine_command_free(struct engine_command *command);

#endif
