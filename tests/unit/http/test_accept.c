/* Accept, Content-Type and query strings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/request.h"

static bool accepts(const char *value)
{
    hf_http_header h = { .name = hf_view_str("Accept"), .value = hf_view_str(value) };
    hf_http_request r = { .headers = &h, .n_headers = value == NULL ? 0 : 1 };

    return hf_http_accepts(&r, "application", "json");
}

static void test_accept(void **state)
{
    (void)state;
    assert_true(accepts(NULL));
    assert_true(accepts("*/*"));
    assert_true(accepts("application/*"));
    assert_true(accepts("application/json"));
    assert_true(accepts("Application/JSON;q=0.1"));
    assert_true(accepts("text/html, application/json"));
    assert_true(accepts("text/html, */*;q=0.1"));
    assert_false(accepts("text/html"));
    assert_false(accepts("application/xml"));
    assert_false(accepts("application/json;q=0"));
    assert_false(accepts("application/json; q=0.000"));
    assert_false(accepts("*/*, application/json;q=0")); /* the more exact range decides */
    assert_false(accepts("application/json;q=0, */*"));
    assert_false(accepts("*/json"));
    assert_false(accepts(""));
}

static void test_content_type(void **state)
{
    hf_http_header h = { .name = hf_view_str("content-type"),
                         .value = hf_view_str("Application/JSON ; charset=utf-8") };
    hf_http_request r = { .headers = &h, .n_headers = 1 };

    (void)state;
    assert_true(hf_http_content_is(&r, "application/json"));
    h.value = hf_view_str("application/jsonx");
    assert_false(hf_http_content_is(&r, "application/json"));
    r.n_headers = 0;
    assert_false(hf_http_content_is(&r, "application/json"));
}

static hf_err parse(const char *text, size_t *ret_n, char *last, size_t cap)
{
    uint8_t scratch[256];
    hf_writer w = hf_writer_on(scratch, sizeof(scratch));
    hf_view query = hf_view_str(text);
    hf_http_parameter p;
    bool got;

    for (*ret_n = 0;; ++*ret_n) {
        HF_TRY(hf_http_query_next(&query, &w, &p, &got));
        if (!got)
            return HF_OK;
        HF_TRY(hf_view_to_str(p.value, last, cap));
    }
}

static void test_query(void **state)
{
    char last[64] = "";
    size_t n = 0;

    (void)state;
    assert_int_equal(parse("", &n, last, sizeof(last)), HF_OK);
    assert_int_equal(n, 0);
    assert_int_equal(parse("a=1&b=%41%7e&c", &n, last, sizeof(last)), HF_OK);
    assert_int_equal(n, 3);
    assert_string_equal(last, "");
    assert_int_equal(parse("a=x%C3%BC+y", &n, last, sizeof(last)), HF_OK);
    assert_string_equal(last, "x\xc3\xbc y");
    assert_int_equal(parse("a=x%2By%20z", &n, last, sizeof(last)), HF_OK);
    assert_string_equal(last, "x+y z");
    static const char *const bad[] = { "a=%", "a=%4", "a=%zz", "a=%00", "a=%0a", "=1", "&", "a=1&&b=2" };
    for (size_t i = 0; i < HF_COUNT(bad); i++)
        assert_int_equal(parse(bad[i], &n, last, sizeof(last)), HF_ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accept),
        cmocka_unit_test(test_content_type),
        cmocka_unit_test(test_query),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
