/* What every test program of this folder needs: one arena, one started library, hexadecimal input. */
#ifndef HF_TEST_CRYPTO_COMMON_H
#define HF_TEST_CRYPTO_COMMON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the five above first */
#include <cmocka.h>

#include "base/text.h"
#include "crypto/crypto.h"

static hf_arena *test_arena;

/* 32 MiB in the best backing that this machine gives. */
static inline int test_start(void **state)
{
    (void)state;
    const hf_arena_spec spec = { 32u << 20, HF_BACKING_MALLOC };
    const char *why = "";
    if (hf_arena_create(&spec, &test_arena, &why) != HF_OK) {
        fprintf(stderr, "no arena: %s\n", why);
        return -1;
    }
    hf_secret_use_arena(test_arena);
    return hf_crypto_start(test_arena) == HF_OK ? 0 : -1;
}

static inline hf_view test_hex(const char *hex, uint8_t *dst, size_t cap)
{
    size_t len = 0;
    assert_int_equal(hf_hex_decode(hf_view_str(hex), dst, cap, &len), HF_OK);
    return (hf_view) { dst, len };
}

static inline hf_key *test_key(hf_alg a)
{
    hf_secret *material = NULL;
    hf_key *key = NULL;
    assert_int_equal(hf_key_generate(a, &material), HF_OK);
    assert_int_equal(hf_key_load_private(a, material, &key), HF_OK);
    hf_secret_free(material);
    return key;
}

/* Loads private material given as bytes; *ret is NULL unless HF_OK. */
static inline hf_err test_load(hf_alg a, const uint8_t *bytes, size_t len, hf_key **ret)
{
    hf_secret *material = NULL;
    *ret = NULL;
    assert_int_equal(hf_secret_copy(bytes, len, &material), HF_OK);
    hf_err e = hf_key_load_private(a, material, ret);
    hf_secret_free(material);
    return e;
}

#endif
