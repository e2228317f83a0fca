/* The words of JOSE that tokens and keysets share. No OpenSSL behind them. */
#ifndef HF_JOSE_ALG_H
#define HF_JOSE_ALG_H

#include "base/names.h"

#define HF_KID_MAX_BYTES 64
#define HF_ACTOR_MAX_BYTES 64

/* Bytes of the secret that HS256 shares: at least its hash's length (RFC 7518 section 3.2), at most a block. */
#define HF_HS256_MIN_BYTES 32
#define HF_HS256_MAX_BYTES 64

#define HF_JOSE_SIGNATURE_MAX_BYTES 384

/* How a key of one algorithm signs tokens. */
struct hf_jose_alg {
    hf_alg alg;
    const char *name; /* "ES256", "RS256", "HS256" (RFC 7518), "EdDSA" (RFC 8037) */
    hf_scheme scheme;
    hf_hash hash;
    size_t signature_bytes;
};
const struct hf_jose_alg *hf_jose_alg_of(hf_alg a); /* NULL for one that does not sign tokens */
const char *hf_jose_alg_name(hf_alg a);             /* the same */
/*
 * The other direction; HF_ALG_NONE when the name is not one of these. Names are case-sensitive. "RS256" gives
 * HF_ALG_RSA_2048, whatever the size of the key: compare names, not algorithms, to tell whether one belongs to a key.
 */
hf_alg hf_jose_alg_parse(hf_view name);

/* 1 to max_bytes characters from 0x21 to 0x7e: what a kid and a jti consist of. */
bool hf_jose_visible(hf_view text, size_t max_bytes);
/* 1 to HF_ACTOR_MAX_BYTES bytes of text without control characters: the name of an actor. */
bool hf_jose_actor_ok(hf_view text);

#endif
