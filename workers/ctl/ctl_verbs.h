/* The one table of verbs; each has a file of its own, or shares it with its siblings. */
#ifndef CTL_VERBS_H
#define CTL_VERBS_H

#include "ctl.h"

extern const struct ctl_verb ctl_migrate;
extern const struct ctl_verb ctl_topics_create;
extern const struct ctl_verb ctl_keys_create, ctl_keys_list, ctl_keys_revoke;
extern const struct ctl_verb ctl_lanes_list, ctl_lanes_set_position;
extern const struct ctl_verb ctl_parked_list, ctl_parked_retry, ctl_parked_drop;
extern const struct ctl_verb ctl_lag, ctl_status, ctl_show, ctl_verify;
extern const struct ctl_verb ctl_warehouse_set_position;

#endif
