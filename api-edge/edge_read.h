/* Reads of resources: items and lists of the views and functions that x-resource names. */
#ifndef EDGE_READ_H
#define EDGE_READ_H

#include "edge_query.h"
#include "edge_sql.h"

struct edge_reads;

/* The statements of all resources. MR_INVALID: one has more parameters than is possible. */
MR_MUST_CHECK enum mr_status edge_reads_new(const struct mr_catalog *catalog,
                                            struct edge_reads **out, struct mr_error *why);
void edge_reads_free(struct edge_reads *reads); /* takes NULL */
const struct edge_sql *edge_reads_sql(const struct edge_reads *reads,
                                      const struct mr_catalog_resource *resource);

/* Handlers; r->match and r->account are set. */
void edge_read_item_start(struct edge_request *r);
void edge_read_list_start(struct edge_request *r);

/* One item's row (enum edge_item_column), for who answers it otherwise; as edge_query_of. */
MR_MUST_CHECK enum mr_status edge_read_item(struct edge_request *r,
                                            const struct mr_catalog_resource *resource,
                                            const struct mr_uuid *id, mr_pg_on_result answered,
                                            void *asker);

#endif
