/* What envelope_make writes, opened by the functions that core opens it with. openssl and Python do in test_wrap.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wrap/envelope.h"
#include <string.h>

static hf_err make_pair(hf_alg alg, hf_key **ret_private, hf_key **ret_public)
{
    HF_AUTO(hf_secret_freep) hf_secret *material = NULL;
    uint8_t spki[HF_SPKI_MAX_BYTES];
    size_t len = 0;

    HF_TRY(hf_key_generate(alg, &material));
    HF_TRY(hf_key_load_private(alg, material, ret_private));
    HF_TRY(hf_key_public_der(*ret_private, spki, sizeof(spki), &len));
    return hf_key_load_any_public(hf_view_of(spki, len), ret_public);
}

static hf_err open_kek(const hf_key *key, hf_view head, hf_secret **ret)
{
    if (hf_key_alg(key) != HF_ALG_ML_KEM_768)
        return hf_key_oaep_open(key, head, ret);
    HF_TRY(hf_secret_new(HF_KEM_SECRET_BYTES, ret));
    return hf_key_decapsulate(key, head, hf_secret_bytes(*ret));
}

static void round_trip(hf_alg alg, size_t head, size_t plain_len)
{
    static uint8_t wrapped[ENVELOPE_MAX_BYTES];
    hf_key *private = NULL, *public = NULL;
    hf_secret *plain = NULL, *kek = NULL, *again = NULL;
    size_t len = 0;

    assert_int_equal(make_pair(alg, &private, &public), HF_OK);
    assert_int_equal(hf_secret_new(plain_len, &plain), HF_OK);
    assert_int_equal(hf_random(hf_secret_bytes(plain), plain_len), HF_OK);
    assert_int_equal(envelope_make(public, plain, wrapped, &len), HF_OK);
    assert_int_equal(len, head + (plain_len + 7) / 8 * 8 + 8);
    assert_int_equal(open_kek(private, hf_view_of(wrapped, head), &kek), HF_OK);
    assert_int_equal(hf_kwp_unwrap(kek, hf_view_of(wrapped + head, len - head), &again), HF_OK);
    assert_int_equal(hf_secret_len(again), plain_len);
    assert_memory_equal(hf_secret_read(again), hf_secret_read(plain), plain_len);
    hf_secret_free(plain);
    hf_secret_free(kek);
    hf_secret_free(again);
    hf_key_free(private);
    hf_key_free(public);
}

static void test_round_trips(void **state)
{
    static const size_t lengths[] = { 1, 8, 9, 32, 138, 1217, 6000 };

    (void)state;
    for (size_t i = 0; i < HF_COUNT(lengths); i++)
        round_trip(HF_ALG_ML_KEM_768, 1088, lengths[i]);
    round_trip(HF_ALG_RSA_2048, 256, 32);
    round_trip(HF_ALG_RSA_2048, 256, 1217);
}

static void test_keys_that_cannot_wrap(void **state)
{
    static const hf_alg algs[] = { HF_ALG_EC_P256, HF_ALG_ED25519, HF_ALG_EC_P384 };
    static uint8_t wrapped[ENVELOPE_MAX_BYTES];
    hf_secret *plain = NULL;
    size_t len = 7;

    (void)state;
    assert_int_equal(hf_secret_new(32, &plain), HF_OK);
    for (size_t i = 0; i < HF_COUNT(algs); i++) {
        hf_key *private = NULL, *public = NULL;
        assert_int_equal(make_pair(algs[i], &private, &public), HF_OK);
        assert_int_equal(envelope_make(public, plain, wrapped, &len), HF_ERR_UNSUPPORTED);
        assert_int_equal(len, 7);
        hf_key_free(private);
        hf_key_free(public);
    }
    hf_secret_free(plain);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_keys_that_cannot_wrap),
    };
    hf_arena *arena = NULL;
    const char *why;

    if (hf_arena_create(&(hf_arena_spec) { 6u << 20, HF_BACKING_MALLOC }, &arena, &why) != HF_OK)
        return 1;
    hf_secret_use_arena(arena);
    if (hf_crypto_start(arena) != HF_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
