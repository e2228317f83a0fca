/*
 * The writing side of tokens, in a library of its own (token_sign_dep) that has no JSON reader behind it: core signs the
 * tokens of sessions.
 */
#ifndef HF_JOSE_TOKEN_SIGN_H
#define HF_JOSE_TOKEN_SIGN_H

#include "base/buf.h"
#include "crypto/crypto.h"
#include "jose/alg.h"

#define HF_JWS_MAX_BYTES 8192
#define HF_JWS_PAYLOAD_MAX_BYTES 6144

/* Does: signs a payload with a private key; kid is 1 to 64 visible characters. HF_ERR_BOUNDS when dst is too small. */
hf_err hf_token_sign(const hf_key *key, hf_view kid, hf_view payload, hf_writer *dst) HF_MUST_USE;
/* The same with HS256. HF_ERR_BAD_KEY for a secret of less than HF_HS256_MIN_BYTES or more than HF_HS256_MAX_BYTES. */
hf_err hf_token_sign_secret(const hf_secret *secret, hf_view kid, hf_view payload, hf_writer *dst) HF_MUST_USE;

#endif
