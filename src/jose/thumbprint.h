/* The name of a key that anyone can compute from it: the JWK thumbprint (RFC 7638). */
#ifndef HF_JOSE_THUMBPRINT_H
#define HF_JOSE_THUMBPRINT_H

#include "crypto/crypto.h"

#define HF_THUMBPRINT_CAP 44

/*
 * Base64url of the SHA-256 over the canonical JWK of the public half: 43 characters and a NUL. EC P-256, RSA
 * and Ed25519 (RFC 8037 appendix A.3); HF_ERR_UNSUPPORTED else.
 */
hf_err hf_jwk_thumbprint(const hf_key *key, char dst[static HF_THUMBPRINT_CAP]) HF_MUST_USE;

#endif
