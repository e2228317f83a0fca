/* What the tests of records share: locked memory, and the keys of a fixed root key. */
#ifndef HF_TEST_RECORDS_FIXTURE_H
#define HF_TEST_RECORDS_FIXTURE_H

#include "crypto/crypto.h"
#include "records/root_keys.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

/* After what it needs. */
#include <cmocka.h>

static hf_root_keys *keys;       /* from root bytes 00 01 02 ... 3f */
static hf_root_keys *other_keys; /* from another root */

__attribute__((unused)) static hf_secret *secret_of(uint8_t first, size_t len)
{
    hf_secret *s = NULL;
    assert_int_equal(hf_secret_new(len, &s), HF_OK);
    for (size_t i = 0; i < len; i++)
        hf_secret_bytes(s)[i] = (uint8_t)(first + i);
    return s;
}

static int set_up(void **state)
{
    (void)state;
    hf_arena *arena = NULL;
    const char *why = NULL;
    const hf_arena_spec spec = { .bytes = 4u << 20, .weakest = HF_BACKING_MALLOC };
    if (hf_arena_create(&spec, &arena, &why) != HF_OK || hf_crypto_start(arena) != HF_OK)
        return -1;
    hf_secret_use_arena(arena);
    hf_secret *root = secret_of(0, HF_ROOT_KEY_BYTES);
    hf_secret *other = secret_of(1, HF_ROOT_KEY_BYTES);
    const bool ok = hf_root_keys_derive(root, &keys) == HF_OK && hf_root_keys_derive(other, &other_keys) == HF_OK;
    hf_secret_free(root);
    hf_secret_free(other);
    return ok ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    hf_root_keys_free(keys);
    hf_root_keys_free(other_keys);
    return 0;
}

/* Opens `blob` in whatever way a test wants; HF_OK means that it was believed. */
typedef hf_err (*opener)(hf_view blob, const hf_root_keys *with);

/* Every flipped bit, every shorter length, one byte more, and another root key must be refused. */
__attribute__((unused)) static void assert_tamper_evident(const uint8_t *blob, size_t len, opener open)
{
    static uint8_t copy[160000];
    assert_true(len + 1 < sizeof(copy));
    memcpy(copy, blob, len);
    assert_int_equal(open(hf_view_of(copy, len), keys), HF_OK);
    assert_int_not_equal(open(hf_view_of(copy, len), other_keys), HF_OK);
    for (size_t i = 0; i < len; i++) {
        copy[i] ^= (uint8_t)(1u << (i % 8));
        assert_int_not_equal(open(hf_view_of(copy, len), keys), HF_OK);
        copy[i] ^= (uint8_t)(1u << (i % 8));
    }
    for (size_t n = 0; n < len; n++)
        assert_int_not_equal(open(hf_view_of(copy, n), keys), HF_OK);
    copy[len] = 0;
    assert_int_not_equal(open(hf_view_of(copy, len + 1), keys), HF_OK);
    assert_int_equal(open(hf_view_of(copy, len), keys), HF_OK);
}

#endif
