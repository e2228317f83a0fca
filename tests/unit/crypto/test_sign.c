/* Signatures: combinations, lengths, malformed signatures, one key in several threads. */
#include "common.h"

#include <pthread.h>
#include <stdatomic.h>

static const hf_view text = { (const uint8_t *)"the text to sign", 16 };

static hf_err sign(const hf_key *k, hf_scheme s, hf_hash h, bool pre, hf_view in, uint8_t *dst, size_t cap, size_t *len)
{
    return hf_key_sign(k, s, h, pre, in, dst, cap, len);
}

static void every_combination_that_exists_signs_and_verifies(void **state)
{
    (void)state;
    hf_key *k = test_key(HF_ALG_EC_P256);
    const hf_scheme schemes[] = { HF_SCHEME_DEFAULT, HF_SCHEME_ECDSA_DER, HF_SCHEME_ECDSA_RAW };
    const hf_hash hashes[] = { HF_HASH_NONE, HF_HASH_SHA256, HF_HASH_SHA384, HF_HASH_SHA512 };
    for (size_t s = 0; s < HF_COUNT(schemes); s++) {
        for (size_t h = 0; h < HF_COUNT(hashes); h++) {
            uint8_t sig[HF_SIGNATURE_MAX_BYTES], digest[HF_HASH_MAX_BYTES];
            hf_hash real = hashes[h] == HF_HASH_NONE ? HF_HASH_SHA256 : hashes[h];
            hf_view pre = { digest, hf_hash_bytes(real) };
            size_t len = 0;
            assert_int_equal(hf_digest(real, &text, 1, digest), HF_OK);
            assert_int_equal(sign(k, schemes[s], hashes[h], false, text, sig, sizeof sig, &len), HF_OK);
            assert_int_equal(hf_key_verify(k, schemes[s], real, true, pre, (hf_view) { sig, len }), HF_OK);
            assert_int_equal(sign(k, schemes[s], hashes[h], true, pre, sig, sizeof sig, &len), HF_OK);
            assert_int_equal(hf_key_verify(k, schemes[s], real, false, text, (hf_view) { sig, len }), HF_OK);
            if (schemes[s] == HF_SCHEME_ECDSA_RAW)
                assert_int_equal(len, 64);
            hf_hash other = real == HF_HASH_SHA256 ? HF_HASH_SHA384 : HF_HASH_SHA256;
            assert_int_equal(hf_key_verify(k, schemes[s], other, false, text, (hf_view) { sig, len }),
                             HF_ERR_BAD_SIGNATURE);
        }
    }
    hf_key_free(k);
}

static void combinations_that_do_not_exist_are_refused(void **state)
{
    (void)state;
    hf_key *ec = test_key(HF_ALG_EC_P256), *ed = test_key(HF_ALG_ED25519);
    hf_key *kem = test_key(HF_ALG_ML_KEM_768), *aes = test_key(HF_ALG_AES_256_GCM);
    const struct {
        const hf_key *key;
        hf_scheme scheme;
        hf_hash hash;
        bool prehashed;
    } rows[] = {
        { ec, HF_SCHEME_ED25519, HF_HASH_NONE, false },   { ed, HF_SCHEME_ECDSA_DER, HF_HASH_NONE, false },
        { ed, HF_SCHEME_ECDSA_RAW, HF_HASH_NONE, false }, { ed, HF_SCHEME_ED25519, HF_HASH_SHA512, false },
        { ed, HF_SCHEME_ED25519, HF_HASH_NONE, true },    { ed, HF_SCHEME_DEFAULT, HF_HASH_SHA512, true },
        { kem, HF_SCHEME_DEFAULT, HF_HASH_NONE, false },  { aes, HF_SCHEME_DEFAULT, HF_HASH_NONE, false },
        { ec, (hf_scheme)9, HF_HASH_NONE, false },        { ec, HF_SCHEME_DEFAULT, (hf_hash)9, false },
    };
    uint8_t sig[64] = { 0x5a };
    size_t len = 77;
    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        assert_int_equal(sign(rows[i].key, rows[i].scheme, rows[i].hash, rows[i].prehashed, text, sig, 64, &len),
                         HF_ERR_UNSUPPORTED);
        assert_int_equal(hf_key_verify(rows[i].key, rows[i].scheme, rows[i].hash, rows[i].prehashed, text,
                                       (hf_view) { sig, sizeof sig }),
                         HF_ERR_UNSUPPORTED);
    }
    assert_true(sig[0] == 0x5a && len == 77);
    hf_key_free(ec);
    hf_key_free(ed);
    hf_key_free(kem);
    hf_key_free(aes);
}

static void a_digest_of_the_wrong_length_is_refused(void **state)
{
    (void)state;
    hf_key *k = test_key(HF_ALG_EC_P256);
    const uint8_t bytes[65] = { 1 };
    uint8_t sig[80];
    size_t len = 0;
    for (size_t n = 0; n <= sizeof bytes; n++) {
        hf_err want = n == 32 ? HF_OK : HF_ERR_BOUNDS;
        assert_int_equal(sign(k, HF_SCHEME_DEFAULT, HF_HASH_NONE, true, (hf_view) { bytes, n }, sig, 80, &len), want);
        want = n == 64 ? HF_OK : HF_ERR_BOUNDS;
        assert_int_equal(sign(k, HF_SCHEME_DEFAULT, HF_HASH_SHA512, true, (hf_view) { bytes, n }, sig, 80, &len), want);
    }
    hf_key_free(k);
}

static void too_small_a_buffer_stays_untouched(void **state)
{
    (void)state;
    hf_key *ec = test_key(HF_ALG_EC_P256), *ed = test_key(HF_ALG_ED25519);
    uint8_t sig[64], same[64];
    size_t len = 77;
    memset(sig, 0x5a, sizeof sig);
    memset(same, 0x5a, sizeof same);
    assert_int_equal(sign(ec, HF_SCHEME_ECDSA_RAW, HF_HASH_NONE, false, text, sig, 63, &len), HF_ERR_BOUNDS);
    assert_int_equal(sign(ec, HF_SCHEME_ECDSA_DER, HF_HASH_NONE, false, text, sig, 7, &len), HF_ERR_BOUNDS);
    assert_int_equal(sign(ed, HF_SCHEME_ED25519, HF_HASH_NONE, false, text, sig, 63, &len), HF_ERR_BOUNDS);
    assert_memory_equal(sig, same, sizeof sig);
    assert_int_equal(len, 77);
    hf_key_free(ec);
    hf_key_free(ed);
}

static void a_public_key_verifies_but_does_not_sign(void **state)
{
    (void)state;
    const hf_alg algs[] = { HF_ALG_EC_P256, HF_ALG_ED25519 };
    for (size_t i = 0; i < HF_COUNT(algs); i++) {
        hf_key *k = test_key(algs[i]), *p = NULL, *other = test_key(algs[i]);
        uint8_t der[HF_SPKI_MAX_BYTES], sig[80];
        size_t der_len = 0, len = 0;
        assert_int_equal(hf_key_public_der(k, der, sizeof der, &der_len), HF_OK);
        assert_int_equal(hf_key_load_any_public((hf_view) { der, der_len }, &p), HF_OK);
        assert_int_equal(sign(k, HF_SCHEME_DEFAULT, HF_HASH_NONE, false, text, sig, sizeof sig, &len), HF_OK);
        hf_view s = { sig, len };
        assert_int_equal(hf_key_verify(p, HF_SCHEME_DEFAULT, HF_HASH_NONE, false, text, s), HF_OK);
        assert_int_equal(hf_key_verify(other, HF_SCHEME_DEFAULT, HF_HASH_NONE, false, text, s), HF_ERR_BAD_SIGNATURE);
        assert_int_equal(sign(p, HF_SCHEME_DEFAULT, HF_HASH_NONE, false, text, sig, sizeof sig, &len),
                         HF_ERR_UNSUPPORTED);
        hf_key_free(k);
        hf_key_free(p);
        hf_key_free(other);
    }
}

static void every_changed_bit_breaks_a_signature(void **state)
{
    (void)state;
    const struct {
        hf_alg alg;
        hf_scheme scheme;
    } rows[] = { { HF_ALG_EC_P256, HF_SCHEME_ECDSA_DER },
                 { HF_ALG_EC_P256, HF_SCHEME_ECDSA_RAW },
                 { HF_ALG_ED25519, HF_SCHEME_ED25519 } };
    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        hf_key *k = test_key(rows[i].alg);
        uint8_t sig[80];
        size_t len = 0;
        assert_int_equal(sign(k, rows[i].scheme, HF_HASH_NONE, false, text, sig, sizeof sig, &len), HF_OK);
        for (size_t bit = 0; bit < len * 8; bit++) {
            sig[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            assert_int_equal(hf_key_verify(k, rows[i].scheme, HF_HASH_NONE, false, text, (hf_view) { sig, len }),
                             HF_ERR_BAD_SIGNATURE);
            sig[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        }
        for (size_t n = 0; n <= sizeof sig; n++) {
            hf_err want = n == len ? HF_OK : HF_ERR_BAD_SIGNATURE;
            assert_int_equal(hf_key_verify(k, rows[i].scheme, HF_HASH_NONE, false, text, (hf_view) { sig, n }), want);
        }
        hf_key_free(k);
    }
}

/* Halving would read r and s of 31 bytes, or 33 with a leading zero, and accept. */
static void raw_signatures_have_one_length_only(void **state)
{
    (void)state;
    hf_key *k = test_key(HF_ALG_EC_P256);
    uint8_t sig[64], wide[66] = { 0 }, narrow[62];
    size_t len = 0;
    do { /* one signature in 65536 has a zero byte in front of both */
        assert_int_equal(sign(k, HF_SCHEME_ECDSA_RAW, HF_HASH_NONE, false, text, sig, sizeof sig, &len), HF_OK);
    } while (sig[0] != 0); /* here: only r, one in 256 */
    memcpy(wide + 1, sig, 32);
    memcpy(wide + 34, sig + 32, 32);
    memcpy(narrow, sig + 1, 31);
    memcpy(narrow + 31, sig + 32, 31);
    assert_int_equal(hf_key_verify(k, HF_SCHEME_ECDSA_RAW, HF_HASH_NONE, false, text, (hf_view) { sig, 64 }), HF_OK);
    assert_int_equal(hf_key_verify(k, HF_SCHEME_ECDSA_RAW, HF_HASH_NONE, false, text, (hf_view) { wide, 66 }),
                     HF_ERR_BAD_SIGNATURE);
    assert_int_equal(hf_key_verify(k, HF_SCHEME_ECDSA_RAW, HF_HASH_NONE, false, text, (hf_view) { narrow, 62 }),
                     HF_ERR_BAD_SIGNATURE);
    hf_key_free(k);
}

static void ecdsa_signatures_of_one_text_differ_and_ed25519_ones_do_not(void **state)
{
    (void)state;
    hf_key *ec = test_key(HF_ALG_EC_P256), *ed = test_key(HF_ALG_ED25519);
    uint8_t a[64], b[64];
    size_t len = 0;
    assert_int_equal(sign(ec, HF_SCHEME_ECDSA_RAW, HF_HASH_NONE, false, text, a, 64, &len), HF_OK);
    assert_int_equal(sign(ec, HF_SCHEME_ECDSA_RAW, HF_HASH_NONE, false, text, b, 64, &len), HF_OK);
    assert_memory_not_equal(a, b, 32); /* r comes from the nonce: equal ones give the key away */
    assert_int_equal(sign(ed, HF_SCHEME_ED25519, HF_HASH_NONE, false, text, a, 64, &len), HF_OK);
    assert_int_equal(sign(ed, HF_SCHEME_ED25519, HF_HASH_NONE, false, text, b, 64, &len), HF_OK);
    assert_memory_equal(a, b, 64);
    hf_key_free(ec);
    hf_key_free(ed);
}

static void empty_and_large_messages_work(void **state)
{
    (void)state;
    const hf_alg algs[] = { HF_ALG_EC_P256, HF_ALG_ED25519 };
    uint8_t *large = calloc(1, 1u << 20);
    assert_non_null(large);
    for (size_t i = 0; i < HF_COUNT(algs); i++) {
        hf_key *k = test_key(algs[i]);
        const hf_view inputs[] = { { NULL, 0 }, { large, 1u << 20 } };
        for (size_t j = 0; j < HF_COUNT(inputs); j++) {
            uint8_t sig[80];
            size_t len = 0;
            assert_int_equal(sign(k, HF_SCHEME_DEFAULT, HF_HASH_NONE, false, inputs[j], sig, sizeof sig, &len), HF_OK);
            assert_int_equal(
                hf_key_verify(k, HF_SCHEME_DEFAULT, HF_HASH_NONE, false, inputs[j], (hf_view) { sig, len }), HF_OK);
        }
        hf_key_free(k);
    }
    free(large);
}

/* ---- one key, more threads than the pool has slots ---- */

enum { THREADS = 8, ROUNDS = 150 };
static hf_key *shared_ec, *shared_ed, *shared_aes, *shared_kem;
static atomic_uint failures;

static bool signs(const hf_key *k, uint8_t id, unsigned round)
{
    uint8_t sig[80], message[5] = { id, (uint8_t)round };
    size_t len = 0;
    hf_view in = { message, sizeof message };
    return hf_key_sign(k, HF_SCHEME_DEFAULT, HF_HASH_NONE, false, in, sig, sizeof sig, &len) == HF_OK &&
           hf_key_verify(k, HF_SCHEME_DEFAULT, HF_HASH_NONE, false, in, (hf_view) { sig, len }) == HF_OK;
}

static bool seals(const hf_key *k, uint8_t id, unsigned round)
{
    uint8_t nonce[HF_GCM_NONCE_BYTES] = { id, (uint8_t)round, (uint8_t)(round >> 8) };
    uint8_t sealed[64 + HF_GCM_TAG_BYTES], back[64], plain[64];
    memset(plain, id, sizeof plain);
    return hf_key_seal(k, nonce, NULL, 0, (hf_view) { plain, sizeof plain }, sealed) == HF_OK &&
           hf_key_open(k, nonce, NULL, 0, (hf_view) { sealed, sizeof sealed }, back) == HF_OK &&
           memcmp(plain, back, sizeof plain) == 0;
}

static bool agrees(const hf_key *k)
{
    uint8_t ct[HF_KEM_CIPHERTEXT_MAX_BYTES], a[HF_KEM_SECRET_BYTES], b[HF_KEM_SECRET_BYTES];
    size_t len = 0;
    return hf_key_encapsulate(k, ct, sizeof ct, &len, a) == HF_OK &&
           hf_key_decapsulate(k, (hf_view) { ct, len }, b) == HF_OK && memcmp(a, b, sizeof a) == 0;
}

static void *work(void *arg)
{
    uint8_t id = *(const uint8_t *)arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        bool ok = signs(shared_ec, id, i) && signs(shared_ed, id, i) && seals(shared_aes, id, i) && agrees(shared_kem);
        atomic_fetch_add(&failures, ok ? 0u : 1u);
    }
    return NULL;
}

static void one_key_serves_many_threads(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    uint8_t ids[THREADS];
    shared_ec = test_key(HF_ALG_EC_P256);
    shared_ed = test_key(HF_ALG_ED25519);
    shared_aes = test_key(HF_ALG_AES_256_GCM);
    shared_kem = test_key(HF_ALG_ML_KEM_768);
    for (size_t i = 0; i < THREADS; i++) {
        ids[i] = (uint8_t)(i + 1);
        assert_int_equal(pthread_create(&threads[i], NULL, work, &ids[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&failures), 0);
    hf_key_free(shared_ec);
    hf_key_free(shared_ed);
    hf_key_free(shared_aes);
    hf_key_free(shared_kem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_combination_that_exists_signs_and_verifies),
        cmocka_unit_test(combinations_that_do_not_exist_are_refused),
        cmocka_unit_test(a_digest_of_the_wrong_length_is_refused),
        cmocka_unit_test(too_small_a_buffer_stays_untouched),
        cmocka_unit_test(a_public_key_verifies_but_does_not_sign),
        cmocka_unit_test(every_changed_bit_breaks_a_signature),
        cmocka_unit_test(raw_signatures_have_one_length_only),
        cmocka_unit_test(ecdsa_signatures_of_one_text_differ_and_ed25519_ones_do_not),
        cmocka_unit_test(empty_and_large_messages_work),
        cmocka_unit_test(one_key_serves_many_threads),
    };
    return cmocka_run_group_tests_name("sign", tests, test_start, NULL);
}
