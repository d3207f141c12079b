/* GET /problems/{name}: what a problem type means, for people and programs. Needs no key. */
#ifndef EDGE_PROBLEM_H
#define EDGE_PROBLEM_H

#include "edge_request.h"

void edge_problem_start(struct edge_request *r, struct mr_slice name);

#endif
