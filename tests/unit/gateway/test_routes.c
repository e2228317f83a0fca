/* The route table: every row is reachable, sane, and reached by nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/route.h"
#include <stdio.h>
#include <string.h>

static hf_err find(hf_http_method method, const char *path, const route **ret, char allow[static 64])
{
    hf_view id;
    hf_writer w = hf_writer_on(allow, 63);

    memset(allow, 0, 64);
    return route_find(method, hf_view_str(path), ret, &id, &w);
}

/* The path of a row with a key's name or a number in it. */
static void example(const char *pattern, char dst[static 128])
{
    const char *id = strstr(pattern, ":id"), *bytes = strstr(pattern, ":bytes");

    if (id != NULL)
        snprintf(dst, 128, "%.*ssome-key%s", (int)(id - pattern), pattern, id + 3);
    else if (bytes != NULL)
        snprintf(dst, 128, "%.*s32%s", (int)(bytes - pattern), pattern, bytes + 6);
    else
        snprintf(dst, 128, "%s", pattern);
}

static void test_every_row_is_reached_and_asks_something_allowed(void **state)
{
    char path[128], allow[64];

    (void)state;
    for (size_t i = 0; i < route_count; i++) {
        const route *found = NULL;
        const hf_message_row *row = hf_message_row_of(routes[i].message);
        example(routes[i].path, path);
        assert_int_equal(find(routes[i].method, path, &found, allow), HF_OK);
        assert_ptr_equal(found, &routes[i]);
        if (routes[i].many != NULL) { /* its items are asked, each by the row of its own */
            assert_true(!routes[i].anonymous && routes[i].message == 0);
            continue;
        }
        assert_non_null(row);
        assert_true(hf_message_allowed(routes[i].message, HF_PEER_GATEWAY));
        assert_true(hf_message_allowed(row->reply, HF_PEER_CORE));
        assert_true(row->deadline_ms > 0);
        assert_non_null(routes[i].ask);
        assert_non_null(routes[i].tell);
        /* Only what needs no right may be asked without a token. */
        assert_true(!routes[i].anonymous || row->action == NULL);
    }
}

static void test_every_client_message_has_a_route(void **state)
{
    (void)state;
    for (size_t i = 0; i < hf_message_row_count; i++) {
        const hf_message_row *row = &hf_message_rows[i];
        size_t n = 0;
        if (row->senders != HF_FROM_GATEWAY || row->reply == 0 || row->type == HF_MSG_TLS_SIGN)
            continue; /* a handshake asks that, no client */
        for (size_t k = 0; k < route_count; k++)
            n += routes[k].message == row->type || routes[k].metrics_message == row->type;
        if (n == 0)
            fail_msg("%s has no route", row->name);
    }
}

static void test_other_paths_are_not_found(void **state)
{
    static const char *const paths[] = {
        "",
        "/",
        "//",
        "/healthz/",
        "//healthz",
        "/Healthz",
        "/api",
        "/api/v1",
        "/api/v1/keys/",
        "/api/v1/keys//sign",
        "/api/v1/keys/a/b",
        "/api/v1/keys/-a",
        "/api/v1/keys/a b",
        "/api/v1/keys/../status",
        "/api/v1/keys/a/sign/",
        "/api/v1/keys/:id/",
        "/api/v1/random/",
        "/api/v1/random/x",
        "/api/v1/random/-1",
        "/api/v1/random/1234567890",
        "/api/v1/keys/0123456789012345678901234567890123456789012345678901234567890123456789",
    };
    const route *found = NULL;
    char allow[64];

    (void)state;
    for (size_t i = 0; i < HF_COUNT(paths); i++)
        assert_int_equal(find(HF_HTTP_GET, paths[i], &found, allow), HF_ERR_NOT_FOUND);
    assert_null(found);
}

static void test_other_methods_are_named(void **state)
{
    const route *found = NULL;
    char allow[64];

    (void)state;
    assert_int_equal(find(HF_HTTP_PUT, "/api/v1/keys", &found, allow), HF_ERR_UNSUPPORTED);
    assert_string_equal(allow, "GET, HEAD, POST");
    assert_int_equal(find(HF_HTTP_OTHER, "/api/v1/keys/a/sign", &found, allow), HF_ERR_UNSUPPORTED);
    assert_string_equal(allow, "POST");
    assert_int_equal(find(HF_HTTP_HEAD, "/healthz", &found, allow), HF_OK);
    assert_int_equal(find(HF_HTTP_GET, "/api/v1/keys/0b9ae2a6-7d8c-4f6e-9d6a-0123456789ab", &found, allow), HF_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_is_reached_and_asks_something_allowed),
        cmocka_unit_test(test_every_client_message_has_a_route),
        cmocka_unit_test(test_other_paths_are_not_found),
        cmocka_unit_test(test_other_methods_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
