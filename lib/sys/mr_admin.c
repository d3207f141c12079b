#include "mr_admin.h"

#include "mr_http_server.h"
#include <stdlib.h>

#define CONNECTIONS_MAX 64
#define TEXT_MAX        ((size_t)16 << 20)

struct mr_admin {
    struct mr_admin_options options;
    struct mr_http_server *server;
    void (*closed)(void *data);
    void *closed_data;
};

static void answer(struct mr_http_exchange *x, int32_t status, const char *type,
                   const struct mr_buf *body)
{
    const struct mr_http_field fields[] = {
        {mr_slice_text("Content-Type"), mr_slice_text(type)},
        {mr_slice_text("Cache-Control"), mr_slice_text("no-store")}};
    mr_http_exchange_answer(x, status, fields, 2, mr_buf_all(body));
}

static void answer_problem(struct mr_http_exchange *x, int32_t status, const char *detail)
{
    const struct mr_problem problem =
        mr_problem_of(mr_problem_of_status(status), mr_slice_text(detail));
    const struct mr_http_field allow = {mr_slice_text("Allow"), mr_slice_text("GET, HEAD")};
    mr_http_exchange_problem(x, &problem, &allow, status == 405 ? 1 : 0);
}

static void answer_ready(struct mr_admin *admin, struct mr_http_exchange *x, struct mr_buf *out)
{
    struct mr_buf detail;
    mr_buf_init(&detail, TEXT_MAX);
    bool ready = admin->options.ready(&detail, admin->options.data);
    mr_buf_printf(out, "{\"ready\":%s,\"detail\":", ready ? "true" : "false");
    if (detail.len > 0 && mr_buf_ok(&detail))
        mr_buf_slice(out, mr_buf_all(&detail));
    else
        mr_buf_text(out, "null");
    mr_buf_text(out, "}\n");
    mr_buf_free(&detail);
    answer(x, ready ? 200 : 503, "application/json", out);
}

static void on_request(struct mr_http_exchange *x, void *data)
{
    struct mr_admin *admin = data;
    const struct mr_http_request *req = x->request;
    struct mr_buf out;
    if (!mr_slice_is(req->method, "GET") && !mr_slice_is(req->method, "HEAD")) {
        answer_problem(x, 405, "The admin listener is only read from.");
        return;
    }
    mr_buf_init(&out, TEXT_MAX);
    if (mr_slice_is(req->path, "/livez")) {
        mr_buf_text(&out, "{\"live\":true}\n");
        answer(x, 200, "application/json", &out);
    } else if (mr_slice_is(req->path, "/readyz")) {
        answer_ready(admin, x, &out);
    } else if (mr_slice_is(req->path, "/metrics")) {
        mr_metrics_render(admin->options.metrics, &out);
        if (mr_buf_ok(&out))
            answer(x, 200, "text/plain; version=0.0.4; charset=utf-8", &out);
        else
            answer_problem(x, 500, "The metrics are longer than 16 MiB.");
    } else {
        answer_problem(x, 404, "Here are /livez, /readyz and /metrics.");
    }
    mr_buf_free(&out);
}

static void on_ended(void *data)
{
    struct mr_admin *admin = data;
    if (admin->closed)
        admin->closed(admin->closed_data);
    free(admin);
}

enum mr_status mr_admin_start(struct mr_loop *loop, const struct mr_admin_options *options,
                              struct mr_admin **out, struct mr_error *why)
{
    struct mr_http_server_options http = mr_http_server_options_default();
    struct mr_admin *admin = calloc(1, sizeof *admin);
    if (!admin)
        abort();
    admin->options = *options;
    http.connections_max = CONNECTIONS_MAX;
    http.log = options->log;
    http.request = on_request;
    http.ended = on_ended;
    http.data = admin;
    admin->server = mr_http_server_new(loop, &http);
    int port = 0;
    enum mr_status s =
        mr_http_server_listen(admin->server, options->address, options->port, &port, why);
    if (s != MR_OK) {
        mr_admin_close(admin, NULL, NULL);
        return s;
    }
    if (options->log)
        MR_LOG(options->log, INFO, "admin listener", mr_f_int("port", port),
               mr_f_text("address", options->address));
    *out = admin;
    return MR_OK;
}

void mr_admin_close(struct mr_admin *admin, void (*closed)(void *data), void *data)
{
    if (!admin) {
        if (closed)
            closed(data);
        return;
    }
    admin->closed = closed;
    admin->closed_data = data;
    mr_http_server_close(admin->server);
}
