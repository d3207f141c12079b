/* Inside show: the part behind the outcome. */
#ifndef CTL_SHOW_H
#define CTL_SHOW_H

#include "ctl.h"

/* Where a command was decided. */
struct ctl_shown {
    const char *domain;
    int32_t lane;
    struct mr_slice day, account; /* as texts */
};

/* Prints the command's events, whether each is published and loaded, and its rows. */
MR_MUST_CHECK enum mr_status ctl_show_events(struct ctl *ctl, const struct mr_uuid *command,
                                             const struct ctl_shown *shown, struct mr_error *why);

/* Bytes from outside and a new line, so that they cannot move the cursor; a long run is cut. */
void ctl_show_bytes(struct mr_slice bytes);

#endif
