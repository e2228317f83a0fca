#include "core/core.h"

#include "base/text.h"
#include "core/sessions.h"
#include "crypto/crypto.h"
#include "jose/claims.h"
#include "jose/thumbprint.h"
#include "jose/token_sign.h"
#include "records/revocation.h"
#include <stdlib.h>
#include <string.h>

/*
 * A session token is one that core has signed itself. Core knows it again by the hash of its bytes, so no verifier is
 * asked about it and none can invent one; the signature is for others, who read the public key at jwks.json. The key is
 * made when the HSM opens and is never stored: sealing, or the end of this process, ends all sessions.
 */
#define SESSIONS_MAX 4096
#define SESSIONS_PER_ACTOR 64
#define BUCKETS 4096
#define NONE UINT16_MAX
/* An expired session is remembered for so long, to say what is wrong with its token. */
#define REMEMBERED_MS 60000

struct session_table {
    session slots[SESSIONS_MAX];
    uint16_t next[SESSIONS_MAX]; /* in the bucket, or in the list of free slots */
    uint32_t subject_hash[SESSIONS_MAX];
    uint16_t buckets[BUCKETS];
    uint16_t free_slots, high; /* slots from `high` on were never used */
    size_t n;
    hf_key *key; /* NULL while sealed */
    char kid[HF_THUMBPRINT_CAP];
};

static void clear(session_table *t)
{
    memset(t->slots, 0, t->high * sizeof(t->slots[0]));
    memset(t->buckets, 0xff, sizeof(t->buckets));
    t->free_slots = NONE;
    t->high = 0;
    t->n = 0;
}

hf_err sessions_new(session_table **ret)
{
    session_table *t = calloc(1, sizeof(*t));

    HF_CHECK(t != NULL, HF_ERR_SYSTEM);
    clear(t);
    *ret = t;
    return HF_OK;
}

hf_err sessions_start(core *c)
{
    HF_AUTO(hf_secret_freep) hf_secret *material = NULL;
    session_table *t = c->sessions;

    sessions_forget(c);
    HF_TRY(hf_key_generate(HF_ALG_EC_P256, &material));
    HF_TRY(hf_key_load_private(HF_ALG_EC_P256, material, &t->key));
    return hf_jwk_thumbprint(t->key, t->kid);
}

void sessions_forget(core *c)
{
    hf_key_free(c->sessions->key);
    c->sessions->key = NULL;
    clear(c->sessions);
}

hf_err sessions_public(const core *c, struct hf_keyset_row *ret, uint8_t *spki, size_t cap)
{
    const session_table *t = c->sessions;
    size_t len;

    HF_CHECK(t->key != NULL, HF_ERR_SEALED);
    HF_TRY(hf_key_public_der(t->key, spki, cap, &len));
    *ret = (struct hf_keyset_row) {
        .kid = hf_view_str(t->kid),
        .alg = HF_ALG_EC_P256,
        .actor = hf_view_str("*"),
        .roles = HF_ROLE_ALL,
        .spki = hf_view_of(spki, len),
    };
    return HF_OK;
}

const char *sessions_kid(const core *c)
{
    return c->sessions->kid;
}

/* ---- the table ---- */

static uint16_t *bucket_of(session_table *t, const uint8_t hash[static 32])
{
    return &t->buckets[((uint32_t)hash[0] << 8 | hash[1]) % BUCKETS];
}

session *sessions_find(core *c, const uint8_t hash[static 32])
{
    session_table *t = c->sessions;

    for (uint16_t i = *bucket_of(t, hash); i != NONE; i = t->next[i])
        if (hf_ct_equal(t->slots[i].token_hash, hash, 32))
            return &t->slots[i];
    return NULL;
}

void sessions_end(core *c, session *s)
{
    session_table *t = c->sessions;
    uint16_t at = (uint16_t)(s - t->slots), *link = bucket_of(t, s->token_hash);

    while (*link != at)
        link = &t->next[*link];
    *link = t->next[at];
    memset(s, 0, sizeof(*s));
    t->next[at] = t->free_slots;
    t->free_slots = at;
    t->n--;
}

/* Ends every session that `ends` says so of; a free slot has no expiry. */
static void end_if(core *c, bool (*ends)(const core *c, const session *s, const void *arg), const void *arg)
{
    session_table *t = c->sessions;

    for (uint16_t i = 0; i < t->high && t->n > 0; i++)
        if (t->slots[i].expires_s != 0 && ends(c, &t->slots[i], arg))
            sessions_end(c, &t->slots[i]);
}

bool sessions_live(const session *s, hf_wall now)
{
    return s->expires_s > hf_wall_s(now) && s->expires.ns > hf_mono_now().ns;
}

static bool is_over(const core *c, const session *s, const void *at)
{
    (void)c;
    return s->expires.ns <= ((const hf_mono *)at)->ns;
}

void sessions_tick(core *c, hf_mono now)
{
    hf_mono at = hf_mono_after_ms(now, -REMEMBERED_MS);

    end_if(c, is_over, &at);
}

static bool is_revoked(const core *c, const session *s, const void *id)
{
    (void)c;
    return hf_ct_equal(s->revocation_id, id, 16) || (s->opener.has_jti && hf_ct_equal(s->opener.revocation_id, id, 16));
}

void sessions_revoked(core *c, const uint8_t id[static 16])
{
    end_if(c, is_revoked, id);
}

/* What a key of the keyset may no longer say, its sessions may not do either. */
static bool is_without_key(const core *c, const session *s, const void *arg)
{
    (void)arg;
    return keyset_allows(c, hf_view_str(s->opener.kid), s->subject, s->roles) != HF_OK;
}

void sessions_keyset_changed(core *c)
{
    end_if(c, is_without_key, NULL);
}

/* ---- opening one ---- */

/* FNV-1a: it only saves comparisons. */
static uint32_t hash_of(const char *subject)
{
    uint32_t h = 2166136261u;

    for (; *subject != '\0'; subject++)
        h = (h ^ (uint8_t)*subject) * 16777619u;
    return h;
}

static size_t count_of(const session_table *t, const char *subject)
{
    uint32_t hash = hash_of(subject);
    size_t n = 0;

    for (uint16_t i = 0; i < t->high; i++)
        n += t->subject_hash[i] == hash && strcmp(t->slots[i].subject, subject) == 0 ? 1 : 0;
    return n;
}

static hf_err room_check(core *c, const char *subject, const char **reterr_why)
{
    hf_mono now = hf_mono_now();

    end_if(c, is_over, &now);
    *reterr_why = "this actor has 64 sessions; end one with DELETE /api/v1/sessions, or wait until one expires";
    HF_CHECK(count_of(c->sessions, subject) < SESSIONS_PER_ACTOR, HF_ERR_QUOTA);
    *reterr_why = "there are 4096 sessions; wait until one expires";
    HF_CHECK(c->sessions->n < SESSIONS_MAX, HF_ERR_QUOTA);
    return HF_OK;
}

static void insert(session_table *t, const session *s)
{
    uint16_t at = t->free_slots, *link = bucket_of(t, s->token_hash);

    if (at != NONE)
        t->free_slots = t->next[at];
    else
        at = t->high++;
    t->slots[at] = *s;
    t->subject_hash[at] = hash_of(s->subject);
    t->next[at] = *link;
    *link = at;
    t->n++;
}

static hf_err token_sign(const core *c, const session *s, hf_writer *token)
{
    uint8_t json[HF_JWS_PAYLOAD_MAX_BYTES];
    hf_writer payload = hf_writer_on(json, sizeof(json));
    struct hf_claims claims = {
        .roles = s->roles,
        .issued_s = s->issued_s,
        .not_before_s = s->issued_s,
        .expires_s = s->expires_s,
        .has_cert = s->has_cert,
    };

    HF_TRY(hf_view_to_str(hf_view_str(s->subject), claims.subject, sizeof(claims.subject)));
    HF_TRY(hf_view_to_str(hf_view_str(s->id), claims.jti, sizeof(claims.jti)));
    memcpy(claims.cert_hash, s->cert_hash, sizeof(claims.cert_hash));
    HF_TRY(hf_claims_write(&claims, c->config.issuer, c->config.audience, &payload));
    return hf_token_sign(c->sessions->key, hf_view_str(c->sessions->kid), hf_writer_view(&payload), token);
}

hf_err sessions_open(core *c, const session *wanted, uint32_t life_s, hf_writer *token, session *ret,
                     const char **reterr_why)
{
    session s = *wanted;
    uint8_t id[16];

    HF_TRY(room_check(c, s.subject, reterr_why));
    *reterr_why = NULL;
    HF_CHECK(c->sessions->key != NULL, HF_ERR_SEALED);
    HF_TRY(hf_random(id, sizeof(id)));
    s.id[hf_b64url_encode(hf_view_of(id, sizeof(id)), s.id)] = '\0';
    HF_TRY(hf_revocation_id(hf_view_str(s.id), s.revocation_id));
    s.expires_s = s.issued_s + life_s;
    s.expires = hf_mono_after_ms(hf_mono_now(), (int64_t)life_s * 1000);
    HF_TRY(token_sign(c, &s, token));
    hf_view text = hf_writer_view(token);
    HF_TRY(hf_digest(HF_HASH_SHA256, &text, 1, s.token_hash));
    insert(c->sessions, &s);
    *ret = s;
    return HF_OK;
}
