/* Digests, HMAC, HKDF and AES-256-GCM: edges that the published vectors do not reach. */
#include "common.h"

static const uint8_t key[HF_GCM_KEY_BYTES] = { 1, 2, 3 };
static const uint8_t nonce[HF_GCM_NONCE_BYTES] = { 9, 8, 7 };

static void digest_does_not_depend_on_how_the_input_is_cut(void **state)
{
    (void)state;
    const char text[] = "one message in several parts";
    const hf_hash hashes[] = { HF_HASH_SHA256, HF_HASH_SHA384, HF_HASH_SHA512 };
    for (size_t h = 0; h < HF_COUNT(hashes); h++) {
        uint8_t whole[HF_HASH_MAX_BYTES], cut[HF_HASH_MAX_BYTES];
        hf_view all = hf_view_str(text);
        assert_int_equal(hf_digest(hashes[h], &all, 1, whole), HF_OK);
        for (size_t i = 0; i <= all.len; i++) {
            hf_view parts[] = { { all.ptr, i }, { NULL, 0 }, { all.ptr + i, all.len - i } };
            assert_int_equal(hf_digest(hashes[h], parts, HF_COUNT(parts), cut), HF_OK);
            assert_memory_equal(cut, whole, hf_hash_bytes(hashes[h]));
        }
    }
}

static void unknown_hashes_are_refused_and_dst_is_untouched(void **state)
{
    (void)state;
    uint8_t dst[HF_HASH_MAX_BYTES] = { 0x5a };
    hf_view text = hf_view_str("x");
    assert_int_equal(hf_digest(HF_HASH_NONE, &text, 1, dst), HF_ERR_UNSUPPORTED);
    assert_int_equal(hf_hmac(HF_HASH_NONE, text, &text, 1, dst), HF_ERR_UNSUPPORTED);
    assert_int_equal(hf_hkdf(HF_HASH_NONE, text, text, text, dst, 8), HF_ERR_UNSUPPORTED);
    assert_int_equal(dst[0], 0x5a);
}

static void hmac_with_an_empty_key_does_not_reuse_the_last_one(void **state)
{
    (void)state;
    uint8_t first[32], again[32], hex[32];
    hf_view text = hf_view_str("");
    assert_int_equal(hf_hmac(HF_HASH_SHA256, hf_view_str("key"), &text, 1, first), HF_OK);
    assert_int_equal(hf_hmac(HF_HASH_SHA256, (hf_view) { NULL, 0 }, &text, 1, again), HF_OK);
    /* HMAC-SHA-256 of nothing under an empty key, as every implementation gives it */
    test_hex("b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad", hex, sizeof hex);
    assert_memory_equal(again, hex, sizeof hex);
    assert_memory_not_equal(again, first, sizeof first);
}

static void hkdf_has_the_bounds_of_rfc_5869(void **state)
{
    (void)state;
    uint8_t *out = malloc(255 * 32 + 1);
    hf_view k = hf_view_str("input"), none = { NULL, 0 };
    assert_non_null(out);
    assert_int_equal(hf_hkdf(HF_HASH_SHA256, k, none, none, out, 255 * 32), HF_OK);
    assert_int_equal(hf_hkdf(HF_HASH_SHA256, k, none, none, out, 255 * 32 + 1), HF_ERR_BOUNDS);
    assert_int_equal(hf_hkdf(HF_HASH_SHA256, k, none, none, out, 0), HF_ERR_BOUNDS);
    free(out);
}

static void hkdf_inputs_each_matter(void **state)
{
    (void)state;
    uint8_t a[32], b[32];
    hf_view k = hf_view_str("input"), x = hf_view_str("x"), none = { NULL, 0 };
    assert_int_equal(hf_hkdf(HF_HASH_SHA512, k, none, none, a, 32), HF_OK);
    assert_int_equal(hf_hkdf(HF_HASH_SHA512, k, x, none, b, 32), HF_OK);
    assert_memory_not_equal(a, b, 32);
    assert_int_equal(hf_hkdf(HF_HASH_SHA512, k, none, x, b, 32), HF_OK);
    assert_memory_not_equal(a, b, 32);
    assert_int_equal(hf_hkdf(HF_HASH_SHA512, x, none, none, b, 32), HF_OK);
    assert_memory_not_equal(a, b, 32);
}

static void gcm_round_trip(size_t len)
{
    uint8_t *plain = malloc(len + 1), *sealed = malloc(len + HF_GCM_TAG_BYTES), *back = malloc(len + 1);
    hf_view aad[] = { hf_view_str("head"), { NULL, 0 }, hf_view_str("tail") };
    assert_true(plain != NULL && sealed != NULL && back != NULL);
    for (size_t i = 0; i < len; i++)
        plain[i] = (uint8_t)(i * 31);
    back[len] = 0xee;
    assert_int_equal(hf_gcm_seal(key, nonce, aad, 3, (hf_view) { plain, len }, sealed), HF_OK);
    hf_view in = { sealed, len + HF_GCM_TAG_BYTES };
    assert_int_equal(hf_gcm_open(key, nonce, aad, 3, in, back), HF_OK);
    assert_memory_equal(plain, back, len);
    assert_int_equal(back[len], 0xee);
    hf_view joined = hf_view_str("headtail");
    assert_int_equal(hf_gcm_open(key, nonce, &joined, 1, in, back), HF_OK);
    free(plain);
    free(sealed);
    free(back);
}

static void gcm_works_for_every_length_that_is_used(void **state)
{
    (void)state;
    const size_t lengths[] = { 0, 1, 15, 16, 17, 255, 4096, 65536, 1u << 20 };
    for (size_t i = 0; i < HF_COUNT(lengths); i++)
        gcm_round_trip(lengths[i]);
}

static void gcm_refuses_every_changed_bit_and_wipes(void **state)
{
    (void)state;
    const uint8_t plain[20] = "twenty bytes of text";
    uint8_t sealed[sizeof plain + HF_GCM_TAG_BYTES], back[sizeof plain];
    const uint8_t zero[sizeof plain] = { 0 };
    assert_int_equal(hf_gcm_seal(key, nonce, NULL, 0, (hf_view) { plain, sizeof plain }, sealed), HF_OK);
    for (size_t bit = 0; bit < sizeof sealed * 8; bit++) {
        sealed[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        memset(back, 0x77, sizeof back);
        assert_int_equal(hf_gcm_open(key, nonce, NULL, 0, (hf_view) { sealed, sizeof sealed }, back),
                         HF_ERR_BAD_CIPHERTEXT);
        assert_memory_equal(back, zero, sizeof back);
        sealed[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
}

static void gcm_refuses_short_input(void **state)
{
    (void)state;
    uint8_t sealed[HF_GCM_TAG_BYTES], back[1] = { 0x77 };
    hf_view none = { NULL, 0 };
    assert_int_equal(hf_gcm_seal(key, nonce, NULL, 0, none, sealed), HF_OK);
    for (size_t n = 0; n < sizeof sealed; n++)
        assert_int_equal(hf_gcm_open(key, nonce, NULL, 0, (hf_view) { sealed, n }, back), HF_ERR_BAD_CIPHERTEXT);
    assert_int_equal(hf_gcm_open(key, nonce, NULL, 0, none, back), HF_ERR_BAD_CIPHERTEXT);
    assert_int_equal(back[0], 0x77);
}

/* The pooled context must carry nothing from one use to the next, in either direction, also after a refusal. */
static void key_object_gives_what_the_plain_function_gives(void **state)
{
    (void)state;
    hf_key *k = NULL;
    uint8_t a[64], b[64], back[48], n2[HF_GCM_NONCE_BYTES];
    const uint8_t plain[48] = "mixed use of one key object";
    assert_int_equal(test_load(HF_ALG_AES_256_GCM, key, sizeof key, &k), HF_OK);
    for (unsigned i = 0; i < 200; i++) {
        hf_view text = { plain, i % sizeof plain };
        hf_view aad = { plain, i % 7 };
        memcpy(n2, nonce, sizeof n2);
        n2[11] = (uint8_t)i;
        assert_int_equal(hf_gcm_seal(key, n2, &aad, 1, text, a), HF_OK);
        assert_int_equal(hf_key_seal(k, n2, &aad, 1, text, b), HF_OK);
        assert_memory_equal(a, b, text.len + HF_GCM_TAG_BYTES);
        hf_view sealed = { b, text.len + HF_GCM_TAG_BYTES };
        assert_int_equal(hf_key_open(k, n2, &aad, 1, sealed, back), HF_OK);
        assert_memory_equal(back, plain, text.len);
        b[i % sealed.len] ^= 1;
        assert_int_equal(hf_key_open(k, n2, &aad, 1, sealed, back), HF_ERR_BAD_CIPHERTEXT);
    }
    hf_key_free(k);
}

static void random_gives_different_bytes_of_any_length(void **state)
{
    (void)state;
    static uint8_t a[70000], b[70000];
    assert_int_equal(hf_random(a, sizeof a), HF_OK);
    assert_int_equal(hf_random(b, sizeof b), HF_OK);
    for (size_t at = 0; at + 32 <= sizeof a; at += 32) /* every chunk was filled, the last one too */
        assert_memory_not_equal(a + at, b + at, 32);
    assert_int_equal(hf_random(a, 0), HF_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digest_does_not_depend_on_how_the_input_is_cut),
        cmocka_unit_test(unknown_hashes_are_refused_and_dst_is_untouched),
        cmocka_unit_test(hmac_with_an_empty_key_does_not_reuse_the_last_one),
        cmocka_unit_test(hkdf_has_the_bounds_of_rfc_5869),
        cmocka_unit_test(hkdf_inputs_each_matter),
        cmocka_unit_test(gcm_works_for_every_length_that_is_used),
        cmocka_unit_test(gcm_refuses_every_changed_bit_and_wipes),
        cmocka_unit_test(gcm_refuses_short_input),
        cmocka_unit_test(key_object_gives_what_the_plain_function_gives),
        cmocka_unit_test(random_gives_different_bytes_of_any_length),
    };
    return cmocka_run_group_tests_name("symmetric", tests, test_start, NULL);
}
