/* Signatures: combinations, lengths, malformed signatures, one key in several threads. */
#include "common.h"

#include <pthread.h>
#include <stdatomic.h>

static const hf_view text = { (const uint8_t *)"the text to sign", 16 };

static hf_err sign(const hf_key *k, hf_scheme s, hf_hash h, bool pre, hf_view in, uint8_t *dst, size_t cap, size_t *len)
{
    return hf_key_sign(k, s, h, pre, in, dst, cap, len);
}

/* Every scheme and hash of the algorithms that sign digests; signature_len 0: it varies. */
static const struct digest_scheme {
    hf_alg alg;
    hf_scheme scheme;
    hf_hash default_hash;
    size_t signature_len;
} digest_schemes[] = {
    { HF_ALG_EC_P256, HF_SCHEME_DEFAULT, HF_HASH_SHA256, 0 },
    { HF_ALG_EC_P256, HF_SCHEME_ECDSA_DER, HF_HASH_SHA256, 0 },
    { HF_ALG_EC_P256, HF_SCHEME_ECDSA_RAW, HF_HASH_SHA256, 64 },
    { HF_ALG_EC_P384, HF_SCHEME_DEFAULT, HF_HASH_SHA384, 0 },
    { HF_ALG_EC_P384, HF_SCHEME_ECDSA_DER, HF_HASH_SHA384, 0 },
    { HF_ALG_EC_P384, HF_SCHEME_ECDSA_RAW, HF_HASH_SHA384, 96 },
    { HF_ALG_RSA_2048, HF_SCHEME_DEFAULT, HF_HASH_SHA256, 256 },
    { HF_ALG_RSA_2048, HF_SCHEME_RSA_PSS, HF_HASH_SHA256, 256 },
    { HF_ALG_RSA_2048, HF_SCHEME_RSA_PKCS1, HF_HASH_SHA256, 256 },
    { HF_ALG_RSA_3072, HF_SCHEME_RSA_PSS, HF_HASH_SHA256, 384 },
    { HF_ALG_RSA_3072, HF_SCHEME_RSA_PKCS1, HF_HASH_SHA256, 384 },
};

static void combination_works(const hf_key *k, const struct digest_scheme *row, hf_hash h)
{
    uint8_t sig[HF_SIGNATURE_MAX_BYTES], digest[HF_HASH_MAX_BYTES];
    hf_hash real = h == HF_HASH_NONE ? row->default_hash : h;
    hf_hash other = real == HF_HASH_SHA256 ? HF_HASH_SHA384 : HF_HASH_SHA256;
    hf_view pre = { digest, hf_hash_bytes(real) };
    size_t len = 0;
    assert_int_equal(hf_digest(real, &text, 1, digest), HF_OK);
    assert_int_equal(sign(k, row->scheme, h, false, text, sig, sizeof sig, &len), HF_OK);
    assert_int_equal(hf_key_verify(k, row->scheme, real, true, pre, (hf_view) { sig, len }), HF_OK);
    assert_int_equal(sign(k, row->scheme, h, true, pre, sig, sizeof sig, &len), HF_OK);
    assert_int_equal(hf_key_verify(k, row->scheme, real, false, text, (hf_view) { sig, len }), HF_OK);
    if (row->signature_len > 0)
        assert_int_equal(len, row->signature_len);
    assert_int_equal(hf_key_verify(k, row->scheme, other, false, text, (hf_view) { sig, len }), HF_ERR_BAD_SIGNATURE);
}

static void every_combination_that_exists_signs_and_verifies(void **state)
{
    (void)state;
    const hf_hash hashes[] = { HF_HASH_NONE, HF_HASH_SHA256, HF_HASH_SHA384, HF_HASH_SHA512 };
    hf_key *k = NULL;
    for (size_t s = 0; s < HF_COUNT(digest_schemes); s++) {
        if (k == NULL || hf_key_alg(k) != digest_schemes[s].alg) {
            hf_key_free(k);
            k = test_key(digest_schemes[s].alg);
        }
        /* the same prepared contexts serve all of these in turn, so a setting that stays behind shows */
        for (size_t h = 0; h < HF_COUNT(hashes) * 2; h++)
            combination_works(k, &digest_schemes[s], hashes[h % HF_COUNT(hashes)]);
    }
    hf_key_free(k);
}

/* PSS and PKCS #1 signatures of one key, mixed: neither is taken for the other, and contexts change over. */
static void rsa_schemes_alternate_on_one_key(void **state)
{
    (void)state;
    hf_key *k = test_key(HF_ALG_RSA_2048);
    for (unsigned i = 0; i < 12; i++) {
        hf_scheme s = i % 2 == 0 ? HF_SCHEME_RSA_PSS : HF_SCHEME_RSA_PKCS1;
        hf_scheme other = i % 2 == 1 ? HF_SCHEME_RSA_PSS : HF_SCHEME_RSA_PKCS1;
        hf_hash h = i % 3 == 0 ? HF_HASH_SHA256 : i % 3 == 1 ? HF_HASH_SHA384 : HF_HASH_SHA512;
        uint8_t sig[256];
        size_t len = 0;
        assert_int_equal(sign(k, s, h, false, text, sig, sizeof sig, &len), HF_OK);
        assert_int_equal(hf_key_verify(k, other, h, false, text, (hf_view) { sig, len }), HF_ERR_BAD_SIGNATURE);
        assert_int_equal(hf_key_verify(k, s, h, false, text, (hf_view) { sig, len }), HF_OK);
    }
    hf_key_free(k);
}

/* ---- ML-DSA ---- */

static hf_err sign_in(const hf_key *k, hf_view context, uint8_t *sig, size_t *len)
{
    return hf_key_sign_context(k, HF_SCHEME_ML_DSA, HF_HASH_NONE, false, context, text, sig, HF_SIGNATURE_MAX_BYTES,
                               len);
}

static hf_err verify_in(const hf_key *k, hf_view context, hf_view sig)
{
    return hf_key_verify_context(k, HF_SCHEME_ML_DSA, HF_HASH_NONE, false, context, text, sig);
}

static void ml_dsa_signatures_belong_to_their_context(void **state)
{
    (void)state;
    hf_key *k = test_key(HF_ALG_ML_DSA_65);
    uint8_t bytes[256] = { 1, 2, 3 };
    const hf_view contexts[] = { { NULL, 0 }, { bytes, 1 }, { bytes, 3 }, { bytes, 255 }, { bytes, 0 } };
    for (size_t i = 0; i < HF_COUNT(contexts); i++) {
        uint8_t sig[HF_SIGNATURE_MAX_BYTES];
        size_t len = 0;
        assert_int_equal(sign_in(k, contexts[i], sig, &len), HF_OK);
        assert_int_equal(len, 3309);
        for (size_t j = 0; j < HF_COUNT(contexts); j++) {
            bool same = contexts[i].len == contexts[j].len;
            assert_int_equal(verify_in(k, contexts[j], (hf_view) { sig, len }), same ? HF_OK : HF_ERR_BAD_SIGNATURE);
        }
        /* the functions without a context mean the empty one, also on a context object that just had another */
        assert_int_equal(hf_key_verify(k, HF_SCHEME_DEFAULT, HF_HASH_NONE, false, text, (hf_view) { sig, len }),
                         contexts[i].len == 0 ? HF_OK : HF_ERR_BAD_SIGNATURE);
    }
    uint8_t sig[HF_SIGNATURE_MAX_BYTES];
    size_t len = 77;
    assert_int_equal(sign_in(k, (hf_view) { bytes, 256 }, sig, &len), HF_ERR_BOUNDS);
    assert_int_equal(verify_in(k, (hf_view) { bytes, 256 }, (hf_view) { sig, 3309 }), HF_ERR_BOUNDS);
    assert_int_equal(len, 77);
    hf_key_free(k);
}

/* mu is 64 bytes and has the context in it already. Here any 64 bytes do: what they mean is the caller's affair. */
static void ml_dsa_takes_an_external_mu(void **state)
{
    (void)state;
    hf_key *k = test_key(HF_ALG_ML_DSA_65);
    uint8_t mu[65] = { 9, 8, 7 }, sig[HF_SIGNATURE_MAX_BYTES];
    size_t len = 0;
    for (size_t n = 0; n <= sizeof mu; n++) {
        hf_err want = n == 64 ? HF_OK : HF_ERR_BOUNDS;
        assert_int_equal(sign(k, HF_SCHEME_ML_DSA, HF_HASH_NONE, true, (hf_view) { mu, n }, sig, sizeof sig, &len),
                         want);
    }
    assert_int_equal(sign(k, HF_SCHEME_DEFAULT, HF_HASH_NONE, true, (hf_view) { mu, 64 }, sig, sizeof sig, &len),
                     HF_OK);
    hf_view s = { sig, len }, m = { mu, 64 }, ctx = { mu, 1 };
    assert_int_equal(hf_key_verify(k, HF_SCHEME_ML_DSA, HF_HASH_NONE, true, m, s), HF_OK);
    assert_int_equal(hf_key_verify(k, HF_SCHEME_ML_DSA, HF_HASH_NONE, false, m, s), HF_ERR_BAD_SIGNATURE);
    assert_int_equal(hf_key_sign_context(k, HF_SCHEME_ML_DSA, HF_HASH_NONE, true, ctx, m, sig, sizeof sig, &len),
                     HF_ERR_UNSUPPORTED);
    assert_int_equal(hf_key_verify_context(k, HF_SCHEME_ML_DSA, HF_HASH_NONE, true, ctx, m, s), HF_ERR_UNSUPPORTED);
    mu[0] ^= 1;
    assert_int_equal(hf_key_verify(k, HF_SCHEME_ML_DSA, HF_HASH_NONE, true, m, s), HF_ERR_BAD_SIGNATURE);
    hf_key_free(k);
}

static void a_context_is_for_ml_dsa_alone(void **state)
{
    (void)state;
    const hf_alg algs[] = { HF_ALG_EC_P256, HF_ALG_EC_P384, HF_ALG_ED25519, HF_ALG_RSA_2048, HF_ALG_HMAC_SHA256 };
    for (size_t i = 0; i < HF_COUNT(algs); i++) {
        hf_key *k = test_key(algs[i]);
        uint8_t sig[HF_SIGNATURE_MAX_BYTES];
        size_t len = 0;
        hf_view ctx = hf_view_str("context");
        assert_int_equal(
            hf_key_sign_context(k, HF_SCHEME_DEFAULT, HF_HASH_NONE, false, ctx, text, sig, sizeof sig, &len),
            HF_ERR_UNSUPPORTED);
        assert_int_equal(
            hf_key_verify_context(k, HF_SCHEME_DEFAULT, HF_HASH_NONE, false, ctx, text, (hf_view) { sig, sizeof sig }),
            HF_ERR_UNSUPPORTED);
        hf_key_free(k);
    }
}

/* ---- HMAC ---- */

static void hmac_keys_sign_like_hmac_and_take_no_short_tag(void **state)
{
    (void)state;
    static const struct {
        hf_alg alg;
        hf_hash hash;
    } rows[] = { { HF_ALG_HMAC_SHA256, HF_HASH_SHA256 },
                 { HF_ALG_HMAC_SHA384, HF_HASH_SHA384 },
                 { HF_ALG_HMAC_SHA512, HF_HASH_SHA512 } };
    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        size_t n = hf_hash_bytes(rows[i].hash), len = 0;
        uint8_t bytes[64], mac[65], want[64];
        hf_key *k = NULL;
        memset(bytes, 0x21, sizeof bytes);
        assert_int_equal(test_load(rows[i].alg, bytes, n, &k), HF_OK);
        assert_int_equal(hf_hmac(rows[i].hash, (hf_view) { bytes, n }, &text, 1, want), HF_OK);
        for (unsigned round = 0; round < 3; round++) { /* the prepared context starts over each time */
            assert_int_equal(sign(k, HF_SCHEME_HMAC, HF_HASH_NONE, false, text, mac, sizeof mac, &len), HF_OK);
            assert_int_equal(len, n);
            assert_memory_equal(mac, want, n);
        }
        mac[n] = 0;
        for (size_t cut = 0; cut <= n + 1; cut++)
            assert_int_equal(hf_key_verify(k, HF_SCHEME_DEFAULT, rows[i].hash, false, text, (hf_view) { mac, cut }),
                             cut == n ? HF_OK : HF_ERR_BAD_SIGNATURE);
        assert_int_equal(sign(k, HF_SCHEME_HMAC, HF_HASH_NONE, false, text, mac, n - 1, &len), HF_ERR_BOUNDS);
        hf_key_free(k);
    }
}

static void combinations_that_do_not_exist_are_refused(void **state)
{
    (void)state;
    hf_key *ec = test_key(HF_ALG_EC_P256), *ed = test_key(HF_ALG_ED25519), *rsa = test_key(HF_ALG_RSA_2048);
    hf_key *kem = test_key(HF_ALG_ML_KEM_768), *aes = test_key(HF_ALG_AES_256_GCM), *ml = test_key(HF_ALG_ML_DSA_65);
    hf_key *mac = test_key(HF_ALG_HMAC_SHA256);
    const struct {
        const hf_key *key;
        hf_scheme scheme;
        hf_hash hash;
        bool prehashed;
    } rows[] = {
        { ec, HF_SCHEME_ED25519, HF_HASH_NONE, false },    { ed, HF_SCHEME_ECDSA_DER, HF_HASH_NONE, false },
        { ed, HF_SCHEME_ECDSA_RAW, HF_HASH_NONE, false },  { ed, HF_SCHEME_ED25519, HF_HASH_SHA512, false },
        { ed, HF_SCHEME_ED25519, HF_HASH_NONE, true },     { ed, HF_SCHEME_DEFAULT, HF_HASH_SHA512, true },
        { kem, HF_SCHEME_DEFAULT, HF_HASH_NONE, false },   { aes, HF_SCHEME_DEFAULT, HF_HASH_NONE, false },
        { ec, (hf_scheme)9, HF_HASH_NONE, false },         { ec, HF_SCHEME_DEFAULT, (hf_hash)9, false },
        { ec, HF_SCHEME_RSA_PSS, HF_HASH_NONE, false },    { ec, HF_SCHEME_HMAC, HF_HASH_NONE, false },
        { rsa, HF_SCHEME_ECDSA_DER, HF_HASH_NONE, false }, { rsa, HF_SCHEME_ML_DSA, HF_HASH_NONE, false },
        { rsa, HF_SCHEME_RSA_PSS, (hf_hash)9, false },     { ml, HF_SCHEME_ED25519, HF_HASH_NONE, false },
        { ml, HF_SCHEME_ML_DSA, HF_HASH_SHA256, false },   { ml, HF_SCHEME_ML_DSA, HF_HASH_SHA512, true },
        { mac, HF_SCHEME_HMAC, HF_HASH_SHA512, false },    { mac, HF_SCHEME_HMAC, HF_HASH_NONE, true },
        { mac, HF_SCHEME_RSA_PSS, HF_HASH_NONE, false },
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
    hf_key *const all[] = { ec, ed, rsa, kem, aes, ml, mac };
    for (size_t i = 0; i < HF_COUNT(all); i++)
        hf_key_free(all[i]);
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
    static const struct {
        hf_alg alg;
        size_t cap;
    } rows[] = {
        { HF_ALG_EC_P384, 7 }, { HF_ALG_RSA_2048, 255 }, { HF_ALG_RSA_3072, 383 }, { HF_ALG_ML_DSA_65, 3308 }
    };
    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        hf_key *k = test_key(rows[i].alg);
        uint8_t large[3308] = { 0x5a };
        assert_int_equal(sign(k, HF_SCHEME_DEFAULT, HF_HASH_NONE, false, text, large, rows[i].cap, &len),
                         HF_ERR_BOUNDS);
        assert_true(large[0] == 0x5a && large[1] == 0 && len == 77);
        hf_key_free(k);
    }
}

static void a_public_key_verifies_but_does_not_sign(void **state)
{
    (void)state;
    const hf_alg algs[] = { HF_ALG_EC_P256, HF_ALG_EC_P384, HF_ALG_ED25519, HF_ALG_RSA_2048, HF_ALG_ML_DSA_65 };
    for (size_t i = 0; i < HF_COUNT(algs); i++) {
        hf_key *k = test_key(algs[i]), *p = NULL, *other = test_key(algs[i]);
        uint8_t der[HF_SPKI_MAX_BYTES], sig[HF_SIGNATURE_MAX_BYTES];
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
        size_t step; /* bits left out, where there are many */
    } rows[] = { { HF_ALG_EC_P256, HF_SCHEME_ECDSA_DER, 1 },  { HF_ALG_EC_P256, HF_SCHEME_ECDSA_RAW, 1 },
                 { HF_ALG_EC_P384, HF_SCHEME_ECDSA_DER, 5 },  { HF_ALG_EC_P384, HF_SCHEME_ECDSA_RAW, 5 },
                 { HF_ALG_ED25519, HF_SCHEME_ED25519, 1 },    { HF_ALG_RSA_2048, HF_SCHEME_RSA_PSS, 3 },
                 { HF_ALG_RSA_2048, HF_SCHEME_RSA_PKCS1, 3 }, { HF_ALG_ML_DSA_65, HF_SCHEME_ML_DSA, 61 },
                 { HF_ALG_HMAC_SHA512, HF_SCHEME_HMAC, 1 } };
    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        hf_key *k = test_key(rows[i].alg);
        uint8_t sig[HF_SIGNATURE_MAX_BYTES] = { 0 };
        size_t len = 0;
        assert_int_equal(sign(k, rows[i].scheme, HF_HASH_NONE, false, text, sig, sizeof sig, &len), HF_OK);
        for (size_t bit = 0; bit < len * 8; bit += rows[i].step) {
            sig[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            assert_int_equal(hf_key_verify(k, rows[i].scheme, HF_HASH_NONE, false, text, (hf_view) { sig, len }),
                             HF_ERR_BAD_SIGNATURE);
            sig[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        }
        for (size_t n = 0; n <= len + 8; n++) {
            hf_err want = n == len ? HF_OK : HF_ERR_BAD_SIGNATURE;
            assert_int_equal(hf_key_verify(k, rows[i].scheme, HF_HASH_NONE, false, text, (hf_view) { sig, n }), want);
        }
        hf_key_free(k);
    }
}

/* RSA signatures are as long as the modulus; OpenSSL takes shorter PSS ones as numbers. */
static void rsa_signatures_have_one_length_only(void **state)
{
    (void)state;
    hf_key *k = test_key(HF_ALG_RSA_2048);
    uint8_t sig[257] = { 0 };
    size_t len = 0;
    do { /* one in 256 begins with a zero byte */
        assert_int_equal(sign(k, HF_SCHEME_RSA_PSS, HF_HASH_NONE, false, text, sig + 1, 256, &len), HF_OK);
    } while (sig[1] != 0);
    hf_view whole = { sig + 1, 256 }, shorter = { sig + 2, 255 }, longer = { sig, 257 };
    assert_int_equal(hf_key_verify(k, HF_SCHEME_RSA_PSS, HF_HASH_NONE, false, text, whole), HF_OK);
    assert_int_equal(hf_key_verify(k, HF_SCHEME_RSA_PSS, HF_HASH_NONE, false, text, shorter), HF_ERR_BAD_SIGNATURE);
    assert_int_equal(hf_key_verify(k, HF_SCHEME_RSA_PSS, HF_HASH_NONE, false, text, longer), HF_ERR_BAD_SIGNATURE);
    hf_key_free(k);
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
    const hf_alg algs[] = { HF_ALG_EC_P256,  HF_ALG_EC_P384,   HF_ALG_ED25519,
                            HF_ALG_RSA_2048, HF_ALG_ML_DSA_65, HF_ALG_HMAC_SHA384 };
    uint8_t *large = calloc(1, 1u << 20);
    assert_non_null(large);
    for (size_t i = 0; i < HF_COUNT(algs); i++) {
        hf_key *k = test_key(algs[i]);
        const hf_view inputs[] = { { NULL, 0 }, { large, 1u << 20 } };
        for (size_t j = 0; j < HF_COUNT(inputs); j++) {
            uint8_t sig[HF_SIGNATURE_MAX_BYTES];
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
static hf_key *shared_ec, *shared_ed, *shared_aes, *shared_kem, *shared_rsa, *shared_ml, *shared_mac;
static atomic_uint failures;

static bool signs(const hf_key *k, uint8_t id, unsigned round)
{
    uint8_t sig[HF_SIGNATURE_MAX_BYTES], message[5] = { id, (uint8_t)round };
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
        bool ok = signs(shared_ec, id, i) && signs(shared_ed, id, i) && seals(shared_aes, id, i) &&
                  agrees(shared_kem) && signs(shared_mac, id, i) &&
                  (i % 8 != 0 || (signs(shared_rsa, id, i) && signs(shared_ml, id, i)));
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
    shared_rsa = test_key(HF_ALG_RSA_2048);
    shared_ml = test_key(HF_ALG_ML_DSA_65);
    shared_mac = test_key(HF_ALG_HMAC_SHA256);
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
    hf_key_free(shared_rsa);
    hf_key_free(shared_ml);
    hf_key_free(shared_mac);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_combination_that_exists_signs_and_verifies),
        cmocka_unit_test(rsa_schemes_alternate_on_one_key),
        cmocka_unit_test(ml_dsa_signatures_belong_to_their_context),
        cmocka_unit_test(ml_dsa_takes_an_external_mu),
        cmocka_unit_test(a_context_is_for_ml_dsa_alone),
        cmocka_unit_test(hmac_keys_sign_like_hmac_and_take_no_short_tag),
        cmocka_unit_test(combinations_that_do_not_exist_are_refused),
        cmocka_unit_test(a_digest_of_the_wrong_length_is_refused),
        cmocka_unit_test(too_small_a_buffer_stays_untouched),
        cmocka_unit_test(a_public_key_verifies_but_does_not_sign),
        cmocka_unit_test(every_changed_bit_breaks_a_signature),
        cmocka_unit_test(rsa_signatures_have_one_length_only),
        cmocka_unit_test(raw_signatures_have_one_length_only),
        cmocka_unit_test(ecdsa_signatures_of_one_text_differ_and_ed25519_ones_do_not),
        cmocka_unit_test(empty_and_large_messages_work),
        cmocka_unit_test(one_key_serves_many_threads),
    };
    return cmocka_run_group_tests_name("sign", tests, test_start, NULL);
}
