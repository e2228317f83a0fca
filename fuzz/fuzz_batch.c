/*
 * Target functions: route_batch, read_item, read_operation, make_message, set_refused, send_more, finish
 *
 * The body of a batch, with a core that is not there: every item must come to an answer of its own, and nothing of the
 * batch may be left afterwards.
 */
#include "gateway/batch.h"
#include "gateway/routes.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static gateway process;
static lane thread = { .gateway = &process };
static uint8_t scratch[GATEWAY_SCRATCH_BYTES];

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void ignore(void *arg, const hf_http_request *r)
{
    (void)arg;
    (void)r;
}

static void start(void)
{
    must(json_pool_init(&thread.json) == HF_OK && hf_loop_new(&thread.loop) == HF_OK);
    hf_http_config config = {
        .loop = thread.loop, .listen_fd = -1, .max_connections = 1, .body_max = 1, .handler = ignore
    };
    must(hf_http_server_new(&config, &thread.https) == HF_OK && pending_new(4, &thread.pending) == HF_OK);
    must(limit_new(1000000, 50, &process.requests) == HF_OK && failures_new(&process.failures) == HF_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 1 << 16)
        return 0;
    if (thread.loop == NULL)
        start();
    uint8_t *body = calloc(1, size + HF_HTTP_BODY_PADDING);
    must(body != NULL);
    memcpy(body, data, size);
    hf_http_request http = { .body = body, .body_len = size, .has_body = true };
    addressee from = { .server = thread.https, .ref = { .generation = 1 }, .request_id = (char[65]) { "id" } };
    call c = { .lane = &thread, .http = &http, .scratch = hf_writer_on(scratch, sizeof(scratch)) };
    const char *why = NULL;
    c.head.request_id = hf_view_str("id");
    c.head.token = hf_view_str("token");
    if (json_read(&thread.json, body, size, &c.body, &why) == HF_OK && yyjson_is_obj(c.body) &&
        route_batch(&c, &from) != HF_OK)
        must(c.refusal.status >= 400 && c.refusal.status < 500);
    must(thread.batches == 0 && pending_count(thread.pending) == 0 && thread.out.len == 0);
    json_pool_reset(&thread.json);
    free(body);
    return 0;
}
