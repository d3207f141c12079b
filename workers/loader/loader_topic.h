/* One topic that is loaded: its engine on its ports. Private to the loader. */
#ifndef LOADER_TOPIC_H
#define LOADER_TOPIC_H

#include "loader.h"
#include "loader_report.h"

struct loader_topic;

struct loader_topic_settings {
    const struct loader_settings *all; /* borrowed, as is the rest */
    const struct mr_catalog_domain *domain;
    bool facts; /* its topic of commands, for the facts in it; else of events */
    int32_t lanes;
    const char *const *stopped; /* of the catalogue's tables */
    struct loader_report *report;
};

static inline const char *loader_topic_name(const struct mr_catalog_domain *domain, bool facts)
{
    return facts ? domain->commands_topic : domain->events_topic;
}

/* Joins the group at once. */
MR_MUST_CHECK enum mr_status loader_topic_new(const struct loader_topic_settings *settings,
                                              struct loader_topic **out, struct mr_error *why);
/* At least every 50 ms. */
void loader_topic_tick(struct loader_topic *topic);
void loader_topic_copy_metrics(struct loader_topic *topic);
size_t loader_topic_lanes(const struct loader_topic *topic); /* assigned to this process */
/* Appends a JSON object of the topic; returns what it waits for, NULL: nothing. */
const char *loader_topic_look(const struct loader_topic *topic, struct mr_buf *detail);
void loader_topic_stop(struct loader_topic *topic);
bool loader_topic_is_stopped(const struct loader_topic *topic);
/* Whether it is stopped or not; then on_closed, when topic is gone. */
void loader_topic_close(struct loader_topic *topic, void (*on_closed)(void *owner), void *owner);

#endif
