/* How the C library's malloc treats small blocks. */
#ifndef MR_MALLOC_H
#define MR_MALLOC_H

/* For a program that has thousands of commands in flight: librdkafka takes a dozen small blocks for
 * each, and glibc keeps only seven freed ones of a size at hand. The others are merged with their
 * neighbours and split again, which costs more than all else that is done to a log line. glibc
 * reads the number once, as the process begins, from GLIBC_TUNABLES: where nobody has set that, it
 * is set here and the program is started anew in place (same process, same arguments). First thing
 * in main. Does nothing where it cannot be done, or under a sanitizer, whose malloc is another. */
void mr_malloc_keep_blocks(char **argv);

#endif
