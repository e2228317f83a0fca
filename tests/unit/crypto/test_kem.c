/* ML-KEM: agreement, implicit rejection, lengths. */
#include "common.h"

static void both_sides_get_the_same_secret(void **state)
{
    (void)state;
    hf_key *k = test_key(HF_ALG_ML_KEM_768), *p = NULL;
    uint8_t der[HF_SPKI_MAX_BYTES], ct[HF_KEM_CIPHERTEXT_MAX_BYTES], a[HF_KEM_SECRET_BYTES], b[HF_KEM_SECRET_BYTES];
    size_t der_len = 0, len = 0;
    assert_int_equal(hf_key_public_der(k, der, sizeof der, &der_len), HF_OK);
    assert_int_equal(hf_key_load_public(HF_ALG_ML_KEM_768, (hf_view) { der, der_len }, &p), HF_OK);
    assert_int_equal(hf_key_encapsulate(p, ct, sizeof ct, &len, a), HF_OK);
    assert_int_equal(len, hf_kem_ciphertext_bytes(HF_ALG_ML_KEM_768));
    assert_int_equal(hf_key_decapsulate(k, (hf_view) { ct, len }, b), HF_OK);
    assert_memory_equal(a, b, sizeof a);
    assert_int_equal(hf_key_decapsulate(p, (hf_view) { ct, len }, b), HF_ERR_UNSUPPORTED);
    hf_key_free(k);
    hf_key_free(p);
}

static void encapsulations_differ(void **state)
{
    (void)state;
    hf_key *k = test_key(HF_ALG_ML_KEM_768);
    uint8_t ct[2][HF_KEM_CIPHERTEXT_MAX_BYTES], secret[2][HF_KEM_SECRET_BYTES];
    size_t len = 0;
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(hf_key_encapsulate(k, ct[i], sizeof ct[i], &len, secret[i]), HF_OK);
    assert_memory_not_equal(ct[0], ct[1], len);
    assert_memory_not_equal(secret[0], secret[1], HF_KEM_SECRET_BYTES);
    hf_key_free(k);
}

static void a_changed_ciphertext_gives_another_secret_and_always_the_same_one(void **state)
{
    (void)state;
    hf_key *k = test_key(HF_ALG_ML_KEM_768);
    uint8_t ct[HF_KEM_CIPHERTEXT_MAX_BYTES], good[32], bad[32], again[32];
    size_t len = 0;
    assert_int_equal(hf_key_encapsulate(k, ct, sizeof ct, &len, good), HF_OK);
    for (size_t i = 0; i < len; i += 17) {
        ct[i] ^= 0x10;
        assert_int_equal(hf_key_decapsulate(k, (hf_view) { ct, len }, bad), HF_OK);
        assert_int_equal(hf_key_decapsulate(k, (hf_view) { ct, len }, again), HF_OK);
        assert_memory_not_equal(good, bad, sizeof good);
        assert_memory_equal(bad, again, sizeof bad);
        ct[i] ^= 0x10;
    }
    hf_key_free(k);
}

static void wrong_lengths_and_wrong_keys_are_refused(void **state)
{
    (void)state;
    hf_key *k = test_key(HF_ALG_ML_KEM_768), *ec = test_key(HF_ALG_EC_P256), *aes = test_key(HF_ALG_AES_256_GCM);
    uint8_t ct[HF_KEM_CIPHERTEXT_MAX_BYTES] = { 0 }, secret[32] = { 0x5a };
    size_t len = 77, right = hf_kem_ciphertext_bytes(HF_ALG_ML_KEM_768);
    for (size_t n = 0; n <= sizeof ct; n++) {
        if (n != right)
            assert_int_equal(hf_key_decapsulate(k, (hf_view) { ct, n }, secret), HF_ERR_BAD_CIPHERTEXT);
    }
    assert_int_equal(hf_key_encapsulate(k, ct, right - 1, &len, secret), HF_ERR_BOUNDS);
    assert_int_equal(hf_key_encapsulate(ec, ct, sizeof ct, &len, secret), HF_ERR_UNSUPPORTED);
    assert_int_equal(hf_key_encapsulate(aes, ct, sizeof ct, &len, secret), HF_ERR_UNSUPPORTED);
    assert_int_equal(hf_key_decapsulate(ec, (hf_view) { ct, right }, secret), HF_ERR_UNSUPPORTED);
    assert_int_equal(hf_key_decapsulate(aes, (hf_view) { ct, right }, secret), HF_ERR_UNSUPPORTED);
    assert_int_equal(hf_kem_ciphertext_bytes(HF_ALG_EC_P256), 0);
    assert_true(secret[0] == 0x5a && len == 77);
    hf_key_free(k);
    hf_key_free(ec);
    hf_key_free(aes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_get_the_same_secret),
        cmocka_unit_test(encapsulations_differ),
        cmocka_unit_test(a_changed_ciphertext_gives_another_secret_and_always_the_same_one),
        cmocka_unit_test(wrong_lengths_and_wrong_keys_are_refused),
    };
    return cmocka_run_group_tests_name("kem", tests, test_start, NULL);
}
