/* What a token says (RFC 7519 claims), as checked facts; and the writer of the same claims. */
#ifndef HF_JOSE_CLAIMS_H
#define HF_JOSE_CLAIMS_H

#include "base/buf.h"
#include "jose/keyset.h"

#define HF_JTI_MAX_BYTES 128
#define HF_CERT_HASH_BYTES 32

/*
 * Times outside 1 to this are absurd: 2^33 s (the year 2242) still fits 64-bit nanoseconds with room for leeway,
 * and a time in milliseconds does not fit.
 */
#define HF_CLAIM_TIME_MAX_S (INT64_C(1) << 33)

struct hf_claims {
    char kid[HF_KID_MAX_BYTES + 1];        /* of the key that verified the token, also when the token names none */
    char subject[HF_ACTOR_MAX_BYTES + 1];
    char jti[HF_JTI_MAX_BYTES + 1];        /* "" when absent */
    uint32_t roles;                        /* HF_ROLE_*; 0 only when the rules do not require roles */
    int64_t issued_s;                      /* 0 when absent */
    int64_t not_before_s;                  /* 0 when absent */
    int64_t expires_s;
    bool has_cert;                         /* bound to a client certificate (RFC 8705 section 3.1) */
    uint8_t cert_hash[HF_CERT_HASH_BYTES]; /* SHA-256 of its DER */
};

/* What is demanded beyond the form. Empty issuer: not compared. */
struct hf_jose_rules {
    hf_view issuer;
    hf_view audience; /* empty: a token that names one is refused, it was made for somebody else (RFC 7519 4.1.3) */
    bool require_roles;
    bool has_now; /* false: times are facts for the caller to compare */
    int64_t now_s;
    int64_t leeway_s;
};

/*
 * Does: reads a payload whose signature was verified. Members that are not known are ignored, but for those that
 * would bind the token to something that is not checked here (cnf of another kind, fp, rip): these refuse it.
 * Errors: HF_ERR_BAD_TOKEN; HF_ERR_TOKEN_EXPIRED when rules give a time and only exp has passed; *reterr_why is
 * a static sentence.
 * Source: RFC 7519 section 4.1, RFC 8705 section 3.1.
 */
hf_err hf_claims_read(hf_view payload, const struct hf_jose_rules *rules, struct hf_claims *ret,
                      const char **reterr_why) HF_MUST_USE;

/*
 * The JSON text that hf_claims_read reads back to the same facts. Empty or zero members are left out. Written without a
 * JSON library, because core does it too. HF_ERR_INVALID for a role that does not exist; HF_ERR_BOUNDS when w is too
 * small or a text is not one.
 */
hf_err hf_claims_write(const struct hf_claims *c, hf_view issuer, hf_view audience, hf_writer *w) HF_MUST_USE;

#endif
