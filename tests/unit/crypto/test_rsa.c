/* RSA keys from outside and what they are checked for, and what OpenSSL alone would let pass. */
#include "common.h"
#include "crypto/openssl.h"
#include "der_writer.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

enum { N, E, D, P, Q, DP, DQ, QI, NUMBERS };
static BIGNUM *good[NUMBERS]; /* of one 2048-bit key */
static const hf_view text = { (const uint8_t *)"the text to sign", 16 };

static const uint8_t rsa_null[] = { 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                    0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00 };
static const uint8_t rsa_absent[] = { 0x30, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01 };
static const uint8_t rsa_pss[] = { 0x30, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a };

static void numbers_of(EVP_PKEY *pkey, BIGNUM *ret[NUMBERS])
{
    static const char *const names[NUMBERS] = {
        OSSL_PKEY_PARAM_RSA_N,         OSSL_PKEY_PARAM_RSA_E,
        OSSL_PKEY_PARAM_RSA_D,         OSSL_PKEY_PARAM_RSA_FACTOR1,
        OSSL_PKEY_PARAM_RSA_FACTOR2,   OSSL_PKEY_PARAM_RSA_EXPONENT1,
        OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
    };
    for (size_t i = 0; i < NUMBERS; i++) {
        ret[i] = NULL;
        assert_int_equal(EVP_PKEY_get_bn_param(pkey, names[i], &ret[i]), 1);
    }
}

static int start(void **state)
{
    if (test_start(state) != 0)
        return -1;
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    assert_non_null(pkey);
    numbers_of(pkey, good);
    EVP_PKEY_free(pkey);
    return 0;
}

static BIGNUM *number(const char *hex)
{
    BIGNUM *v = NULL;
    assert_true(BN_hex2bn(&v, hex) > 0);
    return v;
}

/* ---- building ---- */

static struct der spki_of(const uint8_t *algorithm, size_t algorithm_len, const BIGNUM *n, const BIGNUM *e)
{
    struct der numbers = { .len = 0 }, key = { .len = 0 }, bits = { .len = 0 }, body = { .len = 0 }, all = { .len = 0 };
    const uint8_t zero = 0;
    der_number(&numbers, n);
    der_number(&numbers, e);
    der_wrap(&key, 0x30, der_view(&numbers));
    der_add(&bits, &zero, 1);
    der_add(&bits, key.bytes, key.len);
    der_add(&body, algorithm, algorithm_len);
    der_wrap(&body, 0x03, der_view(&bits));
    der_wrap(&all, 0x30, der_view(&body));
    return all;
}

static struct der private_of(uint8_t version, BIGNUM *const v[NUMBERS])
{
    struct der list = { .len = 0 }, all = { .len = 0 };
    der_small(&list, version);
    for (size_t i = 0; i < NUMBERS; i++)
        der_number(&list, v[i]);
    der_wrap(&all, 0x30, der_view(&list));
    return all;
}

static struct der pkcs8_of(hf_view private)
{
    struct der list = { .len = 0 }, all = { .len = 0 };
    der_small(&list, 0);
    der_add(&list, rsa_null, sizeof rsa_null);
    der_wrap(&list, 0x04, private);
    der_wrap(&all, 0x30, der_view(&list));
    return all;
}

static hf_err load_spki(hf_view spki)
{
    hf_key *k = NULL;
    hf_err e = hf_key_load_any_public(spki, &k);
    assert_true((e == HF_OK) == (k != NULL));
    hf_key_free(k);
    return e;
}

static bool openssl_takes_spki(hf_view spki)
{
    const unsigned char *at = spki.ptr;
    EVP_PKEY *pkey = d2i_PUBKEY(NULL, &at, (long)spki.len);
    bool taken = pkey != NULL;
    EVP_PKEY_free(pkey);
    return taken;
}

static hf_err load_numbers(BIGNUM *const v[NUMBERS])
{
    hf_key *k = NULL;
    struct der d = private_of(0, v);
    hf_err e = test_load(HF_ALG_RSA_2048, d.bytes, d.len, &k);
    hf_key_free(k);
    return e;
}

static hf_err import(hf_view private)
{
    struct der d = pkcs8_of(private);
    hf_secret *in = NULL, *material = NULL;
    hf_alg a = HF_ALG_NONE;
    assert_int_equal(hf_secret_copy(d.bytes, d.len, &in), HF_OK);
    hf_err e = hf_key_read_pkcs8(HF_ALG_NONE, in, &a, &material);
    assert_true((e == HF_OK) == (material != NULL));
    hf_secret_free(in);
    hf_secret_free(material);
    return e;
}

static hf_err import_numbers(BIGNUM *const v[NUMBERS])
{
    struct der d = private_of(0, v);
    return import(der_view(&d));
}

/* ---- public keys ---- */

static void the_right_public_form_is_taken(void **state)
{
    (void)state;
    struct der d = spki_of(rsa_null, sizeof rsa_null, good[N], good[E]);
    assert_int_equal(load_spki(der_view(&d)), HF_OK);
}

static void public_forms_that_openssl_takes_are_refused(void **state)
{
    (void)state;
    const struct {
        const uint8_t *algorithm;
        size_t len;
    } rows[] = { { rsa_absent, sizeof rsa_absent }, { rsa_pss, sizeof rsa_pss } };
    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        struct der d = spki_of(rows[i].algorithm, rows[i].len, good[N], good[E]);
        assert_true(openssl_takes_spki(der_view(&d)));
        assert_int_equal(load_spki(der_view(&d)), HF_ERR_BAD_KEY);
    }
}

static void public_exponents_are_odd_at_least_65537_and_bounded(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        hf_err want;
    } rows[] = {
        { "010001", HF_OK },
        { "010003", HF_OK },
        { "ffffffff", HF_OK },
        { "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", HF_OK },
        { "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", HF_ERR_BAD_KEY },
        { "010000", HF_ERR_BAD_KEY },
        { "010002", HF_ERR_BAD_KEY },
        { "ffff", HF_ERR_BAD_KEY },
        { "11", HF_ERR_BAD_KEY },
        { "03", HF_ERR_BAD_KEY },
        { "01", HF_ERR_BAD_KEY },
        { "00", HF_ERR_BAD_KEY },
    };
    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        BIGNUM *e = number(rows[i].hex);
        struct der d = spki_of(rsa_null, sizeof rsa_null, good[N], e);
        assert_int_equal(load_spki(der_view(&d)), rows[i].want);
        BN_free(e);
    }
}

/* n of one bit more or less, even, with a small factor. */
static void odd_moduli_are_refused(void **state)
{
    (void)state;
    static const int bits[] = { 512, 1024, 2040, 2047, 2049, 2056, 3071, 3073, 4096 };
    for (size_t i = 0; i < HF_COUNT(bits); i++) {
        BIGNUM *n = BN_new();
        assert_int_equal(BN_priv_rand(n, bits[i], BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD), 1);
        struct der d = spki_of(rsa_null, sizeof rsa_null, n, good[E]);
        assert_int_equal(load_spki(der_view(&d)), HF_ERR_BAD_KEY);
        BN_free(n);
    }
    static const BN_ULONG factors[] = { 3, 5, 7, 11, 127, 743, 751 };
    for (size_t i = 0; i < HF_COUNT(factors); i++) {
        BIGNUM *n = BN_dup(good[N]);
        BN_ULONG rest = BN_mod_word(n, factors[i]);
        assert_int_equal(BN_sub_word(n, rest), 1); /* a multiple, of the same size */
        if (!BN_is_odd(n))
            assert_int_equal(BN_sub_word(n, factors[i]), 1);
        struct der d = spki_of(rsa_null, sizeof rsa_null, n, good[E]);
        assert_true(openssl_takes_spki(der_view(&d)));
        assert_int_equal(load_spki(der_view(&d)), HF_ERR_BAD_KEY);
        BN_free(n);
    }
    BIGNUM *even = BN_dup(good[N]);
    assert_int_equal(BN_sub_word(even, 1), 1);
    struct der d = spki_of(rsa_null, sizeof rsa_null, even, good[E]);
    assert_int_equal(load_spki(der_view(&d)), HF_ERR_BAD_KEY);
    BN_free(even);
}

/*
 * A modulus as the Infineon generator makes them: p and q are k * M + 65537^a mod M for the product M of the first
 * primes. Ours need not be prime for the fingerprint; they only must not have small factors, which M sees to.
 */
static BIGNUM *roca_factor(int bits, BN_ULONG power)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *m = BN_new(), *g = BN_new(), *a = BN_new(), *k = BN_new(), *f = BN_new();
    assert_int_equal(BN_one(m), 1);
    for (BN_ULONG p = 2, seen = 0; seen < 126; p++) { /* 126 primes: 971 bits, as for keys of 2048 bits */
        bool prime = true;
        for (BN_ULONG q = 2; q * q <= p; q++)
            prime = prime && p % q != 0;
        if (!prime)
            continue;
        assert_int_equal(BN_mul_word(m, p), 1);
        seen++;
    }
    assert_true(BN_set_word(g, 65537) == 1 && BN_set_word(a, power) == 1);
    assert_int_equal(BN_mod_exp(g, g, a, m, ctx), 1);
    do {
        assert_int_equal(BN_priv_rand(k, bits - BN_num_bits(m) + 1, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY), 1);
        assert_int_equal(BN_mul(f, k, m, ctx), 1);
        assert_int_equal(BN_add(f, f, g), 1);
    } while (BN_num_bits(f) != bits || !BN_is_bit_set(f, bits - 2));
    BN_CTX_free(ctx);
    BN_free(m);
    BN_free(g);
    BN_free(a);
    BN_free(k);
    return f;
}

static void moduli_with_the_roca_fingerprint_are_refused(void **state)
{
    (void)state;
    for (BN_ULONG i = 1; i < 6; i++) {
        BIGNUM *p = roca_factor(1024, 1000 + i), *q = roca_factor(1024, 77 * i + 5), *n = BN_new();
        BN_CTX *ctx = BN_CTX_new();
        assert_int_equal(BN_mul(n, p, q, ctx), 1);
        assert_int_equal(BN_num_bits(n), 2048);
        struct der d = spki_of(rsa_null, sizeof rsa_null, n, good[E]);
        assert_true(openssl_takes_spki(der_view(&d)));
        assert_int_equal(load_spki(der_view(&d)), HF_ERR_BAD_KEY);
        hf_err e = HF_ERR_BAD_KEY; /* a number near it is taken: the refusal was for the fingerprint */
        for (unsigned near = 0; near < 200 && e != HF_OK; near++) {
            assert_int_equal(BN_add_word(n, 2), 1);
            d = spki_of(rsa_null, sizeof rsa_null, n, good[E]);
            e = load_spki(der_view(&d));
        }
        assert_int_equal(e, HF_OK);
        BN_CTX_free(ctx);
        BN_free(p);
        BN_free(q);
        BN_free(n);
    }
}

/* Long lengths, leading zeros, negative numbers, something behind: each breaks the one encoding. */
static void lax_public_der_is_refused(void **state)
{
    (void)state;
    struct der d = spki_of(rsa_null, sizeof rsa_null, good[N], good[E]), other;
    other = d; /* one byte behind it */
    other.bytes[other.len++] = 0;
    assert_int_equal(load_spki(der_view(&other)), HF_ERR_BAD_KEY);
    other = d; /* unused bits */
    other.bytes[4 + sizeof rsa_null + 4] = 1;
    assert_int_equal(load_spki(der_view(&other)), HF_ERR_BAD_KEY);
    other = d; /* a negative modulus: its zero byte becomes 0xff */
    other.bytes[32] = 0xff;
    assert_int_equal(load_spki(der_view(&other)), HF_ERR_BAD_KEY);
    other = d; /* the exponent's length in two bytes; the rest is as it was, so only the form differs */
    memmove(other.bytes + d.len - 3, other.bytes + d.len - 4, 4);
    other.bytes[d.len - 4] = 0x81;
    other.len++;
    other.bytes[3]++;
    other.bytes[4 + sizeof rsa_null + 3]++;
    other.bytes[4 + sizeof rsa_null + 5 + 3]++;
    assert_int_equal(load_spki(der_view(&other)), HF_ERR_BAD_KEY);
}

/* ---- private keys ---- */

static void the_right_private_numbers_are_taken(void **state)
{
    (void)state;
    assert_int_equal(load_numbers(good), HF_OK);
    assert_int_equal(import_numbers(good), HF_OK);
}

static bool openssl_takes_private(hf_view der)
{
    const unsigned char *at = der.ptr;
    EVP_PKEY *pkey = d2i_PrivateKey(EVP_PKEY_RSA, NULL, &at, (long)der.len);
    bool taken = pkey != NULL;
    EVP_PKEY_free(pkey);
    return taken;
}

/* Each number alone changed, up and down: OpenSSL loads all of these, and signs wrongly with some. */
static void every_wrong_number_is_refused(void **state)
{
    (void)state;
    unsigned taken = 0;
    for (size_t i = 0; i < NUMBERS; i++) {
        for (int up = 0; up < 2; up++) {
            BIGNUM *v[NUMBERS];
            memcpy(v, good, sizeof v);
            v[i] = BN_dup(good[i]);
            assert_int_equal(up ? BN_add_word(v[i], 2) : BN_sub_word(v[i], 2), 1);
            struct der d = private_of(0, v);
            taken += openssl_takes_private(der_view(&d));
            assert_int_equal(load_numbers(v), HF_ERR_BAD_KEY);
            assert_int_equal(import_numbers(v), HF_ERR_BAD_KEY);
            BN_free(v[i]);
        }
    }
    assert_true(taken >= 12); /* so the refusals are ours */
}

static void exchanged_numbers_are_refused(void **state)
{
    (void)state;
    static const struct {
        int a, b;
    } rows[] = { { DP, DQ }, { P, Q }, { N, P }, { D, DP }, { E, D } };
    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        BIGNUM *v[NUMBERS];
        memcpy(v, good, sizeof v);
        v[rows[i].a] = good[rows[i].b];
        v[rows[i].b] = good[rows[i].a];
        assert_int_equal(load_numbers(v), HF_ERR_BAD_KEY);
        assert_int_equal(import_numbers(v), HF_ERR_BAD_KEY);
    }
}

/* The CRT parts of given primes. Caller frees what is not e. */
static bool complete(BIGNUM *v[NUMBERS])
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *p1 = BN_dup(v[P]), *q1 = BN_dup(v[Q]), *phi = BN_new();
    for (size_t i = 0; i < NUMBERS; i++)
        v[i] = v[i] == NULL ? BN_new() : v[i];
    assert_true(BN_sub_word(p1, 1) == 1 && BN_sub_word(q1, 1) == 1 && BN_mul(phi, p1, q1, ctx) == 1);
    bool done = BN_mul(v[N], v[P], v[Q], ctx) == 1 && BN_mod_inverse(v[D], v[E], phi, ctx) != NULL &&
                BN_mod(v[DP], v[D], p1, ctx) == 1 && BN_mod(v[DQ], v[D], q1, ctx) == 1 &&
                BN_mod_inverse(v[QI], v[Q], v[P], ctx) != NULL;
    BN_CTX_free(ctx);
    BN_free(p1);
    BN_free(q1);
    BN_free(phi);
    return done;
}

static void numbers_free(BIGNUM *v[NUMBERS])
{
    for (size_t i = 0; i < NUMBERS; i++) {
        if (i != E)
            BN_free(v[i]);
    }
}

/* A p that is no prime, with everything else computed to fit it: only a test for primes can tell. */
static void composite_factors_are_refused_on_import(void **state)
{
    (void)state;
    unsigned tried = 0;
    for (unsigned i = 0; i < 40 && tried < 3; i++) {
        BIGNUM *v[NUMBERS] = { [E] = good[E], [P] = BN_new(), [Q] = BN_dup(good[Q]) };
        BIGNUM *half = BN_new();
        BN_CTX *ctx = BN_CTX_new();
        assert_int_equal(BN_generate_prime_ex2(half, 512, 0, NULL, NULL, NULL, ctx), 1);
        assert_int_equal(BN_generate_prime_ex2(v[P], 512, 0, NULL, NULL, NULL, ctx), 1);
        assert_int_equal(BN_mul(v[P], v[P], half, ctx), 1);
        if (BN_num_bits(v[P]) == 1024 && complete(v) && BN_num_bits(v[N]) == 2048) {
            assert_int_equal(import_numbers(v), HF_ERR_BAD_KEY);
            tried++;
        }
        BN_free(half);
        BN_CTX_free(ctx);
        numbers_free(v);
    }
    assert_true(tried > 0);
}

/* Primes near each other: Fermat's method finds them. */
static void near_primes_are_refused(void **state)
{
    (void)state;
    BIGNUM *v[NUMBERS] = { [E] = good[E], [P] = BN_dup(good[P]), [Q] = BN_dup(good[P]) };
    do {
        assert_int_equal(BN_add_word(v[Q], 2), 1);
    } while (BN_check_prime(v[Q], NULL, NULL) != 1);
    if (complete(v) && BN_num_bits(v[N]) == 2048) {
        struct der d = private_of(0, v);
        assert_true(openssl_takes_private(der_view(&d)));
        assert_int_equal(load_numbers(v), HF_ERR_BAD_KEY);
        assert_int_equal(import_numbers(v), HF_ERR_BAD_KEY);
    }
    numbers_free(v);
}

static void several_primes_other_versions_and_lax_der_are_refused(void **state)
{
    (void)state;
    struct der d = private_of(1, good), other;
    assert_int_equal(import(der_view(&d)), HF_ERR_BAD_KEY);
    d = private_of(2, good);
    assert_int_equal(import(der_view(&d)), HF_ERR_BAD_KEY);
    d = private_of(0, good);
    assert_int_equal(import(der_view(&d)), HF_OK);
    for (size_t n = 0; n < d.len; n += 7)
        assert_int_equal(import((hf_view) { d.bytes, n }), HF_ERR_BAD_KEY);
    other = d;
    other.bytes[other.len++] = 0;
    assert_int_equal(import(der_view(&other)), HF_ERR_BAD_KEY);
    hf_key *k = NULL;
    assert_int_equal(test_load(HF_ALG_RSA_2048, other.bytes, other.len, &k), HF_ERR_BAD_KEY);
    assert_int_equal(test_load(HF_ALG_RSA_3072, d.bytes, d.len, &k), HF_ERR_BAD_KEY);
    assert_int_equal(test_load(HF_ALG_RSA_2048, d.bytes, d.len - 1, &k), HF_ERR_BAD_KEY);
}

/* ---- signing ---- */

/*
 * A signature from a faulty half of the CRT would give the factors away: gcd(s^e - m, n). OpenSSL raises every result to e
 * and does the work again without the CRT when it differs, so what leaves is right. This holds the library to that.
 */
static void a_faulty_crt_part_does_not_reach_a_signature(void **state)
{
    (void)state;
    static const int parts[] = { DP, DQ, QI };
    for (size_t i = 0; i < HF_COUNT(parts); i++) {
        BIGNUM *v[NUMBERS];
        uint8_t sig[256], digest[32];
        size_t len = sizeof sig;
        memcpy(v, good, sizeof v);
        v[parts[i]] = BN_dup(good[parts[i]]);
        assert_int_equal(BN_add_word(v[parts[i]], 2), 1);
        struct der d = private_of(0, v), spki = spki_of(rsa_null, sizeof rsa_null, good[N], good[E]);
        const unsigned char *at = d.bytes;
        EVP_PKEY *pkey = d2i_PrivateKey(EVP_PKEY_RSA, NULL, &at, (long)d.len);
        assert_non_null(pkey);
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
        assert_int_equal(hf_digest(HF_HASH_SHA256, &text, 1, digest), HF_OK);
        assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
        assert_int_equal(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()), 1);
        assert_int_equal(EVP_PKEY_sign(ctx, sig, &len, digest, sizeof digest), 1);
        hf_key *k = NULL;
        assert_int_equal(hf_key_load_any_public(der_view(&spki), &k), HF_OK);
        assert_int_equal(hf_key_verify(k, HF_SCHEME_RSA_PKCS1, HF_HASH_SHA256, false, text, (hf_view) { sig, len }),
                         HF_OK);
        hf_key_free(k);
        EVP_PKEY_CTX_free(ctx);
        EVP_PKEY_free(pkey);
        BN_free(v[parts[i]]);
    }
}

/* PSS with a salt of another length, or with another hash in MGF1, is not ours. */
static void pss_takes_its_own_salt_length_and_hash_only(void **state)
{
    (void)state;
    struct der d = private_of(0, good);
    const unsigned char *at = d.bytes;
    EVP_PKEY *pkey = d2i_PrivateKey(EVP_PKEY_RSA, NULL, &at, (long)d.len);
    hf_key *k = NULL;
    uint8_t digest[32];
    assert_int_equal(test_load(HF_ALG_RSA_2048, d.bytes, d.len, &k), HF_OK);
    assert_int_equal(hf_digest(HF_HASH_SHA256, &text, 1, digest), HF_OK);
    const struct {
        int salt;
        const EVP_MD *mgf;
        hf_err want;
    } rows[] = { { 32, EVP_sha256(), HF_OK },
                 { 31, EVP_sha256(), HF_ERR_BAD_SIGNATURE },
                 { 33, EVP_sha256(), HF_ERR_BAD_SIGNATURE },
                 { 0, EVP_sha256(), HF_ERR_BAD_SIGNATURE },
                 { 222, EVP_sha256(), HF_ERR_BAD_SIGNATURE },
                 { 32, EVP_sha1(), HF_ERR_BAD_SIGNATURE },
                 { 32, EVP_sha384(), HF_ERR_BAD_SIGNATURE } };
    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
        uint8_t sig[256];
        size_t len = sizeof sig;
        assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, rows[i].mgf), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, rows[i].salt), 1);
        assert_int_equal(EVP_PKEY_sign(ctx, sig, &len, digest, sizeof digest), 1);
        assert_int_equal(hf_key_verify(k, HF_SCHEME_RSA_PSS, HF_HASH_SHA256, false, text, (hf_view) { sig, len }),
                         rows[i].want);
        EVP_PKEY_CTX_free(ctx);
    }
    hf_key_free(k);
    EVP_PKEY_free(pkey);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_right_public_form_is_taken),
        cmocka_unit_test(public_forms_that_openssl_takes_are_refused),
        cmocka_unit_test(public_exponents_are_odd_at_least_65537_and_bounded),
        cmocka_unit_test(odd_moduli_are_refused),
        cmocka_unit_test(moduli_with_the_roca_fingerprint_are_refused),
        cmocka_unit_test(lax_public_der_is_refused),
        cmocka_unit_test(the_right_private_numbers_are_taken),
        cmocka_unit_test(every_wrong_number_is_refused),
        cmocka_unit_test(exchanged_numbers_are_refused),
        cmocka_unit_test(composite_factors_are_refused_on_import),
        cmocka_unit_test(near_primes_are_refused),
        cmocka_unit_test(several_primes_other_versions_and_lax_der_are_refused),
        cmocka_unit_test(a_faulty_crt_part_does_not_reach_a_signature),
        cmocka_unit_test(pss_takes_its_own_salt_length_and_hash_only),
    };
    return cmocka_run_group_tests_name("rsa", tests, start, NULL);
}
