/* The PROXY protocol's header, version 2: what names a client, and what ends the connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/proxy.h"
#include <string.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

/* Feeds text in pieces of at most `step` bytes; *ret_used is what was taken. */
static hf_err feed(hf_view text, size_t step, hf_proxy *ret, size_t *ret_used)
{
    size_t used = 0, wants;

    *ret = (hf_proxy) { .have = 0 };
    while ((wants = hf_proxy_wants(ret)) > 0 && used < text.len) {
        size_t n = wants < step ? wants : step;
        n = n < text.len - used ? n : text.len - used;
        HF_TRY(hf_proxy_take(ret, hf_view_of(text.ptr + used, n)));
        used += n;
    }
    *ret_used = used;
    return HF_OK;
}

static hf_view header(uint8_t command, uint8_t family, uint16_t length, const void *rest, size_t rest_len)
{
    static uint8_t text[8192];

    memcpy(text, SIGNATURE, 12);
    text[12] = command;
    text[13] = family;
    text[14] = (uint8_t)(length >> 8);
    text[15] = (uint8_t)length;
    memset(text + 16, 0, sizeof(text) - 16);
    memcpy(text + 16, rest, rest_len);
    return hf_view_of(text, (size_t)16 + length + 3); /* and the first bytes of TLS */
}

static const uint8_t four[12] = { 192, 0, 2, 7, 198, 51, 100, 1, 0x30, 0x39, 0x20, 0xfb };
static const uint8_t six[36] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 7, [16] = 0x20, 0x01, 0x0d, 0xb8 };

static void clients_are_named(void **state)
{
    static const uint8_t mapped[16] = { [10] = 0xff, 0xff, 192, 0, 2, 7 };
    static const size_t steps[] = { 1, 5, 16, 4096 };
    hf_proxy p;
    size_t used;

    (void)state;
    for (size_t i = 0; i < HF_COUNT(steps); i++) {
        assert_int_equal(feed(header(0x21, 0x11, 12, four, 12), steps[i], &p, &used), HF_OK);
        assert_int_equal(hf_proxy_wants(&p), 0);
        assert_int_equal(used, 28); /* not one byte of what is behind it */
        assert_false(p.local);
        assert_memory_equal(p.address, mapped, 16);
        assert_int_equal(feed(header(0x21, 0x21, 36, six, 36), steps[i], &p, &used), HF_OK);
        assert_int_equal(used, 52);
        assert_memory_equal(p.address, six, 16);
    }
}

static void what_follows_the_addresses_is_skipped(void **state)
{
    static const uint16_t lengths[] = { 12, 13, 15, 100, 536, 4096 };
    hf_proxy p;
    size_t used;

    (void)state;
    for (size_t i = 0; i < HF_COUNT(lengths); i++) {
        assert_int_equal(feed(header(0x21, 0x11, lengths[i], four, 12), 7, &p, &used), HF_OK);
        assert_int_equal(hf_proxy_wants(&p), 0);
        assert_int_equal(used, 16u + lengths[i]);
        assert_int_equal(p.address[15], 7);
    }
}

static void a_proxy_may_speak_for_itself(void **state)
{
    static const uint16_t lengths[] = { 0, 1, 12, 300 };
    hf_proxy p;
    size_t used;

    (void)state;
    for (size_t i = 0; i < HF_COUNT(lengths); i++) {
        assert_int_equal(feed(header(0x20, 0x00, lengths[i], four, 12), 3, &p, &used), HF_OK);
        assert_true(p.local);
        assert_int_equal(used, 16u + lengths[i]);
    }
}

static void everything_else_is_refused(void **state)
{
    static const struct {
        uint8_t command, family;
        uint16_t length;
    } rows[] = {
        { 0x22, 0x11, 12 },   { 0x11, 0x11, 12 }, { 0x01, 0x11, 12 }, { 0x31, 0x11, 12 },   /* commands, versions */
        { 0x21, 0x00, 12 },   { 0x21, 0x12, 12 }, { 0x21, 0x22, 36 }, { 0x21, 0x31, 216 }, /* unspecified, UDP, Unix */
        { 0x21, 0x10, 12 },   { 0x21, 0x13, 12 }, { 0x21, 0x41, 36 }, { 0x21, 0x01, 12 },
        { 0x21, 0x11, 11 },   { 0x21, 0x11, 0 },  { 0x21, 0x21, 35 }, { 0x21, 0x11, 4097 }, /* lengths */
        { 0x20, 0x00, 4097 },
    };
    hf_proxy p;
    size_t used;

    (void)state;
    for (size_t i = 0; i < HF_COUNT(rows); i++)
        for (size_t step = 1; step <= 16; step += 15)
            assert_int_equal(feed(header(rows[i].command, rows[i].family, rows[i].length, six, 36), step, &p, &used),
                             HF_ERR_MALFORMED);
    assert_int_equal(feed(hf_view_str("PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r\n"), 1, &p, &used), HF_ERR_MALFORMED);
    assert_int_equal(feed(hf_view_of("\x16\x03\x01", 3), 1, &p, &used), HF_ERR_MALFORMED);
}

/* At the first byte that differs: a client that is none of ours is not waited for. */
static void a_wrong_signature_is_seen_at_once(void **state)
{
    uint8_t text[12];
    hf_proxy p;
    size_t used;

    (void)state;
    for (size_t i = 0; i < sizeof(text); i++) {
        memcpy(text, SIGNATURE, sizeof(text));
        text[i] ^= 0x80;
        assert_int_equal(feed(hf_view_of(text, i + 1), 1, &p, &used), HF_ERR_MALFORMED);
        assert_int_equal(feed(hf_view_of(text, i), 1, &p, &used), HF_OK);
        assert_true(hf_proxy_wants(&p) > 0);
    }
}

static void more_than_was_asked_for_is_refused(void **state)
{
    hf_proxy p = { .have = 0 };
    hf_view text = header(0x21, 0x11, 12, four, 12);

    (void)state;
    assert_int_equal(hf_proxy_take(&p, hf_view_of(text.ptr, 17)), HF_ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients_are_named),
        cmocka_unit_test(what_follows_the_addresses_is_skipped),
        cmocka_unit_test(a_proxy_may_speak_for_itself),
        cmocka_unit_test(everything_else_is_refused),
        cmocka_unit_test(a_wrong_signature_is_seen_at_once),
        cmocka_unit_test(more_than_was_asked_for_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
