#include "mr_config.h"

#include "mr_buf.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define FLAG_COLUMNS 34

static void flag_text(const struct mr_setting *set, char *out, size_t size)
{
    static const char *const kinds[] = {
        [MR_CONFIG_TEXT] = "TEXT", [MR_CONFIG_INTEGER] = "N",     [MR_CONFIG_BOOL] = "true|false",
        [MR_CONFIG_UUID] = "UUID", [MR_CONFIG_SECRET] = "SECRET",
    };
    char name[64];
    size_t i = 0;
    for (; set->name[i] && i < sizeof name - 1; i++)
        name[i] = set->name[i] == '_' ? '-' : (char)tolower((unsigned char)set->name[i]);
    name[i] = '\0';
    snprintf(out, size, "--%s=%s", name, set->choices ? set->choices : kinds[set->kind]);
}

static void line_add(struct mr_buf *out, const struct mr_setting *set, const char *fallback)
{
    char flag[160];
    flag_text(set, flag, sizeof flag);
    mr_buf_printf(out, "  %-*s ", FLAG_COLUMNS, flag);
    if (strlen(flag) > FLAG_COLUMNS) /* too long for its column: the help begins a line below */
        mr_buf_printf(out, "\n  %-*s ", FLAG_COLUMNS, "");
    mr_buf_text(out, set->help);
    if (fallback && *fallback)
        mr_buf_printf(out, " (default %s%s%s)", fallback, set->unit ? " " : "",
                      set->unit ? set->unit : "");
    else if (set->unit)
        mr_buf_printf(out, " (in %s)", set->unit);
    mr_buf_char(out, '\n');
}

char *mr_config_help(const struct mr_config_program *program)
{
    struct mr_buf out;
    mr_buf_init(&out, 0);
    mr_buf_printf(&out, "Usage: %s %s\n\n%s\n", program->name, program->usage, program->summary);
    if (program->own_count > 0)
        mr_buf_text(&out, "\nFlags:\n");
    for (size_t i = 0; i < program->own_count; i++)
        line_add(&out, &program->own[i], program->own[i].fallback);

    mr_buf_text(&out, "\nSettings, as flags or as environment variables (--kafka-brokers=... is "
                      "MILLRACE_KAFKA_BROKERS=...; flags win):\n");
    size_t count;
    const struct mr_setting *table = mr_config_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (!(table[i].readers & (unsigned)program->reader))
            continue;
        char port[16];
        snprintf(port, sizeof port, "%d", program->admin_port);
        bool admin = program->admin_port > 0 && strcmp(table[i].name, "ADMIN_PORT") == 0;
        line_add(&out, &table[i], admin ? port : table[i].fallback);
    }
    mr_buf_printf(&out, "  %-*s %s\n", FLAG_COLUMNS, "--help, --version", "print and exit");
    mr_buf_char(&out, '\0');
    return out.data;
}
