/* The words of JOSE that tokens and keysets share. No OpenSSL behind them. */
#ifndef HF_JOSE_ALG_H
#define HF_JOSE_ALG_H

#include "base/names.h"

#define HF_KID_MAX_BYTES 64
#define HF_ACTOR_MAX_BYTES 64

/* The name of the signature algorithm that goes with a key: "ES256" (RFC 7518), "EdDSA" (RFC 8037); NULL for none. */
const char *hf_jose_alg_name(hf_alg a);
/* HF_ALG_NONE when the name is not one of these; names are case-sensitive. */
hf_alg hf_jose_alg_parse(hf_view name);

/* 1 to max_bytes characters from 0x21 to 0x7e: what a kid and a jti consist of. */
bool hf_jose_visible(hf_view text, size_t max_bytes);
/* 1 to HF_ACTOR_MAX_BYTES bytes of text without control characters: the name of an actor. */
bool hf_jose_actor_ok(hf_view text);

#endif
