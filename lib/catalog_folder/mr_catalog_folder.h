/* The catalogue from the schemas folder, for every program that reads it. Blocks: for the start. */
#ifndef MR_CATALOG_FOLDER_H
#define MR_CATALOG_FOLDER_H

#include "mr_catalog.h"

/* On MR_OK the caller owns *out (mr_catalog_free). Else as mr_files_read (the folder cannot be
 * read) or mr_catalog_build (a slip in a schema, named with its file). */
MR_MUST_CHECK enum mr_status mr_catalog_folder_read(const char *folder, struct mr_catalog **out,
                                                    struct mr_error *why);

#endif
