/* Hash tables and lists are uthash's (BSD licence), with one answer to "out of memory": abort. */
#ifndef MR_MAP_H
#define MR_MAP_H

#include <stdlib.h>

#define uthash_fatal(msg) abort()
#include <uthash.h>
#include <utlist.h>

#endif
