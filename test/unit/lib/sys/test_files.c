#include "mr_files.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64];
static struct mr_error why;

static void make_root(void)
{
    strcpy(root, "/tmp/mr-files-XXXXXX");
    cr_assert(mkdtemp(root));
}

static char *path(const char *name)
{
    static char text[512];
    snprintf(text, sizeof text, "%s/%s", root, name);
    return text;
}

static void put(const char *name, const char *text)
{
    FILE *f = fopen(path(name), "w");
    cr_assert(f, "%s", name);
    fputs(text, f);
    fclose(f);
}

static void remove_root(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", root);
    cr_assert_eq(system(command), 0);
}

TestSuite(files, .init = make_root, .fini = remove_root);

Test(files, given_a_tree_then_all_files_of_the_suffix_come_sorted_by_path)
{
    struct mr_files files;
    cr_assert_eq(mkdir(path("b"), 0755), 0);
    cr_assert_eq(mkdir(path("b/deep"), 0755), 0);
    cr_assert_eq(mkdir(path(".git"), 0755), 0);
    put("b.json", "1");
    put("b/z.json", "2");
    put("b/deep/a.json", "{\"three\": 3}");
    put("a.sql", "no");
    put(".hidden.json", "no");
    put(".git/x.json", "no");
    put("empty.json", "");
    cr_assert_eq(mr_files_read(root, ".json", &files, &why), MR_OK, "%s", why.text);
    cr_assert_eq(files.count, 4);
    cr_assert_str_eq(files.files[0].path, "b.json");
    cr_assert_str_eq(files.files[1].path, "b/deep/a.json");
    cr_assert_str_eq(files.files[1].text, "{\"three\": 3}");
    cr_assert_eq(files.files[1].len, 12);
    cr_assert_str_eq(files.files[2].path, "b/z.json");
    cr_assert_str_eq(files.files[3].path, "empty.json");
    cr_assert_eq(files.files[3].len, 0);
    mr_files_free(&files);
}

Test(files, given_no_folder_then_the_error_names_it)
{
    struct mr_files files;
    cr_assert_eq(mr_files_read(path("nowhere"), "", &files, &why), MR_INVALID);
    cr_assert(strstr(why.text, "/nowhere: No such file"), "%s", why.text);
}

Test(files, given_a_loop_of_links_then_it_is_refused_rather_than_followed_for_ever)
{
    struct mr_files files;
    cr_assert_eq(symlink(root, path("self")), 0);
    cr_assert_neq(mr_files_read(root, ".json", &files, &why), MR_OK);
}

Test(files, given_a_file_then_it_is_read_up_to_the_bound)
{
    struct mr_buf out;
    put("f", "12345");
    mr_buf_init(&out, 0);
    cr_assert_eq(mr_file_read(path("f"), 5, &out, &why), MR_OK);
    cr_assert(mr_slice_is(mr_buf_all(&out), "12345"));
    cr_assert_eq(mr_file_read(path("f"), 4, &out, &why), MR_LIMIT);
    cr_assert(strstr(why.text, "longer than 4 bytes"), "%s", why.text);
    cr_assert_eq(mr_file_read(path("g"), 4, &out, &why), MR_INVALID);
    cr_assert_eq(mr_file_read(root, 4, &out, &why), MR_INVALID);
    cr_assert(strstr(why.text, "is not a file"), "%s", why.text);
    mr_buf_free(&out);
}

Test(files, given_a_pipe_by_that_name_then_nobody_waits_for_it)
{
    struct mr_buf out;
    mr_buf_init(&out, 0);
    cr_assert_eq(mkfifo(path("p"), 0600), 0);
    cr_assert_eq(mr_file_read(path("p"), 4, &out, &why), MR_INVALID);
    mr_buf_free(&out);
}
