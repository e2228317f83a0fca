/*
 * Compact JWS (RFC 7515), read strictly: three parts of base64url without padding or slack, at most 8192
 * characters; of the header only alg, typ and kid are allowed, each once; the algorithm is the key's, never the
 * token's. Everything else of JOSE (JSON serialization, detached or unencoded payloads, keys or links in the
 * header, critical extensions, encryption, compression) is refused by not being on that list.
 */
#ifndef HF_JOSE_JWS_H
#define HF_JOSE_JWS_H

#include "base/buf.h"
#include "jose/claims.h"
#include "jose/keyset.h"
#include "jose/token_sign.h"

/* What yyjson needs at most for a text of n bytes (yyjson_read_max_memory_usage, as a constant). */
#define HF_JWS_POOL_BYTES(n) (13 * (n) + 256)

/* A token whose signature was verified. */
struct hf_jws {
    const struct hf_jose_key *key; /* of the keyset */
    hf_view payload;               /* in the caller's buffer */
};

/*
 * Does: checks form, header and signature; the payload may be any bytes. kid selects exactly that key. A token
 * without kid is taken only when the keyset has a single key: trying keys in turn would let a token choose its
 * verifier. Errors: HF_ERR_BAD_TOKEN; *reterr_why is a static sentence. Leaks: time depends on the token, which
 * is not a secret of ours.
 */
hf_err hf_jws_open(hf_view token, const struct hf_jose_keyset *ks, uint8_t payload[static HF_JWS_PAYLOAD_MAX_BYTES],
                   struct hf_jws *ret, const char **reterr_why) HF_MUST_USE;

/*
 * Does: hf_jws_open, then hf_claims_read, then what the key may say: its actor, its roles. ret gets facts, not a
 * decision. Errors: those of both; ret is not touched on failure.
 */
hf_err hf_jws_verify(hf_view token, const struct hf_jose_keyset *ks, const struct hf_jose_rules *rules,
                     struct hf_claims *ret, const char **reterr_why) HF_MUST_USE;

#endif
