/* PKCS #8 of keys made elsewhere: the one encoding of each algorithm, and halves that must belong together. */
#include "common.h"
#include "crypto/openssl.h"
#include "der_writer.h"

#include <openssl/x509.h>

static const hf_alg asymmetric[] = { HF_ALG_EC_P256,   HF_ALG_EC_P384,  HF_ALG_ED25519, HF_ALG_ML_KEM_768,
                                     HF_ALG_ML_DSA_65, HF_ALG_RSA_2048, HF_ALG_RSA_3072 };

static hf_err read_as(hf_alg want, hf_view der, hf_alg *ret_alg, hf_secret **ret)
{
    hf_secret *in = NULL;
    *ret = NULL;
    if (hf_secret_copy(der.ptr, der.len, &in) != HF_OK)
        return HF_ERR_BAD_KEY;
    hf_err e = hf_key_read_pkcs8(want, in, ret_alg, ret);
    hf_secret_free(in);
    return e;
}

static hf_err reads(hf_view der)
{
    hf_secret *material = NULL;
    hf_alg a = HF_ALG_NONE;
    hf_err e = read_as(HF_ALG_NONE, der, &a, &material);
    assert_true((e == HF_OK) == (material != NULL) && (e == HF_OK) == (a != HF_ALG_NONE));
    hf_secret_free(material);
    return e;
}

/* What OpenSSL writes for the key. Caller frees with OPENSSL_free. */
static hf_view openssl_pkcs8(const hf_key *key)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key->pkey);
    unsigned char *der = NULL;
    int len = info != NULL ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;
    assert_true(len > 0);
    PKCS8_PRIV_KEY_INFO_free(info);
    return (hf_view) { der, (size_t)len };
}

static void what_openssl_writes_is_read_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < HF_COUNT(asymmetric); i++) {
        hf_secret *made = NULL, *material = NULL;
        hf_key *k = NULL;
        hf_alg a = HF_ALG_NONE;
        assert_int_equal(hf_key_generate(asymmetric[i], &made), HF_OK);
        assert_int_equal(hf_key_load_private(asymmetric[i], made, &k), HF_OK);
        hf_view der = openssl_pkcs8(k);
        assert_int_equal(read_as(asymmetric[i], der, &a, &material), HF_OK);
        assert_int_equal(a, asymmetric[i]);
        assert_int_equal(hf_secret_len(material), hf_secret_len(made));
        assert_memory_equal(hf_secret_read(material), hf_secret_read(made), hf_secret_len(made));
        hf_secret_free(material);
        for (size_t j = 0; j < HF_COUNT(asymmetric); j++) {
            hf_err e = read_as(asymmetric[j], der, &a, &material);
            assert_int_equal(e, i == j ? HF_OK : HF_ERR_UNSUPPORTED);
            hf_secret_free(material);
        }
        OPENSSL_free((void *)(uintptr_t)der.ptr);
        hf_secret_free(made);
        hf_key_free(k);
    }
}

/* Cut short, or with something behind. What OpenSSL reads there is not looked at: DER has one form. */
static void cut_and_extended_structures_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < HF_COUNT(asymmetric) - 1; i++) {
        hf_key *k = test_key(asymmetric[i]);
        hf_view der = openssl_pkcs8(k);
        uint8_t *copy = calloc(1, der.len + 1);
        assert_non_null(copy);
        memcpy(copy, der.ptr, der.len);
        for (size_t n = 1; n < der.len; n += der.len > 500 ? 13 : 1)
            assert_int_not_equal(reads((hf_view) { copy, n }), HF_OK);
        assert_int_equal(reads((hf_view) { copy, der.len + 1 }), HF_ERR_BAD_KEY);
        free(copy);
        OPENSSL_free((void *)(uintptr_t)der.ptr);
        hf_key_free(k);
    }
}

/* Every bit of a small key's encoding but the secret itself changed: none of them gives another reading. */
static void every_changed_bit_of_the_form_is_refused(void **state)
{
    (void)state;
    static const struct {
        hf_alg alg;
        size_t secret_at, secret_len;
    } rows[] = { { HF_ALG_EC_P256, 35, 32 }, { HF_ALG_EC_P384, 32, 48 }, { HF_ALG_ED25519, 16, 32 } };
    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        hf_key *k = test_key(rows[i].alg);
        hf_view der = openssl_pkcs8(k);
        uint8_t copy[400];
        assert_true(der.len <= sizeof copy);
        memcpy(copy, der.ptr, der.len);
        assert_int_equal(reads((hf_view) { copy, der.len }), HF_OK);
        for (size_t bit = 0; bit < der.len * 8; bit++) {
            size_t at = bit / 8;
            if (at >= rows[i].secret_at && at < rows[i].secret_at + rows[i].secret_len)
                continue;
            copy[at] ^= (uint8_t)(1u << (bit % 8));
            assert_int_not_equal(reads((hf_view) { copy, der.len }), HF_OK);
            copy[at] ^= (uint8_t)(1u << (bit % 8));
        }
        OPENSSL_free((void *)(uintptr_t)der.ptr);
        hf_key_free(k);
    }
}

/* ---- structures by hand ---- */

static const uint8_t id_p256[] = { 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
                                   0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
static const uint8_t id_ed25519[] = { 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70 };
static const uint8_t id_ed448[] = { 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x71 };
static const uint8_t id_ml_dsa_65[] = { 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x12 };
static const uint8_t id_ml_kem_768[] = { 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x04, 0x02 };

#define VIEW(a) ((hf_view) { (a), sizeof(a) })

/* PrivateKeyInfo; extra is whatever follows the key. */
static struct der info_of(uint8_t version, hf_view id, hf_view key, hf_view extra)
{
    struct der list = { .len = 0 }, all = { .len = 0 };
    der_small(&list, version);
    der_add(&list, id.ptr, id.len);
    der_wrap(&list, 0x04, key);
    der_add(&list, extra.ptr, extra.len);
    der_wrap(&all, 0x30, der_view(&list));
    return all;
}

static struct der bits_of(uint8_t tag, hf_view raw)
{
    struct der content = { .len = 0 }, all = { .len = 0 };
    const uint8_t zero = 0;
    der_add(&content, &zero, 1);
    der_add(&content, raw.ptr, raw.len);
    der_wrap(&all, tag, der_view(&content));
    return all;
}

/* ECPrivateKey with what the arguments say; empty views leave their part out. */
static struct der ec_key(hf_view scalar, hf_view curve, hf_view point)
{
    struct der list = { .len = 0 }, all = { .len = 0 };
    der_small(&list, 1);
    der_wrap(&list, 0x04, scalar);
    if (curve.len > 0)
        der_wrap(&list, 0xa0, curve);
    if (point.len > 0) {
        struct der bits = bits_of(0x03, point);
        der_wrap(&list, 0xa1, der_view(&bits));
    }
    der_wrap(&all, 0x30, der_view(&list));
    return all;
}

static hf_err reads_ec(hf_view scalar, hf_view curve, hf_view point)
{
    struct der key = ec_key(scalar, curve, point), info = info_of(0, VIEW(id_p256), der_view(&key), (hf_view) { 0 });
    return reads(der_view(&info));
}

static void ec_halves_must_belong_together(void **state)
{
    (void)state;
    const hf_view none = { NULL, 0 }, p256 = { id_p256 + 11, 10 };
    static const uint8_t p384[] = { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22 };
    hf_secret *made = NULL;
    hf_key *k = NULL, *other = test_key(HF_ALG_EC_P256);
    uint8_t store[HF_SPKI_MAX_BYTES], other_store[HF_SPKI_MAX_BYTES], compressed[33], long_scalar[33] = { 0 };
    hf_view point, other_point;
    assert_int_equal(hf_key_generate(HF_ALG_EC_P256, &made), HF_OK);
    assert_int_equal(hf_key_load_private(HF_ALG_EC_P256, made, &k), HF_OK);
    assert_int_equal(hf_key_public_raw(k, store, &point), HF_OK);
    assert_int_equal(hf_key_public_raw(other, other_store, &other_point), HF_OK);
    hf_view scalar = { hf_secret_read(made), 32 };
    memcpy(long_scalar + 1, scalar.ptr, 32);
    memcpy(compressed + 1, point.ptr + 1, 32);
    compressed[0] = (uint8_t)(2 + (point.ptr[64] & 1));

    assert_int_equal(reads_ec(scalar, none, none), HF_OK);
    assert_int_equal(reads_ec(scalar, p256, none), HF_OK);
    assert_int_equal(reads_ec(scalar, p256, point), HF_OK);
    assert_int_equal(reads_ec(scalar, none, point), HF_OK);
    assert_int_equal(reads_ec(scalar, none, other_point), HF_ERR_BAD_KEY); /* OpenSSL loads this */
    assert_int_equal(reads_ec(scalar, VIEW(p384), point), HF_ERR_BAD_KEY);
    assert_int_equal(reads_ec(scalar, none, VIEW(compressed)), HF_ERR_BAD_KEY);
    assert_int_equal(reads_ec(VIEW(long_scalar), none, none), HF_ERR_BAD_KEY);
    assert_int_equal(reads_ec((hf_view) { scalar.ptr, 31 }, none, none), HF_ERR_BAD_KEY);
    hf_secret_free(made);
    hf_key_free(k);
    hf_key_free(other);
}

/* Version 1 carries the public key, version 0 does not, and attributes are for neither. */
static void versions_public_keys_and_attributes(void **state)
{
    (void)state;
    hf_secret *made = NULL;
    hf_key *k = NULL, *other = test_key(HF_ALG_ED25519);
    uint8_t store[HF_SPKI_MAX_BYTES], other_store[HF_SPKI_MAX_BYTES];
    static const uint8_t attributes[] = { 0xa0, 0x00 };
    hf_view raw, other_raw, none = { NULL, 0 };
    assert_int_equal(hf_key_generate(HF_ALG_ED25519, &made), HF_OK);
    assert_int_equal(hf_key_load_private(HF_ALG_ED25519, made, &k), HF_OK);
    assert_int_equal(hf_key_public_raw(k, store, &raw), HF_OK);
    assert_int_equal(hf_key_public_raw(other, other_store, &other_raw), HF_OK);
    struct der seed = { .len = 0 }, pub = bits_of(0x81, raw), wrong = bits_of(0x81, other_raw);
    der_wrap(&seed, 0x04, (hf_view) { hf_secret_read(made), 32 });
    const struct {
        uint8_t version;
        hf_view extra;
        hf_err want;
    } rows[] = {
        { 0, none, HF_OK },
        { 1, der_view(&pub), HF_OK },
        { 1, none, HF_ERR_BAD_KEY },
        { 0, der_view(&pub), HF_ERR_BAD_KEY },
        { 1, der_view(&wrong), HF_ERR_BAD_KEY },
        { 0, VIEW(attributes), HF_ERR_BAD_KEY },
        { 1, VIEW(attributes), HF_ERR_BAD_KEY },
        { 2, none, HF_ERR_BAD_KEY },
    };
    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        struct der d = info_of(rows[i].version, VIEW(id_ed25519), der_view(&seed), rows[i].extra);
        assert_int_equal(reads(der_view(&d)), rows[i].want);
    }
    struct der d = info_of(0, VIEW(id_ed25519), der_view(&seed), none), longer = { .len = 0 };
    const uint8_t head[] = { 0x30, 0x81, (uint8_t)(d.len - 2) }; /* a length in two bytes that fits into one */
    der_add(&longer, head, sizeof head);
    der_add(&longer, d.bytes + 2, d.len - 2);
    assert_int_equal(reads(der_view(&longer)), HF_ERR_BAD_KEY);
    d = info_of(0, VIEW(id_ed448), der_view(&seed), none);
    assert_int_equal(reads(der_view(&d)), HF_ERR_UNSUPPORTED);
    hf_secret_free(made);
    hf_key_free(k);
    hf_key_free(other);
}

/* The three forms of RFC 9881 and RFC 9935: seed, both, expanded alone. */
static void seeded_keys(hf_alg alg, hf_view id)
{
    hf_secret *made = NULL;
    hf_key *k = NULL;
    uint8_t expanded[HF_EXPANDED_MAX_BYTES];
    size_t len = 0;
    assert_int_equal(hf_key_generate(alg, &made), HF_OK);
    assert_int_equal(hf_key_load_private(alg, made, &k), HF_OK);
    assert_int_equal(hf_key_expanded(k, expanded, &len), HF_OK);
    hf_view seed = { hf_secret_read(made), hf_secret_len(made) }, whole = { expanded, len }, none = { NULL, 0 };
    struct der only_seed = { .len = 0 }, only_expanded = { .len = 0 }, list = { .len = 0 }, both = { .len = 0 }, d;

    der_wrap(&only_seed, 0x80, seed);
    d = info_of(0, id, der_view(&only_seed), none);
    assert_int_equal(reads(der_view(&d)), HF_OK);
    der_wrap(&only_expanded, 0x04, whole);
    d = info_of(0, id, der_view(&only_expanded), none);
    assert_int_equal(reads(der_view(&d)), HF_ERR_BAD_KEY);
    der_wrap(&list, 0x04, seed);
    der_wrap(&list, 0x04, whole);
    der_wrap(&both, 0x30, der_view(&list));
    d = info_of(0, id, der_view(&both), none);
    assert_int_equal(reads(der_view(&d)), HF_OK);
    for (size_t at = 0; at < len; at += len / 16) { /* an expanded half that does not follow from the seed */
        size_t in_both = both.len - len + at;
        both.bytes[in_both] ^= 1;
        d = info_of(0, id, der_view(&both), none);
        assert_int_equal(reads(der_view(&d)), HF_ERR_BAD_KEY);
        both.bytes[in_both] ^= 1;
    }
    der_wrap(&only_seed, 0x80, seed); /* twice */
    d = info_of(0, id, der_view(&only_seed), none);
    assert_int_equal(reads(der_view(&d)), HF_ERR_BAD_KEY);
    hf_secret_free(made);
    hf_key_free(k);
}

static void ml_dsa_and_ml_kem_come_with_their_seed(void **state)
{
    (void)state;
    seeded_keys(HF_ALG_ML_DSA_65, VIEW(id_ml_dsa_65));
    seeded_keys(HF_ALG_ML_KEM_768, VIEW(id_ml_kem_768));
}

static void symmetric_algorithms_have_no_pkcs8(void **state)
{
    (void)state;
    hf_key *k = test_key(HF_ALG_ED25519);
    hf_view der = openssl_pkcs8(k);
    const hf_alg algs[] = { HF_ALG_AES_256_GCM, HF_ALG_HMAC_SHA256 };
    for (size_t i = 0; i < HF_COUNT(algs); i++) {
        hf_secret *material = NULL;
        hf_alg a = HF_ALG_NONE;
        assert_int_equal(read_as(algs[i], der, &a, &material), HF_ERR_UNSUPPORTED);
        assert_null(material);
    }
    OPENSSL_free((void *)(uintptr_t)der.ptr);
    hf_key_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_openssl_writes_is_read_back),
        cmocka_unit_test(cut_and_extended_structures_are_refused),
        cmocka_unit_test(every_changed_bit_of_the_form_is_refused),
        cmocka_unit_test(ec_halves_must_belong_together),
        cmocka_unit_test(versions_public_keys_and_attributes),
        cmocka_unit_test(ml_dsa_and_ml_kem_come_with_their_seed),
        cmocka_unit_test(symmetric_algorithms_have_no_pkcs8),
    };
    return cmocka_run_group_tests_name("pkcs8", tests, test_start, NULL);
}
