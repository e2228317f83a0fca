#include "core/core.h"

#include "base/log.h"
#include "crypto/crypto.h"
#include <stdlib.h>
#include <string.h>

/*
 * What the verifier said about tokens. Only acceptances are kept, and each use compares times, keyset generation,
 * revocations and bindings again. One token is with the verifier at a time, so that a crash names its token.
 */
#define CACHE_SLOTS 4096
#define POISON_SLOTS 64
#define POISON_SECONDS 60
#define REVOKED_MAX 16384
/* The most that tokens.leeway_s may be: a revocation is kept for longer than any clock could need it. */
#define LEEWAY_MAX_S 120
#define ASK_AGAIN_MS 25

struct verdict_cache {
    verdict slots[CACHE_SLOTS];
    struct {
        uint8_t token_hash[32];
        hf_mono until;
    } poisoned[POISON_SLOTS];
    size_t next_poisoned;
    struct revoked {
        uint8_t id[16];
        int64_t expires_s;
    } *revoked;
    size_t n_revoked, cap_revoked;
    request_queue waiting;     /* the head is with the verifier when asked */
    uint8_t asked_hash[32];
    bool asked;
    uint64_t asked_id;
    hf_mono ask_at; /* not before: a verifier that has not the new keyset yet */
};

hf_err verdicts_new(verdict_cache **ret)
{
    verdict_cache *v = calloc(1, sizeof(*v));

    HF_CHECK(v != NULL, HF_ERR_SYSTEM);
    request_queue_init(&v->waiting);
    *ret = v;
    return HF_OK;
}

void verdicts_clear(verdict_cache *v)
{
    memset(v->slots, 0, sizeof(v->slots));
}

static verdict *slot_of(verdict_cache *v, const uint8_t hash[static 32])
{
    return &v->slots[((uint32_t)hash[0] << 8 | hash[1]) % CACHE_SLOTS];
}

static bool is_poisoned(const verdict_cache *v, const uint8_t hash[static 32], hf_mono now)
{
    for (size_t i = 0; i < POISON_SLOTS; i++)
        if (v->poisoned[i].until.ns > now.ns && memcmp(v->poisoned[i].token_hash, hash, 32) == 0)
            return true;
    return false;
}

static bool is_revoked(const verdict_cache *v, const char *jti)
{
    uint8_t hash[32];
    hf_view part = hf_view_str(jti);

    if (v->n_revoked == 0 || part.len == 0)
        return false;
    if (hf_digest(HF_HASH_SHA256, &part, 1, hash) != HF_OK)
        return true;
    for (size_t i = 0; i < v->n_revoked; i++)
        if (memcmp(v->revoked[i].id, hash, sizeof(v->revoked[i].id)) == 0)
            return true;
    return false;
}

static struct revoked *find_revoked(const verdict_cache *v, const uint8_t id[static 16])
{
    for (size_t i = 0; i < v->n_revoked; i++)
        if (memcmp(v->revoked[i].id, id, sizeof(v->revoked[i].id)) == 0)
            return &v->revoked[i];
    return NULL;
}

bool verdicts_revoked(const core *c, const uint8_t id[static 16], int64_t *ret_expires_s)
{
    const struct revoked *r = find_revoked(c->verdicts, id);

    if (r == NULL)
        return false;
    *ret_expires_s = r->expires_s;
    return true;
}

bool verdicts_expired_revocation(const core *c, hf_wall now, uint8_t ret_id[static 16], int64_t *ret_expires_s)
{
    const verdict_cache *v = c->verdicts;

    for (size_t i = 0; i < v->n_revoked; i++)
        if (v->revoked[i].expires_s + LEEWAY_MAX_S < hf_wall_s(now)) {
            memcpy(ret_id, v->revoked[i].id, sizeof(v->revoked[i].id));
            *ret_expires_s = v->revoked[i].expires_s;
            return true;
        }
    return false;
}

bool verdicts_revocations_full(const core *c)
{
    return c->verdicts->n_revoked >= REVOKED_MAX;
}

void verdicts_forget_revocation(core *c, const uint8_t id[static 16])
{
    struct revoked *r = find_revoked(c->verdicts, id);

    if (r != NULL)
        *r = c->verdicts->revoked[--c->verdicts->n_revoked];
}

hf_err verdicts_revoke(core *c, const uint8_t id[static 16], int64_t expires_s)
{
    verdict_cache *v = c->verdicts;
    struct revoked *known = find_revoked(v, id);

    if (known != NULL) {
        known->expires_s = expires_s;
        return HF_OK;
    }
    HF_CHECK(v->n_revoked < REVOKED_MAX, HF_ERR_QUOTA);
    if (v->n_revoked == v->cap_revoked) {
        size_t cap = v->cap_revoked == 0 ? 64 : v->cap_revoked * 2;
        struct revoked *more = realloc(v->revoked, cap * sizeof(*more));
        HF_CHECK(more != NULL, HF_ERR_SYSTEM);
        v->revoked = more;
        v->cap_revoked = cap;
    }
    memcpy(v->revoked[v->n_revoked].id, id, 16);
    v->revoked[v->n_revoked++].expires_s = expires_s;
    return HF_OK;
}

/* The rights that the token's key can give at all; a token may only narrow them. */
static hf_err check_key(const core *c, const verdict *v)
{
    struct hf_keyset_row row;

    HF_CHECK(keyset_find(c, hf_view_str(v->kid), &row) == HF_OK, HF_ERR_TOKEN_REVOKED);
    HF_CHECK(hf_view_eq_str(row.actor, "*") || hf_view_eq_str(row.actor, v->subject), HF_ERR_BAD_TOKEN);
    HF_CHECK((v->roles & ~row.roles) == 0 && v->roles != 0, HF_ERR_BAD_TOKEN);
    return HF_OK;
}

static hf_err check_times(const core *c, const verdict *v, hf_wall now)
{
    int64_t s = hf_wall_s(now), most = c->config.token_max_s, leeway = c->config.token_leeway_s;

    HF_CHECK(v->expires_s > s, HF_ERR_TOKEN_EXPIRED);
    HF_CHECK(v->issued_s >= 0 && v->not_before_s <= s + leeway, HF_ERR_BAD_TOKEN);
    HF_CHECK(v->issued_s <= s + leeway, HF_ERR_BAD_TOKEN);
    /* A token's whole life is bounded, not only what is left of it. */
    HF_CHECK(v->expires_s - s <= most + leeway, HF_ERR_BAD_TOKEN);
    HF_CHECK(v->issued_s == 0 || v->expires_s - v->issued_s <= most, HF_ERR_BAD_TOKEN);
    return HF_OK;
}

/* What is judged anew on every request. */
static hf_err accept(const core *c, const verdict *v, const struct hf_head *head, hf_wall now, actor *ret)
{
    HF_CHECK(v->subject[0] != '\0', HF_ERR_BAD_TOKEN); /* what nobody does cannot be audited */
    HF_TRY(check_key(c, v));
    HF_TRY(check_times(c, v, now));
    HF_CHECK(!is_revoked(c->verdicts, v->jti), HF_ERR_TOKEN_REVOKED);
    HF_CHECK(!v->has_cert || (head->has_cert && memcmp(v->cert_hash, head->cert_hash, 32) == 0), HF_ERR_BAD_TOKEN);
    memcpy(ret->subject, v->subject, sizeof(ret->subject));
    ret->roles = v->roles;
    return HF_OK;
}

/* The token of a parked request: decoded again, because the request owns its bytes. */
static hf_view token_of(const request *r)
{
    union {
        struct hf_head head;
        uint8_t room[1024];
    } in;

    if (r->row->size > sizeof(in) ||
        hf_fields_decode(r->row->fields, r->row->n_fields, r->body, &in, r->row->size) != HF_OK)
        return (hf_view) { 0 };
    return in.head.token;
}

/* Failures have no actor: they are counted, and each request that waited with this token gets the answer. */
static void refuse_head(core *c, hf_err e)
{
    request *r = request_take(&c->verdicts->waiting);
    union {
        struct hf_head head;
        uint8_t room[1024];
    } in;

    if (r == NULL)
        return;
    if (hf_fields_decode(r->row->fields, r->row->n_fields, r->body, &in, r->row->size) == HF_OK)
        failures_count(c, in.head.address, e, 1);
    request_fail(c, r, e, NULL, 0);
    request_free(c, r);
}

static bool is_known(const core *c, const uint8_t hash[static 32])
{
    const verdict *known = slot_of(c->verdicts, hash);

    return known->keyset_generation == c->keyset.generation && known->expires_s != 0 &&
           memcmp(known->token_hash, hash, 32) == 0;
}

/* Sends the first waiting token that is still unknown to the verifier; what became known meanwhile just runs. */
static void ask_next(core *c)
{
    verdict_cache *v = c->verdicts;
    static uint8_t bytes[8448];

    if (c->verifier == NULL || hf_mono_now().ns < v->ask_at.ns)
        return;
    while (!v->asked && v->waiting.head != NULL) {
        hf_writer w = hf_writer_on(bytes, sizeof(bytes));
        struct hf_verify_token m = { .token = token_of(v->waiting.head) };
        if (hf_digest(HF_HASH_SHA256, &m.token, 1, v->asked_hash) != HF_OK || hf_verify_token_encode(&m, &w) != HF_OK) {
            refuse_head(c, HF_ERR_BAD_TOKEN);
            continue;
        }
        if (is_known(c, v->asked_hash)) {
            dispatch_run(c, lane_here(), request_take(&v->waiting));
            continue;
        }
        v->asked = true;
        v->asked_id++;
        peer_send(c->verifier, HF_MSG_VERIFY_TOKEN, v->asked_id, hf_writer_view(&w));
    }
}

hf_err verdicts_judge(core *c, request *r, const struct hf_head *head, hf_wall now, actor *ret, bool *ret_wait)
{
    verdict_cache *v = c->verdicts;
    uint8_t hash[32];

    *ret_wait = false;
    HF_CHECK(head->token.len > 0, HF_ERR_NO_TOKEN);
    HF_TRY(hf_digest(HF_HASH_SHA256, &head->token, 1, hash));
    if (is_known(c, hash))
        return accept(c, slot_of(v, hash), head, now, ret);
    HF_CHECK(!is_poisoned(v, hash, hf_mono_now()), HF_ERR_BAD_TOKEN);
    HF_CHECK(c->verifier != NULL, HF_ERR_PEER_GONE);
    HF_TRY(request_park(c, r, &v->waiting));
    *ret_wait = true;
    ask_next(c);
    return HF_OK;
}

static void remember(core *c, const struct hf_verdict *m)
{
    verdict *v = slot_of(c->verdicts, c->verdicts->asked_hash);
    verdict fresh = {
        .keyset_generation = m->keyset_generation,
        .roles = m->roles,
        .issued_s = m->issued_s,
        .not_before_s = m->not_before_s,
        .expires_s = m->expires_s,
        .has_cert = m->has_cert,
    };

    memcpy(fresh.token_hash, c->verdicts->asked_hash, 32);
    memcpy(fresh.cert_hash, m->cert_hash, 32);
    if (hf_view_to_str(m->kid, fresh.kid, sizeof(fresh.kid)) != HF_OK ||
        hf_view_to_str(m->jti, fresh.jti, sizeof(fresh.jti)) != HF_OK ||
        hf_view_to_str(m->subject, fresh.subject, sizeof(fresh.subject)) != HF_OK)
        return;
    *v = fresh;
}

void verdicts_answer(core *c, const hf_message *msg)
{
    verdict_cache *v = c->verdicts;
    struct hf_verdict m;

    if (!v->asked || msg->id != v->asked_id || hf_verdict_decode(msg->body, &m) != HF_OK)
        return;
    v->asked = false;
    if (m.keyset_generation != c->keyset.generation) {
        /* The verifier has an older keyset: it is being given the new one. */
        v->ask_at = hf_mono_after_ms(hf_mono_now(), ASK_AGAIN_MS);
        return;
    }
    if (m.error != HF_OK) {
        refuse_head(c, m.error < HF_ERR_COUNT ? (hf_err)m.error : HF_ERR_BAD_TOKEN);
    } else {
        remember(c, &m);
        request *r = request_take(&v->waiting);
        if (r != NULL)
            dispatch_run(c, lane_here(), r);
    }
    ask_next(c);
}

void verdicts_verifier_gone(core *c)
{
    verdict_cache *v = c->verdicts;

    if (v->asked) {
        memcpy(v->poisoned[v->next_poisoned].token_hash, v->asked_hash, 32);
        v->poisoned[v->next_poisoned].until = hf_mono_after_ms(hf_mono_now(), POISON_SECONDS * 1000);
        v->next_poisoned = (v->next_poisoned + 1) % POISON_SLOTS;
        v->asked = false;
        refuse_head(c, HF_ERR_BAD_TOKEN);
    }
}

void verdicts_verifier_new(core *c)
{
    c->verdicts->asked = false; /* an answer of the one before is not waited for */
    /* Requests that waited may hold a token that is known or poisoned by now. */
    request_rerun_all(c, &c->verdicts->waiting);
    ask_next(c);
}

void verdicts_fail_all(core *c, hf_err e)
{
    c->verdicts->asked = false;
    request_queue_fail(c, &c->verdicts->waiting, e, NULL);
}

/* A verifier that does not answer in time is treated like one that crashed on the token. */
static void expire_waiting(core *c, hf_mono now)
{
    verdict_cache *v = c->verdicts;

    if (v->asked && v->waiting.head != NULL && v->waiting.head->deadline.ns <= now.ns)
        verdicts_verifier_gone(c);
    while (!v->asked && v->waiting.head != NULL && v->waiting.head->deadline.ns <= now.ns) {
        request *r = request_take(&v->waiting);
        request_fail(c, r, HF_ERR_TIMEOUT, "the token could not be judged in time", 0);
        request_free(c, r);
    }
}

void verdicts_tick(core *c, hf_mono now)
{
    expire_waiting(c, now);
    ask_next(c);
}
