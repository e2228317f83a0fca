/* Key objects: what may be loaded, what may not, what a key costs. */
#include "common.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

static const hf_alg asymmetric[] = { HF_ALG_EC_P256,   HF_ALG_EC_P384,  HF_ALG_ED25519, HF_ALG_ML_KEM_768,
                                     HF_ALG_ML_DSA_65, HF_ALG_RSA_2048, HF_ALG_RSA_3072 };

static const struct {
    hf_alg alg;
    size_t bytes;
} material[] = {
    { HF_ALG_AES_256_GCM, 32 }, { HF_ALG_EC_P256, 32 },     { HF_ALG_EC_P384, 48 },
    { HF_ALG_ED25519, 32 },     { HF_ALG_ML_KEM_768, 64 },  { HF_ALG_ML_DSA_65, 32 },
    { HF_ALG_HMAC_SHA256, 32 }, { HF_ALG_HMAC_SHA384, 48 }, { HF_ALG_HMAC_SHA512, 64 },
};

static hf_err load_any(hf_view spki)
{
    hf_key *k = NULL;
    hf_err e = hf_key_load_any_public(spki, &k);
    assert_true((e == HF_OK) == (k != NULL)); /* outputs are untouched on failure */
    hf_key_free(k);
    return e;
}

static void generated_material_has_the_stored_form_and_differs(void **state)
{
    (void)state;
    for (size_t i = 0; i < HF_COUNT(material); i++) {
        hf_secret *a = NULL, *b = NULL;
        assert_int_equal(hf_key_generate(material[i].alg, &a), HF_OK);
        assert_int_equal(hf_key_generate(material[i].alg, &b), HF_OK);
        assert_int_equal(hf_secret_len(a), material[i].bytes);
        assert_memory_not_equal(hf_secret_read(a), hf_secret_read(b), material[i].bytes);
        hf_secret_free(a);
        hf_secret_free(b);
    }
    hf_secret *none = NULL;
    assert_int_equal(hf_key_generate(HF_ALG_NONE, &none), HF_ERR_UNSUPPORTED);
    assert_null(none);
}

static void material_of_the_wrong_length_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[66];
    memset(bytes, 7, sizeof bytes);
    for (size_t i = 0; i < HF_COUNT(material); i++) {
        for (size_t n = 1; n <= sizeof bytes; n++) {
            hf_key *k = NULL;
            hf_err e = test_load(material[i].alg, bytes, n, &k);
            assert_int_equal(e, n == material[i].bytes ? HF_OK : HF_ERR_BAD_KEY);
            hf_key_free(k);
        }
    }
}

static void ec_scalars_outside_the_range_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        hf_err want;
    } rows[] = {
        { "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
          HF_ERR_BAD_KEY },
        { "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000001", HF_OK },
        { "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52972",
          HF_OK }, /* n - 1 */
        { "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
          HF_ERR_BAD_KEY },
        { "0000000000000000000000000000000000000000000000000000000000000000", HF_ERR_BAD_KEY },
        { "0000000000000000000000000000000000000000000000000000000000000001", HF_OK },
        { "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550", HF_OK }, /* n - 1 */
        { "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", HF_ERR_BAD_KEY },
        { "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632552", HF_ERR_BAD_KEY },
        { "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", HF_ERR_BAD_KEY },
    };
    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        uint8_t scalar[48];
        hf_key *k = NULL;
        hf_view v = test_hex(rows[i].hex, scalar, sizeof scalar);
        hf_alg a = v.len == 48 ? HF_ALG_EC_P384 : HF_ALG_EC_P256;
        assert_int_equal(test_load(a, v.ptr, v.len, &k), rows[i].want);
        hf_key_free(k);
    }
}

static void the_public_half_belongs_to_the_private_one(void **state)
{
    (void)state;
    /* RFC 6979 A.2.5 and A.2.6, RFC 8032 7.1 test 2 */
    static const struct {
        hf_alg alg;
        const char *private, *public;
    } rows[] = {
        { HF_ALG_EC_P256, "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
          "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
          "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299" },
        { HF_ALG_EC_P384,
          "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825f872c9ea60d2edf5",
          "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc13"
          "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720" },
        { HF_ALG_ED25519, "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
          "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c" },
    };
    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        uint8_t bytes[48], want[96], der[HF_SPKI_MAX_BYTES];
        size_t len = 0;
        hf_key *k = NULL;
        hf_view private = test_hex(rows[i].private, bytes, sizeof bytes);
        hf_view public = test_hex(rows[i].public, want, sizeof want);
        assert_int_equal(test_load(rows[i].alg, bytes, private.len, &k), HF_OK);
        assert_int_equal(hf_key_public_der(k, der, sizeof der, &len), HF_OK);
        assert_true(len > public.len);
        assert_memory_equal(der + len - public.len, public.ptr, public.len);
        hf_key_free(k);
    }
}

static void public_keys_round_trip_and_only_under_their_own_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < HF_COUNT(asymmetric); i++) {
        hf_key *k = test_key(asymmetric[i]);
        uint8_t der[HF_SPKI_MAX_BYTES], again[HF_SPKI_MAX_BYTES];
        size_t len = 0, len2 = 0;
        assert_int_equal(hf_key_public_der(k, der, sizeof der, &len), HF_OK);
        for (size_t j = 0; j < HF_COUNT(asymmetric); j++) {
            hf_key *p = NULL;
            hf_err e = hf_key_load_public(asymmetric[j], (hf_view) { der, len }, &p);
            assert_int_equal(e, i == j ? HF_OK : HF_ERR_BAD_KEY);
            if (p == NULL)
                continue;
            assert_int_equal(hf_key_alg(p), asymmetric[i]);
            assert_int_equal(hf_key_public_der(p, again, sizeof again, &len2), HF_OK);
            assert_int_equal(len, len2);
            assert_memory_equal(der, again, len);
            hf_key_free(p);
        }
        for (size_t cap = 0; cap < len; cap += 13)
            assert_int_equal(hf_key_public_der(k, again, cap, &len2), HF_ERR_BOUNDS);
        hf_key_free(k);
    }
    hf_key *aes = test_key(HF_ALG_AES_256_GCM), *p = NULL;
    uint8_t der[8];
    size_t len = 0;
    assert_int_equal(hf_key_public_der(aes, der, sizeof der, &len), HF_ERR_UNSUPPORTED);
    assert_int_equal(hf_key_load_public(HF_ALG_AES_256_GCM, (hf_view) { der, 8 }, &p), HF_ERR_UNSUPPORTED);
    hf_key_free(aes);
}

/* Truncated, extended, and every bit of the header changed; a changed point is off the curve for one bit in two. */
static void spki_that_differs_from_its_one_encoding_is_refused(void **state)
{
    (void)state;
    static const size_t header[] = { 26, 23, 12, 22, 22, 33, 33 }; /* RSA: up to the modulus */
    for (size_t i = 0; i < HF_COUNT(asymmetric); i++) {
        hf_key *k = test_key(asymmetric[i]);
        uint8_t der[HF_SPKI_MAX_BYTES + 1] = { 0 };
        size_t len = 0;
        assert_int_equal(hf_key_public_der(k, der, HF_SPKI_MAX_BYTES, &len), HF_OK);
        for (size_t n = 0; n < len; n++)
            assert_int_equal(load_any((hf_view) { der, n }), HF_ERR_BAD_KEY);
        assert_int_equal(load_any((hf_view) { der, len + 1 }), HF_ERR_BAD_KEY);
        for (size_t bit = 0; bit < header[i] * 8; bit++) {
            der[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            assert_int_equal(load_any((hf_view) { der, len }), HF_ERR_BAD_KEY);
            der[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        }
        assert_int_equal(load_any((hf_view) { der, len }), HF_OK);
        hf_key_free(k);
    }
}

/* OpenSSL takes all of these; the test proves that first, so that a refusal is ours. */
static void ec_spki_forms_that_openssl_takes_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *encoding, *form;
    } rows[] = { { "explicit", "uncompressed" },  { "explicit", "uncompressed" }, { "named_curve", "compressed" },
                 { "named_curve", "compressed" }, { "named_curve", "hybrid" },    { "named_curve", "hybrid" } };
    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", i % 2 == 0 ? "P-256" : "P-384");
        assert_non_null(pkey);
        assert_int_equal(EVP_PKEY_set_utf8_string_param(pkey, "encoding", rows[i].encoding), 1);
        assert_int_equal(EVP_PKEY_set_utf8_string_param(pkey, "point-format", rows[i].form), 1);
        unsigned char *der = NULL;
        int len = i2d_PUBKEY(pkey, &der);
        assert_true(len > 0);
        const unsigned char *at = der;
        EVP_PKEY *taken = d2i_PUBKEY(NULL, &at, len);
        assert_non_null(taken);
        assert_int_equal(load_any((hf_view) { der, (size_t)len }), HF_ERR_BAD_KEY);
        EVP_PKEY_free(taken);
        EVP_PKEY_free(pkey);
        OPENSSL_free(der);
    }
}

static void ec_points_off_the_curve_are_refused(void **state)
{
    (void)state;
    hf_key *k = test_key(HF_ALG_EC_P256);
    uint8_t der[HF_SPKI_MAX_BYTES];
    size_t len = 0;
    assert_int_equal(hf_key_public_der(k, der, sizeof der, &len), HF_OK);
    for (size_t bit = 0; bit < 256; bit++) { /* y: for one x there are two, so no single other bit fits */
        der[len - 1 - bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_int_equal(load_any((hf_view) { der, len }), HF_ERR_BAD_KEY);
        der[len - 1 - bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    memset(der + 27, 0, 64); /* the point at infinity has no such encoding */
    assert_int_equal(load_any((hf_view) { der, len }), HF_ERR_BAD_KEY);
    memset(der + 27, 0xff, 64); /* coordinates above the field's prime */
    assert_int_equal(load_any((hf_view) { der, len }), HF_ERR_BAD_KEY);
    hf_key_free(k);
}

static hf_err load_ed25519(const uint8_t raw[32])
{
    uint8_t der[44];
    size_t len = 0;
    assert_int_equal(hf_hex_decode(hf_view_str("302a300506032b6570032100"), der, sizeof der, &len), HF_OK);
    memcpy(der + len, raw, 32);
    return load_any((hf_view) { der, sizeof der });
}

static void ed25519_keys_of_low_order_are_refused_in_every_encoding(void **state)
{
    (void)state;
    /* y of the eight points, and y + p where that still fits into 255 bits; each with both sign bits */
    static const char *const ys[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    for (size_t i = 0; i < HF_COUNT(ys); i++) {
        uint8_t raw[32];
        test_hex(ys[i], raw, sizeof raw);
        assert_int_equal(load_ed25519(raw), HF_ERR_BAD_KEY);
        raw[31] |= 0x80;
        assert_int_equal(load_ed25519(raw), HF_ERR_BAD_KEY);
    }
}

/* All 19 values from p to 2^255 - 1: y is not reduced, so a second encoding of another key. */
static void ed25519_keys_with_unreduced_y_are_refused(void **state)
{
    (void)state;
    unsigned reduced_is_fine = 0;
    for (unsigned low = 0xed; low <= 0xff; low++) {
        uint8_t raw[32];
        memset(raw, 0xff, sizeof raw);
        raw[0] = (uint8_t)low;
        raw[31] = 0x7f;
        assert_int_equal(load_ed25519(raw), HF_ERR_BAD_KEY);
        raw[31] = 0xff;
        assert_int_equal(load_ed25519(raw), HF_ERR_BAD_KEY);
        memset(raw, 0, sizeof raw); /* the same point, reduced: some of these are good keys */
        raw[0] = (uint8_t)(low - 0xed);
        reduced_is_fine += load_ed25519(raw) == HF_OK;
    }
    assert_true(reduced_is_fine > 0); /* so the refusals above were not for being off the curve */
}

/* OpenSSL does not look whether x exists until it verifies, so such a key may load; then no signature holds under it. */
static void ed25519_keys_off_the_curve_verify_nothing(void **state)
{
    (void)state;
    static const uint8_t ys[] = { 2, 7, 8, 11, 12, 13, 17, 20 }; /* no x exists for these */
    for (size_t i = 0; i < HF_COUNT(ys); i++) {
        uint8_t der[44];
        const uint8_t sig[64] = { 1 }; /* R is the neutral element, S is 0: it holds under keys of low order */
        size_t len = 0;
        hf_key *k = NULL;
        assert_int_equal(hf_hex_decode(hf_view_str("302a300506032b6570032100"), der, sizeof der, &len), HF_OK);
        memset(der + len, 0, 32);
        der[len] = ys[i];
        if (hf_key_load_any_public((hf_view) { der, sizeof der }, &k) != HF_OK)
            continue;
        assert_int_equal(hf_key_verify(k, HF_SCHEME_ED25519, HF_HASH_NONE, false, hf_view_str("text"),
                                       (hf_view) { sig, sizeof sig }),
                         HF_ERR_BAD_SIGNATURE);
        hf_key_free(k);
    }
}

static void ml_kem_keys_with_unreduced_coefficients_are_refused(void **state)
{
    (void)state;
    hf_key *k = test_key(HF_ALG_ML_KEM_768);
    uint8_t der[HF_SPKI_MAX_BYTES];
    size_t len = 0;
    assert_int_equal(hf_key_public_der(k, der, sizeof der, &len), HF_OK);
    for (size_t i = 0; i < 1152; i += 3) { /* coefficients are 12 bits: two in three bytes; q is 3329 = 0xd01 */
        uint8_t keep[3];
        memcpy(keep, der + 22 + i, 3);
        der[22 + i] = 0x01;
        der[23 + i] = (uint8_t)((keep[1] & 0xf0) | 0x0d);
        assert_int_equal(load_any((hf_view) { der, len }), HF_ERR_BAD_KEY);
        memcpy(der + 22 + i, keep, 3);
    }
    assert_int_equal(load_any((hf_view) { der, len }), HF_OK);
    hf_key_free(k);
}

static void use_once(hf_key *k)
{
    uint8_t out[HF_SIGNATURE_MAX_BYTES], secret[HF_KEM_SECRET_BYTES];
    const uint8_t nonce[HF_GCM_NONCE_BYTES] = { 0 };
    hf_view text = hf_view_str("use");
    size_t len = 0;
    if (hf_key_alg(k) == HF_ALG_AES_256_GCM) {
        assert_int_equal(hf_key_seal(k, nonce, NULL, 0, text, out), HF_OK);
    } else if (hf_key_alg(k) == HF_ALG_ML_KEM_768) {
        assert_int_equal(hf_key_encapsulate(k, out, sizeof out, &len, secret), HF_OK);
        assert_int_equal(hf_key_decapsulate(k, (hf_view) { out, len }, secret), HF_OK);
    } else {
        assert_int_equal(hf_key_sign(k, HF_SCHEME_DEFAULT, HF_HASH_NONE, false, text, out, sizeof out, &len), HF_OK);
        assert_int_equal(hf_key_verify(k, HF_SCHEME_DEFAULT, HF_HASH_NONE, false, text, (hf_view) { out, len }), HF_OK);
    }
}

/* What each algorithm needs of the arena; one RSA key stands for all of its size, because making them takes long. */
static hf_key *another(hf_alg a, const hf_secret *from)
{
    hf_key *k = NULL;
    assert_int_equal(hf_key_load_private(a, from, &k), HF_OK);
    return k;
}

static void cost_is_right(hf_alg a)
{
    enum { KEYS = 200 };
    hf_key *keys[KEYS];
    hf_secret *one = NULL;
    assert_int_equal(hf_key_generate(a, &one), HF_OK);
    use_once(keys[0] = another(a, one)); /* what is made once per process is not a key's cost */
    hf_key_free(keys[0]);
    size_t before = hf_arena_used(test_arena);
    for (size_t k = 0; k < KEYS; k++)
        use_once(keys[k] = another(a, one));
    size_t each = (hf_arena_used(test_arena) - before) / KEYS;
    for (size_t k = 0; k < KEYS; k++)
        hf_key_free(keys[k]);
    hf_secret_free(one);
    print_message("# %s: %zu bytes, budget %zu\n", hf_alg_name(a), each, hf_key_cost(a));
    assert_true(each > 0 && each <= hf_key_cost(a));
    assert_true(hf_key_cost(a) <= 4 * each); /* nor absurdly overstated */
    assert_in_range(hf_arena_used(test_arena), before / 2, before + 64 * 1024);
}

static void cost_is_not_understated_and_freeing_gives_all_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < HF_COUNT(material); i++)
        cost_is_right(material[i].alg);
    cost_is_right(HF_ALG_RSA_2048);
    cost_is_right(HF_ALG_RSA_3072);
    assert_int_equal(hf_key_cost(HF_ALG_NONE), 0);
}

static void a_second_start_is_refused(void **state)
{
    (void)state;
    assert_int_equal(hf_crypto_start(test_arena), HF_ERR_INTERNAL);
    assert_int_equal(hf_crypto_start(NULL), HF_ERR_INTERNAL);
    hf_key_free(test_key(HF_ALG_EC_P256)); /* and nothing broke */
}

static void openssl_allocates_in_the_arena(void **state)
{
    (void)state;
    void *p = OPENSSL_malloc(100);
    assert_true(hf_arena_owns(test_arena, p));
    p = OPENSSL_realloc(p, 5000);
    assert_true(hf_arena_owns(test_arena, p));
    OPENSSL_free(p);
    assert_null(OPENSSL_malloc(0));
}

static void freeing_nothing_is_fine(void **state)
{
    (void)state;
    hf_key_free(NULL);
    hf_crypto_end_job();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generated_material_has_the_stored_form_and_differs),
        cmocka_unit_test(material_of_the_wrong_length_is_refused),
        cmocka_unit_test(ec_scalars_outside_the_range_are_refused),
        cmocka_unit_test(the_public_half_belongs_to_the_private_one),
        cmocka_unit_test(public_keys_round_trip_and_only_under_their_own_name),
        cmocka_unit_test(spki_that_differs_from_its_one_encoding_is_refused),
        cmocka_unit_test(ec_spki_forms_that_openssl_takes_are_refused),
        cmocka_unit_test(ec_points_off_the_curve_are_refused),
        cmocka_unit_test(ed25519_keys_of_low_order_are_refused_in_every_encoding),
        cmocka_unit_test(ed25519_keys_with_unreduced_y_are_refused),
        cmocka_unit_test(ed25519_keys_off_the_curve_verify_nothing),
        cmocka_unit_test(ml_kem_keys_with_unreduced_coefficients_are_refused),
        cmocka_unit_test(cost_is_not_understated_and_freeing_gives_all_back),
        cmocka_unit_test(a_second_start_is_refused),
        cmocka_unit_test(openssl_allocates_in_the_arena),
        cmocka_unit_test(freeing_nothing_is_fine),
    };
    return cmocka_run_group_tests_name("keys", tests, test_start, NULL);
}
