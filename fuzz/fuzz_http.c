/*
 * Target functions: hf_http_parser_feed, hf_http_parser_request, hf_http_query_next, hf_http_accepts, route_find.
 *
 * The first byte says how the rest is cut into pieces. Whether it is taken must not depend on the cuts, and a
 * request that is taken must hold what the header of parse.h promises.
 */
#include "gateway/route.h"
#include "http/parse.h"
#include <stdlib.h>
#include <string.h>

#define BODY_MAX 65536
#define REQUESTS_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    size_t requests, consumed, body_bytes;
    uint16_t status;
};

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void use_query(const hf_http_request *r)
{
    static uint8_t scratch[HF_HTTP_HEAD_MAX];
    hf_writer w = hf_writer_on(scratch, sizeof(scratch));
    hf_view query = r->query;
    hf_http_parameter p;
    bool got = true;

    while (got)
        if (hf_http_query_next(&query, &w, &p, &got) != HF_OK)
            return;
}

static void check_request(const hf_http_request *r)
{
    const route *found;
    uint8_t allow[64];
    hf_writer w = hf_writer_on(allow, sizeof(allow));
    hf_view id;
    size_t hosts = 0;

    must(r->path.len > 0 && r->path.ptr[0] == '/');
    for (size_t i = 0; i < r->path.len; i++)
        must(r->path.ptr[i] >= 0x20 && r->path.ptr[i] < 0x7f);
    must(r->n_headers <= HF_HTTP_HEADERS_MAX && r->body_len <= BODY_MAX);
    must(r->method != HF_HTTP_GET || r->body_len == 0);
    for (size_t i = 0; i < r->n_headers; i++)
        hosts += hf_http_name_is(r->headers[i].name, "host");
    must(hosts == 1);
    for (size_t i = 0; r->body != NULL && i < HF_HTTP_BODY_PADDING; i++)
        must(r->body[r->body_len + i] == 0);
    use_query(r);
    (void)hf_http_accepts(r, "application", "json");
    if (route_find(r->method, r->path, &found, &id, &w) == HF_OK)
        must(found >= routes && found < routes + route_count);
}

static struct seen run(const uint8_t *data, size_t size, size_t piece)
{
    hf_http_pool pool = { .body_limit = 1 << 20 };
    hf_http_parser p;
    struct seen s = { 0 };

    hf_http_parser_init(&p, &pool, BODY_MAX);
    while (s.consumed < size && s.status == 0 && s.requests < REQUESTS_MAX) {
        size_t n = size - s.consumed < piece ? size - s.consumed : piece;
        uint8_t *copy = malloc(n);
        must(copy != NULL);
        memcpy(copy, data + s.consumed, n);
        hf_view in = hf_view_of(copy, n);
        hf_http_progress progress = hf_http_parser_feed(&p, &in);
        must(in.len <= n && (progress != HF_HTTP_NEED_MORE || in.len == 0));
        s.consumed += n - in.len;
        free(copy);
        if (progress == HF_HTTP_NEED_MORE)
            continue;
        hf_http_request r = { 0 };
        hf_http_parser_request(&p, &r);
        must((progress == HF_HTTP_REFUSED) == (r.refused != 0));
        if (progress == HF_HTTP_COMPLETE)
            check_request(&r);
        s.status = r.refused;
        s.body_bytes += r.body_len;
        s.requests += progress == HF_HTTP_COMPLETE;
        bool keep = p.keep_alive;
        hf_http_parser_next(&p);
        if (!keep)
            break;
    }
    hf_http_parser_next(&p);
    must(pool.body_used == 0);
    hf_http_pool_drain(&pool);
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct seen whole = run(data + 1, size - 1, size);
    struct seen cut = run(data + 1, size - 1, (size_t)data[0] % 64 + 1);
    /* With two faults in one line the cuts decide which is seen first, so only that it is refused must agree. */
    must(whole.requests == cut.requests && (whole.status != 0) == (cut.status != 0));
    must(whole.status != 0 || (whole.body_bytes == cut.body_bytes && whole.consumed == cut.consumed));
    return 0;
}
