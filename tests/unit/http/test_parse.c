/* The request parser: the same verdict however the bytes are cut, bounded memory, nothing left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/parse.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX 4096
#define HOST "Host: h\r\n"

typedef struct outcome {
    hf_http_progress progress;
    uint16_t status;
    size_t left, body_len, headers;
    char path[64];
    char body[64];
} outcome;

/* Feeds text in pieces of at most n bytes until there is a verdict. */
static outcome feed(const char *text, size_t len, size_t n)
{
    hf_http_pool pool = { .body_limit = 1 << 20 };
    hf_http_parser p;
    hf_http_request r = { 0 };
    outcome o = { .progress = HF_HTTP_NEED_MORE };

    hf_http_parser_init(&p, &pool, BODY_MAX);
    for (size_t at = 0; at < len && o.progress == HF_HTTP_NEED_MORE;) {
        size_t take = len - at < n ? len - at : n;
        /* A copy of exactly this size, so that a sanitizer sees a read past its end. */
        uint8_t *piece = malloc(take);
        assert_non_null(piece);
        memcpy(piece, text + at, take);
        hf_view in = hf_view_of(piece, take);
        o.progress = hf_http_parser_feed(&p, &in);
        at += take - in.len;
        o.left = len - at;
        free(piece);
    }
    o.status = p.status;
    hf_http_parser_request(&p, &r);
    o.body_len = r.body_len;
    o.headers = r.n_headers;
    snprintf(o.path, sizeof(o.path), "%.*s", (int)r.path.len, r.path.len > 0 ? (const char *)r.path.ptr : "");
    snprintf(o.body, sizeof(o.body), "%.*s", (int)r.body_len, r.body_len > 0 ? (const char *)r.body : "");
    hf_http_parser_next(&p);
    assert_int_equal(pool.body_used, 0);
    hf_http_pool_drain(&pool);
    return o;
}

static const struct {
    const char *text;
    uint16_t status; /* 0: complete */
    const char *path, *body;
} cases[] = {
    { "GET /a HTTP/1.1\r\n" HOST "\r\n", 0, "/a", "" },
    { "GET /a?b=c HTTP/1.1\r\n" HOST "\r\n", 0, "/a", "" },
    { "GET /%61%2Db HTTP/1.1\r\n" HOST "\r\n", 0, "/a-b", "" },
    { "POST /a HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nxyz", 0, "/a", "xyz" },
    { "POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n2\r\nxy\r\n1\r\nz\r\n0\r\n\r\n", 0, "/a", "xyz" },
    { "POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nT: v\r\n\r\n", 0, "/a", "x" },
    { "POST /a HTTP/1.1\r\n" HOST "X:\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", 0, "/a", "" },
    { "POST /a HTTP/1.1\r\n" HOST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, NULL, NULL },
    { "POST /a HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nxyz", 400, NULL, NULL },
    { "POST /a HTTP/1.1\r\n" HOST "Content-Length: +3\r\n\r\nxyz", 400, NULL, NULL },
    { "POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, NULL, NULL },
    { "POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1;a\r\nx\r\n0\r\n\r\n", 400, NULL, NULL },
    { "POST /a HTTP/1.1\r\n" HOST "Content-Length: 4097\r\n\r\n", 413, NULL, NULL },
    { "POST /a HTTP/1.1\r\n" HOST "Expect: x\r\n\r\n", 417, NULL, NULL },
    { "GET /a HTTP/1.1\r\n\r\n", 400, NULL, NULL },
    { "GET /a HTTP/1.1\r\n" HOST HOST "\r\n", 400, NULL, NULL },
    { "GET /a HTTP/1.0\r\n" HOST "\r\n", 505, NULL, NULL },
    { "GET /%00 HTTP/1.1\r\n" HOST "\r\n", 400, NULL, NULL },
    { "GET http://h/ HTTP/1.1\r\n" HOST "\r\n", 400, NULL, NULL },
    { "GET /a HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx", 400, NULL, NULL },
    { "GET /a HTTP/1.1\nHost: h\n\n", 400, NULL, NULL },
    { "GET /a HTTP/1.1\r\n" HOST "A: b\r\n c\r\n\r\n", 400, NULL, NULL },
    { "GET /a HTTP/1.1\r\n" HOST "Authorization: a\r\nAuthorization: a\r\n\r\n", 400, NULL, NULL },
};

static void test_verdict_does_not_depend_on_cuts(void **state)
{
    (void)state;
    for (size_t i = 0; i < HF_COUNT(cases); i++)
        for (size_t n = 1; n <= strlen(cases[i].text); n++) {
            outcome o = feed(cases[i].text, strlen(cases[i].text), n);
            assert_int_equal(o.status, cases[i].status);
            if (cases[i].status != 0) {
                assert_int_equal(o.progress, HF_HTTP_REFUSED);
                continue;
            }
            assert_int_equal(o.progress, HF_HTTP_COMPLETE);
            assert_string_equal(o.path, cases[i].path);
            assert_string_equal(o.body, cases[i].body);
            assert_int_equal(o.left, 0);
        }
}

static void test_next_request_is_left_untouched(void **state)
{
    static const char two[] = "POST /a HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nxyGET /b HTTP/1.1\r\n" HOST "\r\n";
    hf_http_pool pool = { .body_limit = 1 << 20 };
    hf_http_parser p;
    hf_http_request r = { 0 };
    hf_view in = hf_view_of(two, sizeof(two) - 1);

    (void)state;
    hf_http_parser_init(&p, &pool, BODY_MAX);
    assert_int_equal(hf_http_parser_feed(&p, &in), HF_HTTP_COMPLETE);
    assert_memory_equal(in.ptr, "GET /b", 6);
    hf_http_parser_next(&p);
    assert_true(hf_http_parser_idle(&p));
    assert_int_equal(hf_http_parser_feed(&p, &in), HF_HTTP_COMPLETE);
    hf_http_parser_request(&p, &r);
    assert_true(hf_view_eq_str(r.path, "/b"));
    assert_int_equal(r.body_len, 0);
    hf_http_parser_next(&p);
    hf_http_pool_drain(&pool);
}

static void test_head_is_bounded_to_the_byte(void **state)
{
    static const char start[] = "GET / HTTP/1.1\r\n" HOST "X: ";
    char *text = malloc(HF_HTTP_HEAD_MAX + 2);

    (void)state;
    assert_non_null(text);
    for (size_t extra = 0; extra < 2; extra++) {
        size_t len = HF_HTTP_HEAD_MAX + extra;
        memset(text, 'a', len);
        memcpy(text, start, sizeof(start) - 1);
        memcpy(text + len - 4, "\r\n\r\n", 4);
        for (size_t n = 1; n <= len; n = n * 3 + 1) {
            outcome o = feed(text, len, n);
            assert_int_equal(o.status, extra == 0 ? 0 : 431);
        }
    }
    free(text);
}

static void test_headers_are_counted(void **state)
{
    char text[1024];

    (void)state;
    for (int extra = 0; extra < 2; extra++) {
        size_t len = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n" HOST);
        for (int i = 1; i < HF_HTTP_HEADERS_MAX + extra; i++)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "X: y\r\n");
        len += (size_t)snprintf(text + len, sizeof(text) - len, "\r\n");
        outcome o = feed(text, len, len);
        assert_int_equal(o.status, extra == 0 ? 0 : 431);
        if (extra == 0)
            assert_int_equal(o.headers, HF_HTTP_HEADERS_MAX);
    }
}

static void test_bodies_share_a_budget(void **state)
{
    static const char head[] = "POST / HTTP/1.1\r\n" HOST "Content-Length: 4000\r\n\r\n";
    static char body[4000];
    hf_http_pool pool = { .body_limit = 6000 };
    hf_http_parser a, b;

    (void)state;
    hf_http_parser_init(&a, &pool, BODY_MAX);
    hf_http_parser_init(&b, &pool, BODY_MAX);
    hf_view in = hf_view_of(head, sizeof(head) - 1);
    assert_int_equal(hf_http_parser_feed(&a, &in), HF_HTTP_NEED_MORE);
    in = hf_view_of(body, 3999);
    assert_int_equal(hf_http_parser_feed(&a, &in), HF_HTTP_NEED_MORE);
    in = hf_view_of(head, sizeof(head) - 1);
    assert_int_equal(hf_http_parser_feed(&b, &in), HF_HTTP_NEED_MORE);
    in = hf_view_of(body, 4000);
    assert_int_equal(hf_http_parser_feed(&b, &in), HF_HTTP_REFUSED);
    assert_int_equal(b.status, 503);
    hf_http_parser_next(&b);
    hf_http_parser_next(&a);
    assert_int_equal(pool.body_used, 0);
    hf_http_pool_drain(&pool);
}

/* The head goes back to the pool wiped: what it held must not be found by whoever uses the memory next. */
static void test_token_is_wiped(void **state)
{
    static const char text[] = "GET / HTTP/1.1\r\n" HOST "Authorization: Bearer needle-in-the-head\r\n\r\n";
    hf_http_pool pool = { .body_limit = 1 << 20 };
    hf_http_parser p;
    hf_view in = hf_view_of(text, sizeof(text) - 1);
    hf_http_request r = { 0 };

    (void)state;
    hf_http_parser_init(&p, &pool, BODY_MAX);
    assert_int_equal(hf_http_parser_feed(&p, &in), HF_HTTP_COMPLETE);
    hf_http_parser_request(&p, &r);
    hf_view value = hf_http_find(&r, "authorization")->value;
    assert_memory_equal(value.ptr, "Bearer needle", 13);
    hf_http_parser_next(&p);
    assert_int_equal(pool.n_free_heads, 1); /* the memory is the pool's and may be looked at */
    for (size_t i = 0; i < value.len; i++)
        assert_int_equal(value.ptr[i], 0);
    hf_http_pool_drain(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdict_does_not_depend_on_cuts), cmocka_unit_test(test_next_request_is_left_untouched),
        cmocka_unit_test(test_head_is_bounded_to_the_byte),     cmocka_unit_test(test_headers_are_counted),
        cmocka_unit_test(test_bodies_share_a_budget),           cmocka_unit_test(test_token_is_wiped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
