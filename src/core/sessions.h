/* Session tokens of core: the table of the live ones. All locked. */
#ifndef HF_CORE_SESSIONS_H
#define HF_CORE_SESSIONS_H

#include "core/core.h"

#define HF_SESSION_ID_CAP 25 /* base64url of 128 random bits, with room for its padding */

struct session {
    uint8_t token_hash[32];
    char id[HF_SESSION_ID_CAP]; /* its jti */
    uint8_t revocation_id[16];
    char subject[65];
    uint32_t roles;
    int64_t issued_s, expires_s; /* expires_s 0: the slot is free */
    hf_mono expires;             /* the same by a clock that nobody sets */
    bool has_cert;
    uint8_t cert_hash[32];
    /* The token that opened it: when its key or itself goes, the session goes too. */
    struct {
        char kid[65];
        bool has_jti;
        uint8_t revocation_id[16];
    } opener;
};

/*
 * Does: signs a token for what `wanted` says of subject, roles, binding, opener and time of issue, and remembers it.
 * HF_ERR_QUOTA with a sentence in *reterr_why, or any other error with NULL there.
 */
hf_err sessions_open(core *c, const session *wanted, uint32_t life_s, hf_writer *token, session *ret,
                     const char **reterr_why) HF_MUST_USE;
session *sessions_find(core *c, const uint8_t hash[static 32]); /* by SHA-256 of the token; NULL */
bool sessions_live(const session *s, hf_wall now); /* by both clocks */
void sessions_end(core *c, session *s);
/* The public key as a row of a keyset, in spki; HF_ERR_SEALED when there is none. */
hf_err sessions_public(const core *c, struct hf_keyset_row *ret, uint8_t *spki, size_t cap) HF_MUST_USE;
const char *sessions_kid(const core *c);

#endif
