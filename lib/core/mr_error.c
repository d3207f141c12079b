#include "mr_error.h"

#include <stdarg.h>
#include <stdio.h>

enum mr_status mr_fail(struct mr_error *why, enum mr_status status, const char *fmt, ...)
{
    if (why) {
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(why->text, sizeof why->text, fmt, ap);
        va_end(ap);
    }
    return status;
}
