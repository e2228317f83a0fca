#include "jwk/jwk.h"

#include "base/num.h"
#include <string.h>

/* Kinds whose DER is a fixed start and then the key itself. */
typedef struct fixed_kind {
    hf_alg alg;
    const char *kty, *crv, *jose_alg;
    const char *name[HF_JWK_MEMBERS];
    size_t part;    /* bytes of each member */
    size_t n_parts; /* 0: no JWK */
    size_t start_len;
    uint8_t start[27];
} fixed_kind;

static const fixed_kind
    fixed_kinds[] = {
        { HF_ALG_EC_P256, "EC", "P-256", NULL, { "x", "y" }, 32, 2, 27, { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a,
                                                                          0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
                                                                          0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03,
                                                                          0x01, 0x07, 0x03, 0x42, 0x00, 0x04 } },
        { HF_ALG_EC_P384, "EC", "P-384", NULL, { "x", "y" }, 48, 2, 24, { 0x30, 0x76, 0x30, 0x10, 0x06, 0x07,
                                                                          0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
                                                                          0x01, 0x06, 0x05, 0x2b, 0x81, 0x04,
                                                                          0x00, 0x22, 0x03, 0x62, 0x00, 0x04 } },
        { HF_ALG_ED25519,
          "OKP",
          "Ed25519",
          NULL,
          { "x", NULL },
          32,
          1,
          12,
          { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00 } },
        { HF_ALG_ML_DSA_65, "AKP", NULL, "ML-DSA-65", { "pub", NULL }, 1952, 1, 22, { 0x30, 0x82, 0x07, 0xb2, 0x30,
                                                                                      0x0b, 0x06, 0x09, 0x60, 0x86,
                                                                                      0x48, 0x01, 0x65, 0x03, 0x04,
                                                                                      0x03, 0x12, 0x03, 0x82, 0x07,
                                                                                      0xa1, 0x00 } },
        { HF_ALG_ML_KEM_768, NULL, NULL, NULL, { NULL, NULL }, 1184, 0, 22, { 0x30, 0x82, 0x04, 0xb2, 0x30, 0x0b,
                                                                              0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                                                              0x65, 0x03, 0x04, 0x04, 0x02, 0x03,
                                                                              0x82, 0x04, 0xa1, 0x00 } },
    };

static size_t key_len(const fixed_kind *k)
{
    return k->part * (k->n_parts == 0 ? 1 : k->n_parts);
}

static const fixed_kind *fixed_kind_of(hf_view spki)
{
    for (size_t i = 0; i < HF_COUNT(fixed_kinds); i++) {
        const fixed_kind *k = &fixed_kinds[i];
        if (spki.len == k->start_len + key_len(k) &&
            hf_view_eq(hf_view_of(spki.ptr, k->start_len), hf_view_of(k->start, k->start_len)))
            return k;
    }
    return NULL;
}

/* ---- RSA: the one kind whose DER has lengths of its own (RFC 8017 appendix A.1) ---- */

#define DER_INTEGER 0x02
#define DER_BIT_STRING 0x03
#define DER_SEQUENCE 0x30

/* rsaEncryption with its NULL (RFC 3279 section 2.3.1). */
static const uint8_t rsa_algorithm[] = { 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                         0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00 };

/* The shortest form of the length and no other (X.690 section 10.1). */
static hf_err der_open(hf_reader *r, uint8_t tag, hf_reader *ret)
{
    size_t len;

    HF_CHECK(hf_get_u8(r) == tag && !r->failed, HF_ERR_MALFORMED);
    uint8_t first = hf_get_u8(r);
    if (first < 0x80) {
        len = first;
    } else if (first == 0x81) {
        len = hf_get_u8(r);
        HF_CHECK(len >= 0x80, HF_ERR_MALFORMED);
    } else {
        HF_CHECK(first == 0x82, HF_ERR_MALFORMED);
        len = hf_get_u16(r);
        HF_CHECK(len >= 0x100, HF_ERR_MALFORMED);
    }
    hf_view inside = hf_get_view(r, len);
    HF_CHECK(!r->failed, HF_ERR_MALFORMED);
    *ret = hf_reader_of(inside);
    return HF_OK;
}

/* A positive INTEGER without its sign octet. */
static hf_err der_positive(hf_reader *r, hf_view *ret)
{
    hf_reader in;

    HF_TRY(der_open(r, DER_INTEGER, &in));
    hf_view v = in.left;
    HF_CHECK(v.len > 0 && (v.ptr[0] & 0x80) == 0, HF_ERR_MALFORMED);
    if (v.ptr[0] == 0) {
        HF_CHECK(v.len > 1 && (v.ptr[1] & 0x80) != 0, HF_ERR_MALFORMED);
        v = hf_view_of(v.ptr + 1, v.len - 1);
    }
    *ret = v;
    return HF_OK;
}

static size_t bits_of(hf_view number)
{
    if (number.len == 0 || number.ptr[0] == 0)
        return 0;
    return number.len * 8 - (size_t)(__builtin_clz(number.ptr[0]) - 24);
}

static hf_alg rsa_alg(hf_view n)
{
    size_t bits = bits_of(n);

    return bits == 2048 ? HF_ALG_RSA_2048 : bits == 3072 ? HF_ALG_RSA_3072 : HF_ALG_NONE;
}

static hf_err rsa_of_spki(hf_view spki, hf_view *ret_n, hf_view *ret_e)
{
    hf_reader r = hf_reader_of(spki), outer, bits, numbers;
    hf_view n, e;

    HF_TRY(der_open(&r, DER_SEQUENCE, &outer));
    HF_TRY(hf_reader_done(&r));
    hf_view algorithm = hf_get_view(&outer, sizeof(rsa_algorithm));
    HF_CHECK(!outer.failed && hf_view_eq(algorithm, hf_view_of(rsa_algorithm, sizeof(rsa_algorithm))),
             HF_ERR_UNSUPPORTED);
    HF_TRY(der_open(&outer, DER_BIT_STRING, &bits));
    HF_TRY(hf_reader_done(&outer));
    HF_CHECK(hf_get_u8(&bits) == 0 && !bits.failed, HF_ERR_MALFORMED);
    HF_TRY(der_open(&bits, DER_SEQUENCE, &numbers));
    HF_TRY(hf_reader_done(&bits));
    HF_TRY(der_positive(&numbers, &n));
    HF_TRY(der_positive(&numbers, &e));
    HF_TRY(hf_reader_done(&numbers));
    *ret_n = n;
    *ret_e = e;
    return HF_OK;
}

static size_t der_len(size_t content)
{
    return content + (content < 0x80 ? 2u : content < 0x100 ? 3u : 4u);
}

static void der_put(hf_writer *w, uint8_t tag, size_t content)
{
    hf_put_u8(w, tag);
    if (content >= 0x100) {
        hf_put_u8(w, 0x82);
        hf_put_u16(w, (uint16_t)content);
    } else {
        if (content >= 0x80)
            hf_put_u8(w, 0x81);
        hf_put_u8(w, (uint8_t)content);
    }
}

static size_t positive_len(hf_view v)
{
    return v.len + ((v.ptr[0] & 0x80) != 0);
}

static void put_positive(hf_writer *w, hf_view v)
{
    der_put(w, DER_INTEGER, positive_len(v));
    if ((v.ptr[0] & 0x80) != 0)
        hf_put_u8(w, 0);
    hf_put_view(w, v);
}

static void put_rsa(hf_writer *w, hf_view n, hf_view e)
{
    size_t numbers = der_len(positive_len(n)) + der_len(positive_len(e));
    size_t bits = 1 + der_len(numbers);

    der_put(w, DER_SEQUENCE, sizeof(rsa_algorithm) + der_len(bits));
    hf_put_bytes(w, rsa_algorithm, sizeof(rsa_algorithm));
    der_put(w, DER_BIT_STRING, bits);
    hf_put_u8(w, 0);
    der_put(w, DER_SEQUENCE, numbers);
    put_positive(w, n);
    put_positive(w, e);
}

/* ---- both ways ---- */

static hf_jwk kind_of(const fixed_kind *k)
{
    return (hf_jwk) {
        .alg = k->alg, .kty = k->kty, .crv = k->crv, .jose_alg = k->jose_alg, .name = { k->name[0], k->name[1] }
    };
}

static const hf_jwk rsa_kind = { .kty = "RSA", .name = { "n", "e" } };

hf_err hf_jwk_of_spki(hf_view spki, hf_jwk *ret)
{
    const fixed_kind *k = fixed_kind_of(spki);
    hf_jwk key;

    if (k == NULL) {
        key = rsa_kind;
        HF_TRY(rsa_of_spki(spki, &key.value[0], &key.value[1]));
        key.alg = rsa_alg(key.value[0]);
        HF_CHECK(key.alg != HF_ALG_NONE, HF_ERR_UNSUPPORTED);
    } else {
        HF_CHECK(k->n_parts > 0, HF_ERR_UNSUPPORTED);
        key = kind_of(k);
        for (size_t i = 0; i < k->n_parts; i++)
            key.value[i] = hf_view_of(spki.ptr + k->start_len + i * k->part, k->part);
    }
    *ret = key;
    return HF_OK;
}

hf_alg hf_spki_alg(hf_view spki)
{
    const fixed_kind *k = fixed_kind_of(spki);
    hf_view n, e;

    if (k != NULL)
        return k->alg;
    return rsa_of_spki(spki, &n, &e) == HF_OK ? rsa_alg(n) : HF_ALG_NONE;
}

/* ---- from a JWK ---- */

/* `alg` says what a key may be used for (RFC 7517 section 4.4): one that is for other keys makes the JWK contradict itself. */
static bool alg_fits(const hf_jwk *key, hf_view alg)
{
    static const struct {
        const char *kty, *crv, *alg;
    } fits[] = {
        { "EC", "P-256", "ES256" },      { "EC", "P-384", "ES384" },   { "OKP", "Ed25519", "EdDSA" },
        { "OKP", "Ed25519", "Ed25519" }, { "RSA", NULL, "RS256" },     { "RSA", NULL, "RS384" },
        { "RSA", NULL, "RS512" },        { "RSA", NULL, "PS256" },     { "RSA", NULL, "PS384" },
        { "RSA", NULL, "PS512" },        { "AKP", NULL, "ML-DSA-65" },
    };

    for (size_t i = 0; i < HF_COUNT(fits); i++)
        if (hf_view_eq_str(alg, fits[i].alg) && strcmp(key->kty, fits[i].kty) == 0 &&
            (fits[i].crv == NULL || strcmp(key->crv, fits[i].crv) == 0))
            return true;
    return alg.len == 0;
}

static bool kind_fits(const fixed_kind *k, hf_view kty, hf_view crv, hf_view alg)
{
    if (k->n_parts == 0 || !hf_view_eq_str(kty, k->kty))
        return false;
    return k->crv != NULL ? hf_view_eq_str(crv, k->crv) : hf_view_eq_str(alg, k->jose_alg);
}

hf_err hf_jwk_kind(hf_view kty, hf_view crv, hf_view alg, hf_jwk *ret, const char **reterr_why)
{
    hf_jwk key = { 0 };

    if (hf_view_eq_str(kty, rsa_kind.kty))
        key = rsa_kind;
    for (size_t i = 0; key.kty == NULL && i < HF_COUNT(fixed_kinds); i++)
        if (kind_fits(&fixed_kinds[i], kty, crv, alg))
            key = kind_of(&fixed_kinds[i]);
    if (key.kty == NULL) {
        *reterr_why = "no key here is of this JWK's kind; known are kty EC with crv P-256 or P-384, RSA, OKP with crv "
                      "Ed25519, and AKP with alg ML-DSA-65";
        return HF_ERR_UNSUPPORTED;
    }
    if (!alg_fits(&key, alg)) {
        *reterr_why = "the JWK's 'alg' is not a signature algorithm for keys of its 'kty' and 'crv'";
        return HF_ERR_UNSUPPORTED;
    }
    *ret = key;
    return HF_OK;
}

static hf_err fixed_to_spki(const hf_jwk *key, hf_writer *spki, const char **reterr_why)
{
    for (size_t i = 0; i < HF_COUNT(fixed_kinds); i++) {
        const fixed_kind *k = &fixed_kinds[i];
        if (k->alg != key->alg)
            continue;
        for (size_t p = 0; p < k->n_parts; p++)
            if (key->value[p].len != k->part) {
                *reterr_why = "a member of the JWK has not the full length of its kind";
                return HF_ERR_INVALID;
            }
        hf_put_bytes(spki, k->start, k->start_len);
        for (size_t p = 0; p < k->n_parts; p++)
            hf_put_view(spki, key->value[p]);
        return spki->failed ? HF_ERR_BOUNDS : HF_OK;
    }
    return HF_ERR_UNSUPPORTED;
}

/* RFC 7518 section 2: Base64urlUInt has as few octets as the number needs. */
static bool shortest(hf_view number)
{
    return number.len > 0 && number.ptr[0] != 0;
}

hf_err hf_jwk_to_spki(hf_jwk *key, hf_writer *spki, const char **reterr_why)
{
    if (strcmp(key->kty, rsa_kind.kty) != 0)
        return fixed_to_spki(key, spki, reterr_why);
    if (!shortest(key->value[0]) || !shortest(key->value[1]) || key->value[1].len > 8) {
        *reterr_why = "'n' and 'e' of the JWK must be numbers without leading zeros, 'e' of at most 64 bits";
        return HF_ERR_INVALID;
    }
    key->alg = rsa_alg(key->value[0]);
    if (key->alg == HF_ALG_NONE) {
        *reterr_why = "RSA keys here have 2048 or 3072 bits";
        return HF_ERR_UNSUPPORTED;
    }
    put_rsa(spki, key->value[0], key->value[1]);
    return spki->failed ? HF_ERR_BOUNDS : HF_OK;
}
