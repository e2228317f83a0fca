#include "crypto/der.h"
#include "crypto/openssl.h"
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/x509.h>

/*
 * RSA numbers (RFC 8017) read by ourselves from strict DER, with the limits of FIPS 186-5 section 5.1: modulus of
 * exactly 2048 or 3072 bits, odd e with 2^16 < e < 2^256, two primes of half the modulus' length that are not near
 * each other, and CRT parts that belong to them. OpenSSL loads keys with a wrong d, prime or CRT part silently.
 */

#define RSA_E_MAX_BITS 256
#define RSA_NEAR_BITS 100 /* |p - q| > 2^(bits/2 - 100): FIPS 186-5 appendix A.1.3 */

size_t hf_rsa_bytes(hf_alg a)
{
    return a == HF_ALG_RSA_2048 ? 256 : a == HF_ALG_RSA_3072 ? 384 : 0;
}

enum { N, E, D, P, Q, DP, DQ, QI, NUMBERS };

struct numbers {
    BIGNUM *v[NUMBERS];
    BN_CTX *scratch;
};

static void numbers_free(struct numbers *x)
{
    for (size_t i = 0; i < NUMBERS; i++)
        BN_clear_free(x->v[i]);
    BN_CTX_free(x->scratch);
}

static BIGNUM *bn_of(hf_view v)
{
    BIGNUM *b = BN_bin2bn(v.ptr, (int)v.len, NULL);
    if (b != NULL)
        BN_set_flags(b, BN_FLG_CONSTTIME);
    return b;
}

/* ---- public numbers ---- */

static hf_alg alg_of_modulus(hf_view n)
{
    bool full = n.len > 0 && (n.ptr[0] & 0x80) != 0; /* the views have no leading zeros */
    return !full ? HF_ALG_NONE : n.len == 256 ? HF_ALG_RSA_2048 : n.len == 384 ? HF_ALG_RSA_3072 : HF_ALG_NONE;
}

/*
 * Moduli of the Infineon generator (ROCA, CVE-2017-15361) are powers of 65537 modulo every small prime. These are the
 * primes below 168 for which not every residue is one; a random modulus passes for all of them with odds of 4e-9.
 */
static bool has_roca_fingerprint(const BIGNUM *n)
{
    static const uint8_t primes[] = { 11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157 };
    for (size_t i = 0; i < HF_COUNT(primes); i++) {
        unsigned p = primes[i], g = 1, r = (unsigned)BN_mod_word(n, p);
        bool in_group = false;
        do {
            in_group = in_group || g == r;
            g = g * (65537 % p) % p;
        } while (g != 1);
        if (!in_group)
            return false;
    }
    return true;
}

/* No factor below 752 (SP 800-89 section 5.3.3). */
#define SMALL_PRIME_LIMIT 752
static bool has_small_factor(const BIGNUM *n)
{
    bool composite[SMALL_PRIME_LIMIT] = { false };
    for (unsigned p = 3; p < SMALL_PRIME_LIMIT; p += 2) {
        if (composite[p])
            continue;
        for (unsigned m = p * p; m < SMALL_PRIME_LIMIT; m += 2 * p)
            composite[m] = true;
        if (BN_mod_word(n, p) == 0)
            return true;
    }
    return false;
}

static bool exponent_is_good(hf_view e)
{
    if (e.len == 0 || e.len > RSA_E_MAX_BITS / 8 || (e.ptr[e.len - 1] & 1) == 0)
        return false;
    return e.len > 3 || (e.len == 3 && e.ptr[0] >= 1); /* odd and at least 2^16: 65537 and more */
}

static bool public_numbers_are_good(hf_view n, hf_view e, bool test_factors)
{
    if ((n.ptr[n.len - 1] & 1) == 0 || !exponent_is_good(e))
        return false;
    BIGNUM *modulus = bn_of(n);
    bool good = modulus != NULL && !has_roca_fingerprint(modulus) && (!test_factors || !has_small_factor(modulus));
    BN_free(modulus);
    return good;
}

hf_alg hf_rsa_read_public(hf_view der, hf_view *ret_n, hf_view *ret_e)
{
    hf_view list, n, e;
    if (!hf_der_take_last(&der, HF_DER_SEQUENCE, &list) || !hf_der_take_uint(&list, &n) ||
        !hf_der_take_uint(&list, &e) || list.len != 0)
        return HF_ALG_NONE;
    hf_alg a = alg_of_modulus(n);
    if (a == HF_ALG_NONE || !public_numbers_are_good(n, e, true))
        return HF_ALG_NONE;
    *ret_n = n;
    *ret_e = e;
    return a;
}

/* ---- private numbers ---- */

/* Version 0 means two primes; version 1 would carry more of them. */
static bool split(hf_view der, hf_view ret[static NUMBERS])
{
    hf_view list;
    if (!hf_der_take_last(&der, HF_DER_SEQUENCE, &list) || !hf_der_take_small(&list, 0))
        return false;
    for (size_t i = 0; i < NUMBERS; i++) {
        if (!hf_der_take_uint(&list, &ret[i]))
            return false;
    }
    return list.len == 0;
}

hf_alg hf_rsa_alg_of_private(hf_view der)
{
    hf_view v[NUMBERS];
    return split(der, v) ? alg_of_modulus(v[N]) : HF_ALG_NONE;
}

/* a * b mod m == 1 */
static bool is_inverse(const BIGNUM *a, const BIGNUM *b, const BIGNUM *m, BN_CTX *scratch)
{
    BN_CTX_start(scratch);
    BIGNUM *t = BN_CTX_get(scratch);
    bool yes = t != NULL && BN_mod_mul(t, a, b, m, scratch) == 1 && BN_is_one(t);
    BN_CTX_end(scratch);
    return yes;
}

/* dp is d mod (p - 1) and inverts e there. */
static bool crt_part_fits(const BIGNUM *prime, const BIGNUM *part, const struct numbers *x)
{
    BN_CTX_start(x->scratch);
    BIGNUM *less = BN_CTX_get(x->scratch);
    BIGNUM *t = BN_CTX_get(x->scratch);
    bool yes = t != NULL && BN_copy(less, prime) != NULL && BN_sub_word(less, 1) == 1 &&
               BN_mod(t, x->v[D], less, x->scratch) == 1 && BN_cmp(t, part) == 0 &&
               is_inverse(x->v[E], part, less, x->scratch);
    BN_CTX_end(x->scratch);
    return yes;
}

static bool primes_make_modulus(const struct numbers *x, int half)
{
    BN_CTX_start(x->scratch);
    BIGNUM *t = BN_CTX_get(x->scratch);
    bool yes = t != NULL && BN_num_bits(x->v[P]) == half && BN_num_bits(x->v[Q]) == half &&
               BN_sub(t, x->v[P], x->v[Q]) == 1 && BN_num_bits(t) > half - RSA_NEAR_BITS &&
               BN_mul(t, x->v[P], x->v[Q], x->scratch) == 1 && BN_cmp(t, x->v[N]) == 0;
    BN_CTX_end(x->scratch);
    return yes;
}

static bool numbers_belong_together(const struct numbers *x, int half)
{
    return primes_make_modulus(x, half) && BN_num_bits(x->v[D]) > half && BN_cmp(x->v[D], x->v[N]) < 0 &&
           crt_part_fits(x->v[P], x->v[DP], x) && crt_part_fits(x->v[Q], x->v[DQ], x) &&
           BN_cmp(x->v[QI], x->v[P]) < 0 && is_inverse(x->v[Q], x->v[QI], x->v[P], x->scratch);
}

bool hf_rsa_private_is_sound(hf_alg a, hf_view der, bool test_primes)
{
    HF_AUTO(numbers_free) struct numbers x = { 0 };
    hf_view v[NUMBERS];
    if (!split(der, v) || alg_of_modulus(v[N]) != a || !public_numbers_are_good(v[N], v[E], false))
        return false;
    x.scratch = BN_CTX_new();
    if (x.scratch == NULL)
        return false;
    for (size_t i = 0; i < NUMBERS; i++) {
        if (v[i].len > hf_rsa_bytes(a) || (x.v[i] = bn_of(v[i])) == NULL)
            return false;
    }
    if (!numbers_belong_together(&x, (int)hf_rsa_bytes(a) * 4))
        return false;
    return !test_primes ||
           (BN_check_prime(x.v[P], x.scratch, NULL) == 1 && BN_check_prime(x.v[Q], x.scratch, NULL) == 1);
}

bool hf_is_prime(hf_view number)
{
    BIGNUM *n = bn_of(number);
    bool yes = n != NULL && BN_check_prime(n, NULL, NULL) == 1;
    BN_clear_free(n);
    return yes;
}

/* ---- generation ---- */

/* A new pair has signed and verified once before anybody gets it (FIPS 140-3 pairwise consistency). */
static hf_err try_pair(hf_alg a, hf_view material)
{
    HF_AUTO(hf_key_freep) hf_key *key = NULL;
    uint8_t sig[384];
    size_t len = 0;
    hf_view text = hf_view_str("pairwise consistency");
    HF_TRY(hf_key_load_bytes(a, material, &key));
    HF_TRY(hf_key_sign(key, HF_SCHEME_RSA_PKCS1, HF_HASH_NONE, false, text, sig, sizeof sig, &len));
    return hf_key_verify(key, HF_SCHEME_RSA_PKCS1, HF_HASH_NONE, false, text, (hf_view) { sig, len });
}

hf_err hf_rsa_generate(hf_alg a, hf_secret **ret_material)
{
    unsigned char *der = NULL;
    HF_AUTO(hf_pkey_freep) EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", hf_rsa_bytes(a) * 8);
    HF_CHECK(pkey != NULL, hf_openssl_error(HF_ERR_INTERNAL));
    int len = i2d_PrivateKey(pkey, &der);
    HF_CHECK(len > 0, hf_openssl_error(HF_ERR_INTERNAL));
    hf_err e = try_pair(a, (hf_view) { der, (size_t)len });
    e = e == HF_OK ? hf_secret_copy(der, (size_t)len, ret_material) : HF_ERR_INTERNAL;
    OPENSSL_clear_free(der, (size_t)len);
    return e;
}
