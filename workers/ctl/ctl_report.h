/* What verify found: counts, and differences of which the first 20 of each kind are told. */
#ifndef CTL_REPORT_H
#define CTL_REPORT_H

#include "mr_status.h"
#include <stdint.h>

#define CTL_REPORT_FIRST 20

struct ctl_report;

struct ctl_report *ctl_report_new(void);
void ctl_report_free(struct ctl_report *report);

/* Adds to the count of `what` in `scope` ("billing"); both are copied, and shown in the order in
 * which they came first. */
void ctl_report_count(struct ctl_report *report, const char *scope, const char *what, int64_t add);
/* One difference. kind: static, "command without an outcome". */
void ctl_report_differs(struct ctl_report *report, const char *kind, const char *fmt, ...)
    MR_PRINTF(3, 4);
/* What is to be known but is no difference: a parked command. */
void ctl_report_note(struct ctl_report *report, const char *kind, const char *fmt, ...)
    MR_PRINTF(3, 4);
/* Many of one kind in one text. */
void ctl_report_differ(struct ctl_report *report, const char *kind, int64_t count, const char *fmt,
                       ...) MR_PRINTF(4, 5);

int64_t ctl_report_differences(const struct ctl_report *report);
/* Both print on standard output. */
void ctl_report_text(const struct ctl_report *report);
void ctl_report_json(const struct ctl_report *report);

#endif
