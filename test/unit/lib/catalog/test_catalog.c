/* What the real schemas folder says. */
#include "catalog_fixture.h"
#include <criterion/criterion.h>

static const struct mr_catalog_command *command(const struct mr_catalog *c, const char *type)
{
    const struct mr_catalog_command *found = mr_catalog_command_of(c, mr_slice_text(type));
    cr_assert_not_null(found, "%s", type);
    return found;
}

static const struct mr_catalog_resource *resource(const struct mr_catalog *c, const char *type)
{
    const struct mr_catalog_resource *found = mr_catalog_resource_of(c, mr_slice_text(type));
    cr_assert_not_null(found, "%s", type);
    return found;
}

Test(catalog, given_the_real_folder_then_the_domain_has_its_commands_events_and_resources)
{
    struct mr_catalog *c = real_catalog();
    const struct mr_catalog_domain *d = mr_catalog_domain_of(c, "billing");
    cr_assert_eq(c->domain_count, 1);
    cr_assert_eq(d, &c->domains[0]);
    cr_assert_str_eq(d->commands_topic, "billing.commands");
    cr_assert_str_eq(d->events_topic, "billing.events");
    cr_assert_str_eq(d->views_file, "billing/views.sql");
    cr_assert(strstr(d->views_sql, "VIEW public.invoices"));
    static const char *const commands[] = {"billing.invoice.create", "billing.invoice.finalize",
                                           "billing.payment.record"};
    static const char *const events[] = {"billing.command.rejected", "billing.invoice.created",
                                         "billing.invoice.finalized", "billing.payment.recorded"};
    for (size_t i = 0; i < 3; i++)
        cr_assert_geq(command(c, commands[i])->index, d->commands->index);
    for (size_t i = 0; i < 4; i++)
        cr_assert_not_null(mr_catalog_event_of(c, mr_slice_text(events[i])), "%s", events[i]);
    for (size_t i = 0; i < d->command_count; i++)
        cr_assert(d->commands[i].domain == d && d->commands[i].index == i);
    for (size_t i = 0; i < d->event_count; i++)
        cr_assert_str_eq(d->events[i].topic, "billing.events");
    cr_assert_eq(d->resource_count, 2);
    cr_assert_null(mr_catalog_domain_of(c, "meta"));
    cr_assert_null(mr_catalog_command_of(c, mr_slice_text("billing.invoice")));
    mr_catalog_free(c);
}

Test(catalog, given_a_command_then_what_is_not_said_has_its_default)
{
    struct mr_catalog *c = real_catalog();
    const struct mr_catalog_command *create = command(c, "billing.invoice.create");
    cr_assert_str_eq(create->name, "invoice.create");
    cr_assert_str_eq(create->file, "billing/invoice.create.json");
    cr_assert_str_eq(create->title, "Create an invoice");
    cr_assert_str_eq(create->scope, "billing:write");
    cr_assert_str_eq(create->topic, "billing.commands");
    cr_assert_eq(create->success, 201);
    cr_assert_eq(create->record, MR_RECORD_FULL);
    cr_assert_eq(create->key, MR_KEY_ACCOUNT);
    cr_assert_not(create->has_subject);
    cr_assert(create->has_account);
    cr_assert_not(create->batch);
    cr_assert_null(create->ingest);
    cr_assert_eq(create->feed_count, 0);
    cr_assert_eq(create->resource, resource(c, "billing.invoice"));
    const struct mr_catalog_command *finalize = command(c, "billing.invoice.finalize");
    cr_assert_eq(finalize->success, 200);
    cr_assert(finalize->has_subject);
    mr_catalog_free(c);
}

Test(catalog, given_refusals_then_they_are_problems_beside_our_own)
{
    struct mr_catalog *c = real_catalog();
    const struct mr_catalog_command *finalize = command(c, "billing.invoice.finalize");
    const struct mr_catalog_problem *p =
        mr_catalog_refusal_of(finalize, mr_slice_text("invoice-not-found"));
    cr_assert_eq(p->status, 404);
    cr_assert_str_eq(p->title, "There is no such invoice");
    cr_assert_eq(p, mr_catalog_problem_of(c, mr_slice_text("invoice-not-found")));
    cr_assert_null(mr_catalog_refusal_of(finalize, mr_slice_text("overpaid")));
    cr_assert_null(mr_catalog_refusal_of(finalize, mr_slice_text("invalid-body")));
    cr_assert_null(mr_catalog_problem_of(c, mr_slice_text("invalid-body"))->file);
    for (size_t i = 1; i < c->problem_count; i++)
        cr_assert_lt(strcmp(c->problems[i - 1].name, c->problems[i].name), 0);
    mr_catalog_free(c);
}

Test(catalog, given_resources_then_routes_filters_and_order_are_there)
{
    struct mr_catalog *c = real_catalog();
    const struct mr_catalog_resource *invoice = resource(c, "billing.invoice");
    cr_assert_str_eq(invoice->view, "billing.invoice_resource");
    cr_assert_null(invoice->function);
    cr_assert_str_eq(invoice->item.path, "/v1/accounts/{account}/invoices/{id}");
    cr_assert_str_eq(invoice->list.path, "/v1/accounts/{account}/invoices");
    cr_assert_str_eq(invoice->scope, "billing:read");
    cr_assert_str_eq(invoice->cache_control, "private, no-cache");
    cr_assert_eq(invoice->order_count, 1);
    cr_assert_str_eq(invoice->orders[0].column, "created_at");
    cr_assert_str_eq(invoice->orders[0].sql_type, "timestamptz");
    cr_assert(invoice->orders[0].descending);
    cr_assert_eq(invoice->parameter_count, 2);
    const struct mr_catalog_parameter *status =
        mr_catalog_parameter_of(invoice, mr_slice_text("status"));
    cr_assert_eq(status->value_count, 4);
    const struct mr_catalog_parameter *of =
        mr_catalog_parameter_of(resource(c, "billing.payment"), mr_slice_text("invoice"));
    cr_assert_eq(of->kind, MR_VALUE_UUID);
    cr_assert_str_eq(of->sql_type, "uuid");
    cr_assert_null(mr_catalog_parameter_of(invoice, mr_slice_text("number")));
    mr_catalog_free(c);
}

static const struct {
    const char *type, *body;
    bool fits;
} bodies[] = {
    {"billing.invoice.create",
     "{'customer':'Ada','currency':'EUR','lines':[{'description':'x','quantity':1,"
     "'unit_amount_minor':0}]}",
     true},
    {"billing.invoice.create",
     "{'customer':'Ada','currency':'EUR','due_days':365.0,'lines':[{'description':'x',"
     "'quantity':1.0,'unit_amount_minor':9007199254740991}]}",
     true},
    {"billing.invoice.create", "{'customer':'Ada','currency':'EUR','lines':[]}", false},
    {"billing.invoice.create",
     "{'customer':'','currency':'EUR','lines':[{'description':'x','quantity':1,"
     "'unit_amount_minor':0}]}",
     false},
    {"billing.invoice.create",
     "{'customer':'Ada','currency':'EURO','lines':[{'description':'x','quantity':1,"
     "'unit_amount_minor':0}]}",
     false},
    {"billing.invoice.create",
     "{'customer':'Ada','currency':'EUR','lines':[{'description':'x','quantity':0,"
     "'unit_amount_minor':0}]}",
     false},
    {"billing.invoice.create",
     "{'customer':'Ada','currency':'EUR','lines':[{'description':'x','quantity':1,"
     "'unit_amount_minor':9007199254740992}]}",
     false},
    {"billing.invoice.finalize", "{}", true},
    {"billing.invoice.finalize", "{'x':1}", false},
    {"billing.payment.record",
     "{'invoice':'3f0d9c1e-5a52-7c11-8b7d-0a4c6b2d9e10','amount_minor':1}", true},
    {"billing.payment.record",
     "{'invoice':'3f0d9c1e-5a52-7c11-8b7d-0a4c6b2d9e10','amount_minor':0}", false},
    {"billing.payment.record", "{'invoice':'one','amount_minor':1}", false},
};

Test(catalog, given_bodies_then_the_schemas_take_what_the_contract_says)
{
    struct mr_catalog *c = real_catalog();
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        json_t *body = json_of(bodies[i].body);
        enum mr_status s = mr_schema_check(command(c, bodies[i].type)->schema, body, NULL);
        cr_expect_eq(s == MR_OK, bodies[i].fits, "%s: %s", bodies[i].type, bodies[i].body);
        json_decref(body);
    }
    mr_catalog_free(c);
}

/* An example in the docs that is refused would be worse than none. */
Test(catalog, given_the_examples_in_the_schemas_then_they_fit_them)
{
    struct mr_catalog *c = real_catalog();
    size_t checked = 0;
    for (size_t i = 0; i < c->command_count; i++) {
        const json_t *examples = json_object_get(c->commands[i].document, "examples");
        for (size_t k = 0; k < json_array_size(examples); k++, checked++) {
            const json_t *example = json_array_get(examples, k);
            cr_expect_eq(mr_schema_check(c->commands[i].schema, example, NULL), MR_OK, "%s",
                         c->commands[i].file);
        }
    }
    cr_assert_geq(checked, 3);
    mr_catalog_free(c);
}

Test(catalog, given_the_tables_then_event_types_share_them_and_totals_are_listed)
{
    struct mr_catalog *c = real_catalog();
    static const char *const names[] = {"command_rejections", "invoice_events", "journal_entries",
                                        "payment_events"};
    cr_assert_eq(c->table_count, 4);
    for (size_t i = 0; i < 4; i++) {
        cr_assert_str_eq(c->tables[i].name, names[i]);
        cr_assert_eq(c->tables[i].index, i);
        cr_assert_eq(mr_catalog_table_of(c, names[i]), &c->tables[i]);
        cr_assert_str_eq(c->tables[i].columns[MR_FIXED_ROW].name, "row");
    }
    cr_assert_str_eq(c->tables[3].comment, "Filled by billing.payment.recorded");
    cr_assert(strstr(c->tables[2].comment, "billing.invoice.finalized, "), "event types share it");
    cr_assert(strstr(c->tables[2].comment, ", billing.payment.recorded"));
    cr_assert_str_eq(c->tables[2].columns[MR_FIXED_COUNT + 2].name, "currency");
    cr_assert_str_eq(c->tables[2].columns[MR_FIXED_COUNT + 2].comment,
                     "Currency of all amounts, as ISO 4217 writes it");
    cr_assert_eq(c->total_count, 3);
    for (size_t i = 0; i < c->total_count; i++)
        cr_assert(c->totals[i].table->columns[c->totals[i].column].total);
    cr_assert_eq(c->tables[1].sort_count, 3);
    cr_assert_str_eq(c->tables[1].columns[c->tables[1].sort[1]].name, "invoice_id");
    cr_assert_str_eq(c->tables[1].distribute, "account_id");
    mr_catalog_free(c);
}
