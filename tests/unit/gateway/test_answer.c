/* Errors as statuses, the headers of every answer, and JSON that any reader takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/answer.h"
#include <string.h>
#include <yyjson.h>

static void test_statuses(void **state)
{
    static const struct {
        hf_err e;
        uint16_t status;
    } expected[] = {
        { HF_ERR_MALFORMED, 400 },      { HF_ERR_NO_TOKEN, 401 },    { HF_ERR_DENIED, 403 },
        { HF_ERR_NOT_FOUND, 404 },      { HF_ERR_EXISTS, 409 },      { HF_ERR_WRONG_STATE, 409 },
        { HF_ERR_TOO_LARGE, 413 },      { HF_ERR_WRONG_USAGE, 422 }, { HF_ERR_RATE, 429 },
        { HF_ERR_SEALED, 503 },         { HF_ERR_PEER_GONE, 503 },   { HF_ERR_TIMEOUT, 504 },
        { HF_ERR_BAD_CIPHERTEXT, 422 }, { HF_ERR_INTERNAL, 500 },
    };

    (void)state;
    for (size_t i = 0; i < HF_COUNT(expected); i++)
        assert_int_equal(status_of(expected[i].e), expected[i].status);
    for (int e = HF_OK + 1; e < HF_ERR_COUNT; e++) {
        assert_in_range(status_of((hf_err)e), 400, 504);
        assert_string_not_equal(hf_http_reason(status_of((hf_err)e)), "Unknown");
    }
}

static void test_headers(void **state)
{
    uint8_t text[512];
    hf_writer w = hf_writer_on(text, sizeof(text) - 1);

    (void)state;
    answer_headers((hf_wall) { INT64_C(784111777) * HF_NS_PER_S }, &w);
    assert_false(w.failed);
    text[w.len] = 0;
    assert_non_null(strstr((char *)text, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n")); /* the example of RFC 9110 */
    assert_non_null(strstr((char *)text, "Server: holdfast\r\n"));
    assert_non_null(strstr((char *)text, "X-Content-Type-Options: nosniff\r\n"));
    assert_non_null(strstr((char *)text, "Strict-Transport-Security: max-age="));
}

/* Whatever text goes in comes out of another reader unchanged. */
static void test_text_survives(void **state)
{
    static const uint8_t text[] = "a\"b\\c/\n\t\x01\x7f\xc3\xa9\xf0\x9f\x94\x91";
    json_out o = { 0 };

    (void)state;
    json_open(&o, '{');
    json_key(&o, "t");
    json_text(&o, hf_view_of(text, sizeof(text))); /* with its NUL */
    json_key(&o, "n");
    json_uint(&o, UINT64_MAX);
    json_key(&o, "l");
    json_open(&o, '[');
    json_close(&o, ']');
    json_key(&o, "b");
    json_b64(&o, hf_view_of("abcd", 4));
    json_key(&o, "u");
    json_b64url(&o, hf_view_of("\xff\xef\xbe\xff", 4));
    json_members(&o, hf_view_str("{\"m\":1,\"k\":[2]}"));
    json_members(&o, hf_view_str("{}"));
    json_name(&o, hf_view_str("q\""));
    json_bool(&o, true);
    json_close(&o, '}');
    assert_false(o.failed);
    yyjson_doc *doc = yyjson_read(o.bytes, o.len, YYJSON_READ_NOFLAG);
    assert_non_null(doc);
    yyjson_val *root = yyjson_doc_get_root(doc);
    assert_int_equal(yyjson_get_len(yyjson_obj_get(root, "t")), sizeof(text));
    assert_memory_equal(yyjson_get_str(yyjson_obj_get(root, "t")), text, sizeof(text));
    assert_true(yyjson_get_uint(yyjson_obj_get(root, "n")) == UINT64_MAX);
    assert_string_equal(yyjson_get_str(yyjson_obj_get(root, "b")), "YWJjZA==");
    assert_string_equal(yyjson_get_str(yyjson_obj_get(root, "u")), "_---_w");
    assert_true(yyjson_get_uint(yyjson_obj_get(root, "m")) == 1 && yyjson_arr_size(yyjson_obj_get(root, "k")) == 1);
    assert_true(yyjson_get_bool(yyjson_obj_get(root, "q\"")));
    yyjson_doc_free(doc);
    json_out_free(&o);
}

static void test_buffer_is_wiped_for_the_next_answer(void **state)
{
    json_out o = { 0 };

    (void)state;
    json_text(&o, hf_view_str("a plaintext that must not stay"));
    size_t len = o.len;
    json_out_reset(&o);
    assert_int_equal(o.len, 0);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(o.bytes[i], 0);
    json_out_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_text_survives),
        cmocka_unit_test(test_buffer_is_wiped_for_the_next_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
