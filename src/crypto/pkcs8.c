#include "crypto/der.h"
#include "crypto/openssl.h"
#include <openssl/core_names.h>
#include <openssl/crypto.h>

/*
 * PKCS #8 (RFC 5958) of keys made elsewhere, read strictly: one encoding per algorithm identifier, no attributes (an
 * ignored one could be a limit that somebody relies on), and every public or expanded half beside the secret must be
 * the one that follows from it.
 */

#define TAG_ATTRIBUTES 0xa0
#define TAG_PUBLIC 0x81   /* [1] IMPLICIT BIT STRING of PrivateKeyInfo version 1 */
#define TAG_EC_CURVE 0xa0 /* [0] and [1] of ECPrivateKey */
#define TAG_EC_PUBLIC 0xa1
#define TAG_SEED 0x80 /* [0] IMPLICIT OCTET STRING of ML-KEM-PrivateKey and ML-DSA-PrivateKey */

/* AlgorithmIdentifier, whole, of each algorithm. */
static const uint8_t id_p256[] = { 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
                                   0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
static const uint8_t id_p384[] = { 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d,
                                   0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22 };
static const uint8_t id_ed25519[] = { 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70 };
static const uint8_t id_ml_kem_768[] = { 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x04, 0x02 };
static const uint8_t id_ml_dsa_65[] = { 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x12 };
static const uint8_t id_rsa[] = { 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                  0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00 };

static const struct {
    hf_alg alg; /* RSA: any size */
    hf_view id;
} ids[] = {
    { HF_ALG_EC_P256, { id_p256, sizeof id_p256 } },
    { HF_ALG_EC_P384, { id_p384, sizeof id_p384 } },
    { HF_ALG_ED25519, { id_ed25519, sizeof id_ed25519 } },
    { HF_ALG_ML_KEM_768, { id_ml_kem_768, sizeof id_ml_kem_768 } },
    { HF_ALG_ML_DSA_65, { id_ml_dsa_65, sizeof id_ml_dsa_65 } },
    { HF_ALG_RSA_2048, { id_rsa, sizeof id_rsa } },
};

/* What the structure holds. Views into the input; empty when absent. */
struct parts {
    hf_alg alg;
    hf_view secret;   /* scalar, seed, or RSAPrivateKey */
    hf_view public;   /* raw, beside the secret or inside its structure */
    hf_view public_2; /* the other place */
    hf_view expanded; /* ML-DSA, ML-KEM */
};

/* The algorithm identifier in front of *in. HF_ALG_NONE: not one of ours. */
static hf_alg take_id(hf_view *in)
{
    hf_view id = *in, ignored;
    if (!hf_der_take(in, HF_DER_SEQUENCE, &ignored))
        return HF_ALG_NONE;
    id.len -= in->len;
    for (size_t i = 0; i < HF_COUNT(ids); i++) {
        if (hf_view_eq(id, ids[i].id))
            return ids[i].alg;
    }
    return HF_ALG_NONE;
}

/* BIT STRING content of whole bytes. */
static bool whole_bytes(hf_view bits, hf_view *ret)
{
    if (bits.len < 2 || bits.ptr[0] != 0)
        return false;
    *ret = hf_view_of(bits.ptr + 1, bits.len - 1);
    return true;
}

/* ---- what is inside, per algorithm ---- */

/* ECPrivateKey (RFC 5915): the curve may be named again, and must then be the same. */
static bool read_ec(hf_view key, struct parts *p)
{
    hf_view list, curve, wrapped, bits;
    /* in the AlgorithmIdentifier: two bytes of head, the nine of id-ecPublicKey, then the curve */
    bool p256 = p->alg == HF_ALG_EC_P256;
    hf_view named =
        p256 ? hf_view_of(id_p256 + 11, sizeof id_p256 - 11) : hf_view_of(id_p384 + 11, sizeof id_p384 - 11);
    if (!hf_der_take_last(&key, HF_DER_SEQUENCE, &list) || !hf_der_take_small(&list, 1) ||
        !hf_der_take(&list, HF_DER_OCTETS, &p->secret))
        return false;
    if (hf_der_next_is(list, TAG_EC_CURVE) && (!hf_der_take(&list, TAG_EC_CURVE, &curve) || !hf_view_eq(curve, named)))
        return false;
    if (list.len == 0)
        return true;
    return hf_der_take_last(&list, TAG_EC_PUBLIC, &wrapped) && hf_der_take_last(&wrapped, HF_DER_BIT_STRING, &bits) &&
           whole_bytes(bits, &p->public_2);
}

/* seed [0], or both in a list; the expanded key alone is refused: it cannot be checked against anything. */
static bool read_seeded(hf_view key, struct parts *p)
{
    hf_view list;
    if (hf_der_next_is(key, TAG_SEED))
        return hf_der_take_last(&key, TAG_SEED, &p->secret);
    return hf_der_take_last(&key, HF_DER_SEQUENCE, &list) && hf_der_take(&list, HF_DER_OCTETS, &p->secret) &&
           hf_der_take_last(&list, HF_DER_OCTETS, &p->expanded) && p->expanded.len > 0;
}

static bool read_rsa(hf_view key, struct parts *p)
{
    p->alg = hf_rsa_alg_of_private(key);
    p->secret = key;
    return p->alg != HF_ALG_NONE;
}

static bool read_key(hf_view key, struct parts *p)
{
    switch (p->alg) {
    case HF_ALG_EC_P256:
    case HF_ALG_EC_P384:
        return read_ec(key, p);
    case HF_ALG_ED25519:
        return hf_der_take_last(&key, HF_DER_OCTETS, &p->secret);
    case HF_ALG_ML_KEM_768:
    case HF_ALG_ML_DSA_65:
        return read_seeded(key, p);
    case HF_ALG_RSA_2048:
    case HF_ALG_RSA_3072:
        return read_rsa(key, p);
    case HF_ALG_AES_256_GCM:
    case HF_ALG_HMAC_SHA256:
    case HF_ALG_HMAC_SHA384:
    case HF_ALG_HMAC_SHA512:
    case HF_ALG_NONE:
        return false;
    }
    return false;
}

/* ---- the structure around it ---- */

static hf_err read_structure(hf_view in, struct parts *p)
{
    hf_view list, key, bits;
    bool version_1 = false;
    HF_CHECK(hf_der_take_last(&in, HF_DER_SEQUENCE, &list), HF_ERR_BAD_KEY);
    if (!hf_der_take_small(&list, 0)) {
        version_1 = hf_der_take_small(&list, 1);
        HF_CHECK(version_1, HF_ERR_BAD_KEY);
    }
    HF_CHECK(hf_der_next_is(list, HF_DER_SEQUENCE), HF_ERR_BAD_KEY);
    p->alg = take_id(&list);
    HF_CHECK(p->alg != HF_ALG_NONE, HF_ERR_UNSUPPORTED);
    HF_CHECK(hf_der_take(&list, HF_DER_OCTETS, &key) && read_key(key, p), HF_ERR_BAD_KEY);
    if (list.len == 0) /* version 1 is there to carry a public key */
        return version_1 ? HF_ERR_BAD_KEY : HF_OK;
    HF_CHECK(version_1 && hf_der_take_last(&list, TAG_PUBLIC, &bits) && whole_bytes(bits, &p->public), HF_ERR_BAD_KEY);
    return HF_OK;
}

/* ---- what stands beside the secret must follow from it ---- */

static bool public_is(const hf_key *key, hf_view claimed)
{
    uint8_t store[HF_SPKI_MAX_BYTES];
    hf_view real;
    return claimed.len == 0 || (hf_key_public_raw(key, store, &real) == HF_OK && hf_view_eq(real, claimed));
}

static bool expanded_is(const hf_key *key, hf_view claimed)
{
    size_t len = 0;
    if (claimed.len == 0)
        return true;
    uint8_t *real = OPENSSL_zalloc(HF_EXPANDED_MAX_BYTES);
    bool same = real != NULL && hf_key_expanded(key, real, &len) == HF_OK && len == claimed.len &&
                hf_ct_equal(real, claimed.ptr, len);
    OPENSSL_clear_free(real, HF_EXPANDED_MAX_BYTES);
    return same;
}

static hf_err check(const struct parts *p)
{
    HF_AUTO(hf_key_freep) hf_key *key = NULL;
    HF_CHECK(hf_rsa_bytes(p->alg) == 0 || hf_rsa_private_is_sound(p->alg, p->secret, true), HF_ERR_BAD_KEY);
    HF_TRY(hf_key_load_bytes(p->alg, p->secret, &key));
    HF_CHECK(public_is(key, p->public) && public_is(key, p->public_2) && expanded_is(key, p->expanded), HF_ERR_BAD_KEY);
    return HF_OK;
}

hf_err hf_key_read_pkcs8(hf_alg want, const hf_secret *pkcs8, hf_alg *ret_alg, hf_secret **ret_material)
{
    struct parts p = { 0 };
    HF_TRY(read_structure((hf_view) { hf_secret_read(pkcs8), hf_secret_len(pkcs8) }, &p));
    HF_CHECK(want == HF_ALG_NONE || want == p.alg, HF_ERR_UNSUPPORTED);
    hf_err e = check(&p);
    HF_CHECK(e == HF_OK, hf_openssl_error(e));
    HF_TRY(hf_secret_copy(p.secret.ptr, p.secret.len, ret_material));
    *ret_alg = p.alg;
    return HF_OK;
}
