#include "edge_problem.h"

static void add_html(struct mr_buf *out, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '<':
            mr_buf_text(out, "&lt;");
            break;
        case '>':
            mr_buf_text(out, "&gt;");
            break;
        case '&':
            mr_buf_text(out, "&amp;");
            break;
        default:
            mr_buf_char(out, *text);
        }
}

static void write_page(const struct mr_catalog_problem *problem, struct mr_buf *out)
{
    mr_buf_text(out, "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>");
    add_html(out, problem->title);
    mr_buf_text(out,
                "</title><style>body{font:1rem/1.5 sans-serif;max-width:40rem;margin:3rem auto;"
                "padding:0 1rem}code{background:#eee;padding:.1rem .3rem}</style><h1>");
    add_html(out, problem->title);
    mr_buf_printf(out, "</h1><p><code>%s</code>, HTTP %d</p>", problem->name, problem->status);
    if (problem->description) {
        mr_buf_text(out, "<p>");
        add_html(out, problem->description);
        mr_buf_text(out, "</p>");
    }
    mr_buf_char(out, '\n');
}

static void write_json(const struct mr_catalog_problem *problem, struct mr_buf *out)
{
    mr_buf_printf(out, "{\"name\":\"%s\",\"type\":\"/problems/%s\",\"status\":%d,\"title\":",
                  problem->name, problem->name, problem->status);
    mr_buf_json_string(out, mr_slice_text(problem->title));
    if (problem->description) {
        mr_buf_text(out, ",\"description\":");
        mr_buf_json_string(out, mr_slice_text(problem->description));
    }
    mr_buf_char(out, '}');
}

void edge_problem_start(struct edge_request *r, struct mr_slice name)
{
    const struct mr_catalog_problem *problem = mr_catalog_problem_of(r->edge->catalog, name);
    struct edge_fields fields = {0};
    struct mr_buf body;
    if (!problem) {
        edge_refuse(r, "not-found", "There is no such problem type here.");
        return;
    }
    mr_buf_init(&body, 16384);
    edge_field(&fields, "Cache-Control", "public, max-age=3600");
    edge_field(&fields, "Vary", "Accept");
    if (edge_accept_quality(r->x->request, "text/html") >
        edge_accept_quality(r->x->request, "application/json")) {
        write_page(problem, &body);
        edge_field(&fields, "Content-Type", "text/html; charset=utf-8");
        edge_field(&fields, "Content-Security-Policy",
                   "default-src 'none'; style-src 'unsafe-inline'");
        edge_answer(r, 200, &fields, mr_buf_all(&body));
    } else {
        write_json(problem, &body);
        edge_answer_json(r, 200, &fields, &body);
    }
    mr_buf_free(&body);
}
