/* Looking up in a catalogue that is built. */
#include "mr_catalog_own.h"

const struct mr_catalog_domain *mr_catalog_domain_of(const struct mr_catalog *c, const char *name)
{
    return mr_catalog_map_get(c->own, MR_MAP_DOMAIN, mr_slice_text(name));
}

const struct mr_catalog_command *mr_catalog_command_of(const struct mr_catalog *c,
                                                       struct mr_slice type)
{
    return mr_catalog_map_get(c->own, MR_MAP_COMMAND, type);
}

const struct mr_catalog_event *mr_catalog_event_of(const struct mr_catalog *c, struct mr_slice type)
{
    return mr_catalog_map_get(c->own, MR_MAP_EVENT, type);
}

const struct mr_catalog_resource *mr_catalog_resource_of(const struct mr_catalog *c,
                                                         struct mr_slice type)
{
    return mr_catalog_map_get(c->own, MR_MAP_RESOURCE, type);
}

const struct mr_catalog_problem *mr_catalog_problem_of(const struct mr_catalog *c,
                                                       struct mr_slice name)
{
    return mr_catalog_map_get(c->own, MR_MAP_PROBLEM, name);
}

const struct mr_catalog_table *mr_catalog_table_of(const struct mr_catalog *c, const char *name)
{
    return mr_catalog_map_get(c->own, MR_MAP_TABLE, mr_slice_text(name));
}

const struct mr_catalog_command *mr_catalog_format_of(const struct mr_catalog *c,
                                                      const char *format)
{
    return mr_catalog_map_get(c->own, MR_MAP_FORMAT, mr_slice_text(format));
}

const struct mr_catalog_problem *mr_catalog_refusal_of(const struct mr_catalog_command *command,
                                                       struct mr_slice name)
{
    for (size_t i = 0; i < command->refusal_count; i++) {
        if (mr_slice_is(name, command->refusals[i]->name))
            return command->refusals[i];
    }
    return NULL;
}

enum mr_status mr_catalog_key_of(const struct mr_catalog_command *command,
                                 const struct mr_uuid *account, const struct mr_uuid *id,
                                 const json_t *body, struct mr_buf *out)
{
    char text[MR_UUID_TEXT + 1];
    mr_buf_text(out, mr_uuid_text(command->key == MR_KEY_ID ? id : account, text));
    if (command->key != MR_KEY_ACCOUNT_AND)
        return MR_OK;
    const json_t *part = mr_pointer_find(&command->key_pointer, body);
    if (!json_is_string(part))
        return MR_INVALID;
    mr_buf_char(out, '\n');
    mr_buf_add(out, json_string_value(part), json_string_length(part));
    return MR_OK;
}

bool mr_catalog_key_fits(const struct mr_catalog_command *command, const struct mr_uuid *account,
                         const struct mr_uuid *id, const json_t *body, struct mr_slice key)
{
    struct mr_buf want;
    mr_buf_init(&want, 0);
    bool fits = mr_catalog_key_of(command, account, id, body, &want) == MR_OK &&
                mr_slice_equal(key, mr_buf_all(&want));
    mr_buf_free(&want);
    return fits;
}
