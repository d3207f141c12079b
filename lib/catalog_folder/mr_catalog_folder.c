#include "mr_catalog_folder.h"

#include "mr_files.h"
#include <stdlib.h>

enum mr_status mr_catalog_folder_read(const char *folder, struct mr_catalog **out,
                                      struct mr_error *why)
{
    struct mr_files files = {0};
    enum mr_status s = mr_files_read(folder, "", &files, why);
    if (s != MR_OK)
        return s;
    struct mr_catalog_file *list = calloc(files.count + 1, sizeof *list);
    if (!list)
        abort();
    for (size_t i = 0; i < files.count; i++)
        list[i] = (struct mr_catalog_file){
            .path = files.files[i].path,
            .text = mr_slice(files.files[i].text, files.files[i].len),
        };
    s = mr_catalog_build(list, files.count, out, why);
    free(list);
    mr_files_free(&files);
    return s;
}
