/* The parts of reporting_store, by table. Private to the store. */
#ifndef REPORTING_STORE_KINDS_H
#define REPORTING_STORE_KINDS_H

#include "domain_store.h"
#include "reporting_domain.h"

extern const struct domain_store_kind reporting_store_metric;
extern const struct domain_store_kind reporting_store_minute;
extern const struct domain_store_kind reporting_store_hour;
extern const struct domain_store_kind reporting_store_day;
extern const struct domain_store_kind reporting_store_series;
extern const struct domain_store_kind reporting_store_session;
extern const struct domain_store_kind reporting_store_history;
extern const struct domain_store_rows reporting_store_forecast;

/* One value of each type. */
static inline struct domain_store_value put_number(int64_t number)
{
    return (struct domain_store_value){.number = number};
}
static inline struct domain_store_value put_time_if(bool is, int64_t time_ms)
{
    return (struct domain_store_value){.is_null = !is, .number = is ? time_ms : 0};
}
static inline struct domain_store_value put_real(double real)
{
    return (struct domain_store_value){.real = real};
}
static inline struct domain_store_value put_real_if(bool is, double real)
{
    return (struct domain_store_value){.is_null = !is, .real = is ? real : 0};
}
static inline struct domain_store_value put_text(const char *text, size_t len)
{
    return (struct domain_store_value){.bytes = mr_slice(text, len)};
}
static inline struct domain_store_value put_uuid(const struct mr_uuid *id)
{
    return (struct domain_store_value){.bytes = mr_slice(id->bytes, sizeof id->bytes)};
}
static inline struct domain_store_value put_bytes(struct mr_slice bytes)
{
    return (struct domain_store_value){.is_null = !bytes.data, .bytes = bytes};
}

/* 0 stands for "not due" in images, NULL in tables. */
static inline int64_t get_time(const struct domain_store_value *value)
{
    return value->is_null ? 0 : value->number;
}

#endif
