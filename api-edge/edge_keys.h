/* The store of API keys: millrace.api_key and api_secret. */
#ifndef EDGE_KEYS_H
#define EDGE_KEYS_H

#include "edge_auth.h"

struct edge;

/* Answers go to edge->auth. The edge outlives all look-ups. */
struct edge_key_store edge_keys_store(struct edge *edge);

#endif
