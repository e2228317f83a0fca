/* JWK and SubjectPublicKeyInfo, each from the other, and what is neither. Third-party judges stand in tests/it/http. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "jwk/jwk.h"
#include <string.h>

/* The key of RFC 8037 appendix A.2 in the frame of RFC 8410; the EC key of RFC 7517 appendix A.1. */
static const char ed25519_spki[] =
    "302a300506032b6570032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
static const char ec_x[] = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
                  ec_y[] = "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM";

static hf_view unhex(const char *text, uint8_t *dst, size_t cap)
{
    size_t len = 0;

    assert_int_equal(hf_hex_decode(hf_view_str(text), dst, cap, &len), HF_OK);
    return hf_view_of(dst, len);
}

static hf_view unb64url(const char *text, uint8_t *dst, size_t cap)
{
    size_t len = 0;

    assert_int_equal(hf_b64url_decode(hf_view_str(text), dst, cap, &len), HF_OK);
    return hf_view_of(dst, len);
}

static void again(hf_view spki, hf_alg alg)
{
    uint8_t bytes[HF_JWK_SPKI_CAP];
    hf_writer w = hf_writer_on(bytes, sizeof(bytes));
    const char *why = NULL;
    hf_jwk key, kind;

    assert_int_equal(hf_spki_alg(spki), alg);
    assert_int_equal(hf_jwk_of_spki(spki, &key), HF_OK);
    assert_int_equal(key.alg, alg);
    assert_int_equal(hf_jwk_kind(hf_view_str(key.kty), hf_view_str(key.crv), hf_view_str(key.jose_alg), &kind, &why),
                     HF_OK);
    kind.value[0] = key.value[0];
    kind.value[1] = key.value[1];
    assert_int_equal(hf_jwk_to_spki(&kind, &w, &why), HF_OK);
    assert_int_equal(kind.alg, alg);
    assert_true(hf_view_eq(hf_writer_view(&w), spki));
    assert_null(why);
}

/* No byte of the frame may change, none may be missing, none may follow. */
static void only_this_form(hf_view spki, size_t frame)
{
    uint8_t bytes[HF_JWK_SPKI_CAP];
    hf_jwk key;

    memcpy(bytes, spki.ptr, spki.len);
    for (size_t i = 0; i < frame; i++) {
        bytes[i] ^= 1;
        assert_int_not_equal(hf_jwk_of_spki(hf_view_of(bytes, spki.len), &key), HF_OK);
        assert_int_equal(hf_spki_alg(hf_view_of(bytes, spki.len)), HF_ALG_NONE);
        bytes[i] ^= 1;
    }
    for (size_t n = 0; n < spki.len; n++)
        assert_int_not_equal(hf_jwk_of_spki(hf_view_of(bytes, n), &key), HF_OK);
    bytes[spki.len] = 0;
    assert_int_not_equal(hf_jwk_of_spki(hf_view_of(bytes, spki.len + 1), &key), HF_OK);
}

static void test_ed25519(void **state)
{
    uint8_t bytes[64];
    hf_view spki = unhex(ed25519_spki, bytes, sizeof(bytes));
    hf_jwk key;

    (void)state;
    again(spki, HF_ALG_ED25519);
    only_this_form(spki, 12);
    assert_int_equal(hf_jwk_of_spki(spki, &key), HF_OK);
    assert_string_equal(key.kty, "OKP");
    assert_string_equal(key.crv, "Ed25519");
    assert_string_equal(key.name[0], "x");
    assert_null(key.name[1]);
}

static void test_ec(void **state)
{
    uint8_t x[32], y[32], bytes[HF_JWK_SPKI_CAP];
    hf_writer w = hf_writer_on(bytes, sizeof(bytes));
    const char *why = NULL;
    hf_jwk key;

    (void)state;
    assert_int_equal(hf_jwk_kind(hf_view_str("EC"), hf_view_str("P-256"), hf_view_str("ES256"), &key, &why), HF_OK);
    key.value[0] = unb64url(ec_x, x, sizeof(x));
    key.value[1] = unb64url(ec_y, y, sizeof(y));
    assert_int_equal(hf_jwk_to_spki(&key, &w, &why), HF_OK);
    assert_int_equal(w.len, 91);
    again(hf_writer_view(&w), HF_ALG_EC_P256);
    only_this_form(hf_writer_view(&w), 27);
    for (size_t n = 0; n < 32; n++) { /* RFC 7518 section 6.2.1.2: the full length, always */
        hf_writer other = hf_writer_on(bytes, sizeof(bytes));
        key.value[1].len = n;
        assert_int_equal(hf_jwk_to_spki(&key, &other, &why), HF_ERR_INVALID);
        assert_int_equal(other.len, 0);
    }
}

static void fill(uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(i * 7 + 0x85);
}

static void test_rsa(void **state)
{
    static const struct {
        size_t n_len;
        uint8_t first;
        hf_alg alg;
    } rows[] = {
        { 256, 0x85, HF_ALG_RSA_2048 }, { 384, 0x85, HF_ALG_RSA_3072 }, { 256, 0x7f, HF_ALG_NONE },
        { 256, 0x00, HF_ALG_NONE },     { 128, 0x85, HF_ALG_NONE },     { 512, 0x85, HF_ALG_NONE },
    };
    uint8_t n[512], e[] = { 1, 0, 1 }, high[] = { 0x80, 1 }, bytes[HF_JWK_SPKI_CAP];
    hf_jwk key;

    (void)state;
    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        hf_writer w = hf_writer_on(bytes, sizeof(bytes));
        const char *why = NULL;
        fill(n, rows[i].n_len);
        n[0] = rows[i].first;
        assert_int_equal(hf_jwk_kind(hf_view_str("RSA"), (hf_view) { 0 }, hf_view_str("PS384"), &key, &why), HF_OK);
        key.value[0] = hf_view_of(n, rows[i].n_len);
        key.value[1] = i == 1 ? hf_view_of(high, sizeof(high)) : hf_view_of(e, sizeof(e));
        assert_int_equal(hf_jwk_to_spki(&key, &w, &why) == HF_OK, rows[i].alg != HF_ALG_NONE);
        if (rows[i].alg == HF_ALG_NONE) {
            assert_non_null(why);
            continue;
        }
        again(hf_writer_view(&w), rows[i].alg);
        only_this_form(hf_writer_view(&w), 33);
    }
}

/* BER that is not DER, and numbers that are not positive: OpenSSL takes some of it, this does not. */
static void test_other_forms_of_rsa(void **state)
{
    static const char frame[] = "30820122300d06092a864886f70d01010105000382010f003082010a02820101";
    uint8_t good[HF_JWK_SPKI_CAP], bad[HF_JWK_SPKI_CAP];
    hf_writer w = hf_writer_on(good, sizeof(good));
    size_t len = unhex(frame, good, sizeof(good)).len;
    uint8_t n[256];

    (void)state;
    w.len = len;
    fill(n, sizeof(n));
    hf_put_u8(&w, 0);
    hf_put_bytes(&w, n, sizeof(n));
    hf_put_bytes(&w, "\x02\x03\x01\x00\x01", 5);
    again(hf_writer_view(&w), HF_ALG_RSA_2048);
    memcpy(bad, good, w.len);
    bad[len] = 1; /* the sign octet carries value: 2056 bits */
    assert_int_equal(hf_spki_alg(hf_view_of(bad, w.len)), HF_ALG_NONE);
    memcpy(bad, good, w.len);
    bad[len + 1] = 0x05; /* a leading zero that is not needed */
    assert_int_equal(hf_spki_alg(hf_view_of(bad, w.len)), HF_ALG_NONE);
    memcpy(bad, good, w.len);
    bad[w.len - 3] = 0x81; /* a negative exponent */
    assert_int_equal(hf_spki_alg(hf_view_of(bad, w.len)), HF_ALG_NONE);
    memcpy(bad, good, w.len);
    memcpy(bad + w.len - 5, "\x02\x81\x02\x01\x01", 5); /* a length that fits one octet, in two */
    assert_int_equal(hf_spki_alg(hf_view_of(bad, w.len)), HF_ALG_NONE);
}

static void test_kinds(void **state)
{
    static const struct {
        const char *kty, *crv, *alg;
        bool known;
    } rows[] = {
        { "EC", "P-256", "", true },
        { "EC", "P-384", "ES384", true },
        { "EC", "P-521", "", false },
        { "EC", "", "", false },
        { "EC", "P-256", "ES384", false },
        { "EC", "P-256", "RS256", false },
        { "ec", "P-256", "", false },
        { "OKP", "Ed25519", "EdDSA", true },
        { "OKP", "X25519", "", false },
        { "OKP", "Ed25519", "ES256", false },
        { "RSA", "", "", true },
        { "RSA", "", "HS256", false },
        { "RSA", "", "RSA-OAEP-256", false },
        { "RSA", "", "RSA1_5", false },
        { "EC", "P-256", "ECDH-ES", false },
        { "RSA", "", "none", false },
        { "AKP", "", "ML-DSA-65", true },
        { "AKP", "", "", false },
        { "AKP", "", "ML-KEM-768", false },
        { "oct", "", "", false },
        { "", "", "", false },
        { "OKP", "Ed25519", "Ed25519", true },
        { "AKP", "", "ML-DSA-44", false },
    };

    (void)state;
    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        const char *why = NULL;
        hf_jwk key = { .alg = HF_ALG_NONE };
        hf_err e =
            hf_jwk_kind(hf_view_str(rows[i].kty), hf_view_str(rows[i].crv), hf_view_str(rows[i].alg), &key, &why);
        assert_int_equal(e, rows[i].known ? HF_OK : HF_ERR_UNSUPPORTED);
        assert_true((why == NULL) == rows[i].known && (key.kty != NULL) == rows[i].known);
    }
}

static void test_ml(void **state)
{
    static const char dsa[] = "308207b2300b0609608648016503040312038207a100",
                      kem[] = "308204b2300b0609608648016503040402038204a100";
    uint8_t bytes[HF_JWK_SPKI_CAP] = { 0 };
    hf_jwk key;

    (void)state;
    (void)unhex(dsa, bytes, sizeof(bytes));
    again(hf_view_of(bytes, 22 + 1952), HF_ALG_ML_DSA_65);
    only_this_form(hf_view_of(bytes, 22 + 1952), 22);
    (void)unhex(kem, bytes, sizeof(bytes));
    assert_int_equal(hf_spki_alg(hf_view_of(bytes, 22 + 1184)), HF_ALG_ML_KEM_768);
    assert_int_equal(hf_jwk_of_spki(hf_view_of(bytes, 22 + 1184), &key), HF_ERR_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ed25519), cmocka_unit_test(test_ec),
        cmocka_unit_test(test_rsa),     cmocka_unit_test(test_other_forms_of_rsa),
        cmocka_unit_test(test_kinds),   cmocka_unit_test(test_ml),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
