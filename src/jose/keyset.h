/* The keys that may sign tokens, with what each may say: public ones, and the shared secrets of HS256 where it is on. */
#ifndef HF_JOSE_KEYSET_H
#define HF_JOSE_KEYSET_H

#include "base/buf.h"
#include "crypto/crypto.h"
#include "jose/alg.h"

#define HF_JOSE_KEYS_MAX 1024

/*
 * One key. Its algorithm is fixed here and never taken from a token; so is what it may say: a token that it signed
 * speaks only for `actor` ("*": anyone) and only with roles among `roles`.
 */
struct hf_jose_key {
    char kid[HF_KID_MAX_BYTES + 1];
    char actor[HF_ACTOR_MAX_BYTES + 1];
    uint32_t roles; /* HF_ROLE_* */
    hf_alg alg;
    hf_key *key; /* public; NULL for HS256 */
    hf_secret *secret; /* of HS256, in locked memory; NULL else */
};

struct hf_jose_keyset {
    uint64_t generation;
    size_t n;
    struct hf_jose_key *keys;
};

/*
 * Does: builds a keyset from encoded keyset_row records; all of them are right or none is taken. hs256: shared secrets
 * are allowed; they need an arena (hf_secret_use_arena). Owns: the caller frees *ret with hf_jose_keyset_free. Errors:
 * HF_ERR_MALFORMED, HF_ERR_BOUNDS (more than HF_JOSE_KEYS_MAX), HF_ERR_BAD_KEY, HF_ERR_UNSUPPORTED (HS256 is off),
 * HF_ERR_SYSTEM (no memory); *reterr_why is a static sentence.
 */
hf_err hf_jose_keyset_load(uint64_t generation, hf_view rows, bool hs256, struct hf_jose_keyset **ret,
                           const char **reterr_why) HF_MUST_USE;
void hf_jose_keyset_free(struct hf_jose_keyset *ks); /* NULL is fine */

/* NULL when no key has that kid. */
const struct hf_jose_key *hf_jose_keyset_find(const struct hf_jose_keyset *ks, hf_view kid);

#endif
