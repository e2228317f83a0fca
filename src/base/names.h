/*
 * The words that users write and the numbers that records and messages carry: algorithms, hashes, schemes,
 * usages, states, roles. Numbers are stored: never reuse one, only add.
 */
#ifndef HF_BASE_NAMES_H
#define HF_BASE_NAMES_H

#include "base/buf.h"

typedef enum hf_alg {
    HF_ALG_NONE = 0,
    HF_ALG_AES_256_GCM = 1, /* aes-256-gcm */
    HF_ALG_EC_P256 = 2,     /* ec-p256 */
    HF_ALG_ED25519 = 3,     /* ed25519 */
    HF_ALG_ML_KEM_768 = 4,  /* ml-kem-768 */
    HF_ALG_EC_P384 = 5,     /* ec-p384 */
    HF_ALG_RSA_2048 = 6,    /* rsa-2048 */
    HF_ALG_RSA_3072 = 7,    /* rsa-3072 */
    HF_ALG_ML_DSA_65 = 8,   /* ml-dsa-65 */
    HF_ALG_HMAC_SHA256 = 9, /* hmac-sha256 */
    HF_ALG_HMAC_SHA384 = 10, /* hmac-sha384 */
    HF_ALG_HMAC_SHA512 = 11  /* hmac-sha512 */
} hf_alg;
const char *hf_alg_name(hf_alg a); /* NULL when unknown */
hf_alg hf_alg_parse(hf_view name); /* HF_ALG_NONE when unknown */

enum {
    HF_USE_SIGN = 1u << 0,
    HF_USE_VERIFY = 1u << 1,
    HF_USE_ENCRYPT = 1u << 2,
    HF_USE_DECRYPT = 1u << 3,
    HF_USE_ENCAPSULATE = 1u << 4,
    HF_USE_DECAPSULATE = 1u << 5,
    HF_USE_IMPORT = 1u << 6 /* wrapped keys are imported through it; never together with another usage */
};
/*
 * All that the algorithm can be used for. HMAC keys sign and verify, as in PKCS #11 (CKA_SIGN, CKA_VERIFY).
 */
uint32_t hf_alg_usages(hf_alg a);
uint32_t hf_alg_usages_default(hf_alg a);  /* of a new key: all but import */
bool hf_alg_symmetric(hf_alg a);           /* no public half */
bool hf_alg_slow(hf_alg a);                /* making a key takes so long that it has a thread of its own: RSA */
uint32_t hf_usage_parse(hf_view name);     /* one bit; 0 when unknown */
const char *hf_usage_name(uint32_t bit);   /* NULL when unknown */

typedef enum hf_hash { HF_HASH_NONE = 0, HF_HASH_SHA256 = 1, HF_HASH_SHA384 = 2, HF_HASH_SHA512 = 3 } hf_hash;
hf_err hf_hash_parse(hf_view name, hf_hash *ret)
    HF_MUST_USE; /* "sha256"; an empty name is HF_HASH_NONE: the algorithm's default */

typedef enum hf_scheme {
    HF_SCHEME_DEFAULT = 0,   /* ECDSA DER for EC, RSA-PSS for RSA, else the only one */
    HF_SCHEME_ECDSA_DER = 1, /* ecdsa-der */
    HF_SCHEME_ECDSA_RAW = 2, /* ecdsa-raw: r||s, exactly 64 bytes for P-256, 96 for P-384 */
    HF_SCHEME_ED25519 = 3,   /* ed25519 */
    HF_SCHEME_RSA_PSS = 4,   /* rsa-pss: MGF1 with the same hash, salt as long as the hash (RFC 8017, FIPS 186-5) */
    HF_SCHEME_RSA_PKCS1 = 5, /* rsa-pkcs1: RSASSA-PKCS1-v1_5 */
    HF_SCHEME_ML_DSA = 6, /* ml-dsa: FIPS 204, pure, with the request's context; prehashed: external mu, 64 bytes */
    HF_SCHEME_HMAC = 7 /* hmac */
} hf_scheme;
hf_err hf_scheme_parse(hf_view name, hf_scheme *ret) HF_MUST_USE; /* an empty name is the default */

/* Where a key's material came from. */
typedef enum hf_origin {
    HF_ORIGIN_GENERATED = 0, /* made here */
    HF_ORIGIN_IMPORTED = 1, /* came in wrapped: somebody else may hold it */
    HF_ORIGIN_PUBLIC = 2 /* a public key alone */
} hf_origin;
const char *hf_origin_name(hf_origin o);

typedef enum hf_key_state {
    HF_STATE_NONE = 0,
    HF_STATE_STAGED = 1,
    HF_STATE_ACTIVE = 2,
    HF_STATE_REVOKED = 3,
    HF_STATE_PURGE_SCHEDULED = 4,
    HF_STATE_DESTROYED = 5
} hf_key_state;
const char *hf_key_state_name(hf_key_state s);
hf_key_state hf_key_state_parse(hf_view name); /* HF_STATE_NONE when unknown */

/* What a sample of /metrics is (Prometheus exposition format). */
typedef enum hf_metric_kind {
    HF_METRIC_COUNTER = 1,
    HF_METRIC_GAUGE = 2,
    HF_METRIC_BUCKET = 3, /* of a histogram: cumulative, with its label le */
    HF_METRIC_SUM_NS = 4, /* of a histogram: nanoseconds, shown as seconds */
    HF_METRIC_COUNT = 5 /* of a histogram */
} hf_metric_kind;

/* What a passphrase is sealed with for UNSEAL (HPKE's info), and how long it may be, bytes. */
#define HF_UNSEAL_INFO "holdfast unseal 1"
#define HF_UNSEAL_PASSPHRASE_MAX 1024

/* Role bits of an actor. */
enum {
    HF_ROLE_ADMINISTRATOR = 1u << 0,
    HF_ROLE_OPERATOR = 1u << 1,
    HF_ROLE_AUDITOR = 1u << 2,
    HF_ROLE_SERVICE = 1u << 3,
    HF_ROLE_ALL = 15u
};
uint32_t hf_role_parse(
    hf_view name); /* "administrator" (or "admin"), "operator", "auditor", "service"; 0 when unknown */
const char *hf_role_name(uint32_t bit);

#endif
