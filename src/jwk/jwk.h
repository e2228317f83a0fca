/*
 * Public keys as JWK (RFC 7517) and as DER SubjectPublicKeyInfo (RFC 5280), each made from the other: EC P-256 and P-384
 * and RSA (RFC 7518), Ed25519 (RFC 8037), ML-DSA-65 (RFC 9964: kty "AKP").
 *
 * Forms alone are judged here, not the keys: that a point lies on its curve or a modulus is no prime is for whoever loads
 * the key. Every key has exactly one DER form here, and anything else is refused: no compressed points, no other length
 * octets, no missing NULL, no leading zeros.
 *
 * There is no JWK for ML-KEM: draft-ietf-jose-pqc-kem binds such keys to JWE algorithms and is no RFC yet.
 */
#ifndef HF_JWK_JWK_H
#define HF_JWK_JWK_H

#include "base/buf.h"
#include "base/names.h"

#define HF_JWK_SPKI_CAP 2048
#define HF_JWK_MEMBERS 2

/* Views borrow from where the key was read. */
typedef struct hf_jwk {
    hf_alg alg;      /* what Holdfast calls it */
    const char *kty; /* "EC", "RSA", "OKP", "AKP" */
    const char *crv; /* "P-256"; NULL for kinds without one */
    const char *jose_alg; /* "ML-DSA-65": part of an AKP key; NULL for the others, where `alg` only restricts the use */
    const char *name[HF_JWK_MEMBERS]; /* the members that are base64url: x and y, n and e, pub; NULL: no such member */
    hf_view value[HF_JWK_MEMBERS];
} hf_jwk;

/* HF_ERR_UNSUPPORTED for a kind without a JWK; HF_ERR_MALFORMED for bytes that are not the one form of their kind. */
hf_err hf_jwk_of_spki(hf_view spki, hf_jwk *ret) HF_MUST_USE;

/*
 * What `kty`, `crv` and `alg` of a JWK name (an absent member is an empty view): all of *ret but its values.
 * HF_ERR_UNSUPPORTED when Holdfast has no such keys, with a sentence in *reterr_why (static).
 */
hf_err hf_jwk_kind(hf_view kty, hf_view crv, hf_view alg, hf_jwk *ret, const char **reterr_why) HF_MUST_USE;

/*
 * Completes a key from hf_jwk_kind whose values are set: an RSA key's `alg` follows from its modulus. Writes the DER.
 * Errors, with a sentence in *reterr_why (static): HF_ERR_INVALID for values of a wrong length or form,
 * HF_ERR_UNSUPPORTED for sizes that Holdfast does not have.
 */
hf_err hf_jwk_to_spki(hf_jwk *key, hf_writer *spki, const char **reterr_why) HF_MUST_USE;

/* The algorithm of a SubjectPublicKeyInfo by its form, ML-KEM-768 included; HF_ALG_NONE when it is none of ours. */
hf_alg hf_spki_alg(hf_view spki);

#endif
