#include "core/core.h"

#include "core/sessions.h"
#include "records/revocation.h"
#include <stdlib.h>
#include <string.h>

/*
 * What the verifier said about tokens. Only acceptances are kept; each use compares times, revocations and bindings
 * again, and what the keyset says about the key was compared when the verdict came: another keyset empties the cache.
 */
#define CACHE_SLOTS 4096
#define POISON_SLOTS 64
#define POISON_SECONDS 60
#define ASKED_MAX 8
#define ASK_AGAIN_MS 25
/* A verifier that says nothing for so long hangs on the oldest token that it has. */
#define STUCK_MS 5000

/* A token that is with the verifier, and the requests that wait for its verdict. */
struct asked {
    uint64_t id; /* 0: free */
    uint8_t hash[32];
    hf_mono at;
    bool stuck; /* the verifier hangs on it: it is poisoned, and nobody waits for it */
    request_queue waiting;
};

struct verdict_cache {
    verdict slots[CACHE_SLOTS];
    struct {
        uint8_t token_hash[32];
        hf_mono until;
    } poisoned[POISON_SLOTS];
    size_t next_poisoned;
    struct asked asked[ASKED_MAX];
    size_t n_asked;
    uint64_t last_id;
    request_queue waiting; /* not with the verifier yet */
    size_t suspects; /* so many tokens were with a verifier that died: they go one at a time, to find which it was */
    hf_mono ask_at; /* not before: a verifier that has not the new keyset yet */
    hf_mono heard_at; /* the verifier's last sign of life */
    bool asking; /* ask_more is at work further up the stack */
};

static void ask_more(core *c);

hf_err verdicts_new(verdict_cache **ret)
{
    verdict_cache *v = calloc(1, sizeof(*v));

    HF_CHECK(v != NULL, HF_ERR_SYSTEM);
    request_queue_init(&v->waiting);
    for (size_t i = 0; i < ASKED_MAX; i++)
        request_queue_init(&v->asked[i].waiting);
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

const verdict *verdicts_known(const core *c, const uint8_t hash[static 32])
{
    const verdict *v = slot_of(c->verdicts, hash);
    bool is = v->keyset_generation == c->keyset.generation && v->expires_s != 0 && memcmp(v->token_hash, hash, 32) == 0;

    return is ? v : NULL;
}

/* ---- is a verdict good for this request? ---- */

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

hf_err verdicts_holds(const core *c, const verdict *v, hf_wall now)
{
    HF_TRY(v->by_keyset);
    HF_TRY(check_times(c, v, now));
    HF_CHECK(!v->has_jti || !revocations_has(c, v->revocation_id), HF_ERR_TOKEN_REVOKED);
    return HF_OK;
}

static hf_err check_binding(bool has_cert, const uint8_t hash[static 32], const struct hf_head *head)
{
    return !has_cert || (head->has_cert && memcmp(hash, head->cert_hash, 32) == 0) ? HF_OK : HF_ERR_BAD_TOKEN;
}

/* What is judged anew on every request. */
static hf_err accept(const core *c, const verdict *v, const struct hf_head *head, hf_wall now, actor *ret)
{
    HF_TRY(verdicts_holds(c, v, now));
    HF_TRY(check_binding(v->has_cert, v->cert_hash, head));
    memcpy(ret->subject, v->subject, sizeof(v->subject));
    ret->roles = v->roles;
    ret->session = NULL;
    return HF_OK;
}

/* Core's own tokens: everything about them is in its table. */
static hf_err accept_session(session *s, const struct hf_head *head, hf_wall now, actor *ret)
{
    HF_CHECK(sessions_live(s, now), HF_ERR_TOKEN_EXPIRED);
    HF_TRY(check_binding(s->has_cert, s->cert_hash, head));
    memcpy(ret->subject, s->subject, sizeof(s->subject));
    ret->roles = s->roles;
    ret->session = s;
    return HF_OK;
}

/* ---- tokens that made a verifier crash ---- */

static bool is_poisoned(const verdict_cache *v, const uint8_t hash[static 32])
{
    hf_mono now = hf_mono_now();

    for (size_t i = 0; i < POISON_SLOTS; i++)
        if (v->poisoned[i].until.ns > now.ns && memcmp(v->poisoned[i].token_hash, hash, 32) == 0)
            return true;
    return false;
}

static void poison(verdict_cache *v, const uint8_t hash[static 32])
{
    memcpy(v->poisoned[v->next_poisoned].token_hash, hash, 32);
    v->poisoned[v->next_poisoned].until = hf_mono_after_ms(hf_mono_now(), POISON_SECONDS * 1000);
    v->next_poisoned = (v->next_poisoned + 1) % POISON_SLOTS;
}

/* ---- requests that wait ---- */

union any_head {
    struct hf_head head;
    struct hf_introspect introspect;
    uint8_t room[1024];
};

/* The fields of a parked request: decoded again, because the request owns its bytes. */
static bool fields_of(const request *r, union any_head *ret)
{
    return r->row->size <= sizeof(*ret) &&
           hf_fields_decode(r->row->fields, r->row->n_fields, r->body, ret, r->row->size) == HF_OK;
}

/* Failures have no actor: they are counted. One that asks about another token runs on and answers that it is not active. */
static void refuse(core *c, request *r, hf_err e)
{
    union any_head in;

    if (r->asks_subject) {
        r->subject_refused = true;
        dispatch_run(c, lane_here(), r);
        return;
    }
    if (fields_of(r, &in))
        failures_count(c, in.head.address, e, 1);
    request_fail(c, r, e, NULL, 0);
    request_free(c, r);
}

static void refuse_all(core *c, request_queue *q, hf_err e)
{
    for (request *r; (r = request_take(q)) != NULL;)
        refuse(c, r, e);
}

/* Moves all of `from` in front of `to`. */
static void put_first(request_queue *to, request_queue *from)
{
    if (from->head == NULL)
        return;
    *from->tail = to->head;
    if (to->head == NULL)
        to->tail = from->tail;
    to->head = from->head;
    to->len += from->len;
    request_queue_init(from);
}

/* ---- asking ---- */

static struct asked *asked_about(verdict_cache *v, const uint8_t hash[static 32])
{
    for (size_t i = 0; i < ASKED_MAX; i++)
        if (v->asked[i].id != 0 && memcmp(v->asked[i].hash, hash, 32) == 0)
            return &v->asked[i];
    return NULL;
}

static struct asked *asked_by_id(verdict_cache *v, uint64_t id)
{
    for (size_t i = 0; i < ASKED_MAX; i++)
        if (v->asked[i].id == id)
            return &v->asked[i];
    return NULL;
}

static void asked_end(verdict_cache *v, struct asked *a)
{
    a->id = 0;
    v->n_asked--;
}

/* Takes r. A slot is free. */
static void ask(core *c, request *r)
{
    verdict_cache *v = c->verdicts;
    struct asked *a = asked_by_id(v, 0);
    static uint8_t bytes[8448];
    hf_writer w = hf_writer_on(bytes, sizeof(bytes));
    struct hf_verify_token m;
    union any_head in;

    if (!fields_of(r, &in)) {
        refuse(c, r, HF_ERR_BAD_TOKEN);
        return;
    }
    m.token = r->asks_subject ? in.introspect.subject_token : in.head.token;
    if (hf_verify_token_encode(&m, &w) != HF_OK || request_park(c, r, &a->waiting) != HF_OK) {
        refuse(c, r, HF_ERR_BAD_TOKEN);
        return;
    }
    a->id = ++v->last_id;
    a->stuck = false;
    a->at = hf_mono_now();
    memcpy(a->hash, r->wanted_hash, sizeof(a->hash));
    v->n_asked++;
    peer_send(c->verifier, HF_MSG_VERIFY_TOKEN, a->id, hf_writer_view(&w));
}

/* One request that waits: its verdict may be there or on its way by now. False: it has to go on waiting. */
static bool settle(core *c, request_queue *q)
{
    verdict_cache *v = c->verdicts;
    request *r = q->head;
    struct asked *a = asked_about(v, r->wanted_hash);
    bool known = a == NULL && verdicts_known(c, r->wanted_hash) != NULL;
    bool bad = a != NULL ? a->stuck : !known && is_poisoned(v, r->wanted_hash);

    if (a == NULL && !known && !bad && v->n_asked >= (v->suspects > 0 ? 1 : ASKED_MAX))
        return false;
    r = request_take(q);
    if (bad)
        refuse(c, r, HF_ERR_BAD_TOKEN);
    else if (a != NULL)
        (void)!request_park(c, r, &a->waiting); /* it has a copy of its own already, so this cannot fail */
    else if (known)
        dispatch_run(c, lane_here(), r);
    else
        ask(c, r);
    return true;
}

/* What runs here may ask itself: that only lengthens the queue. */
static void ask_more(core *c)
{
    verdict_cache *v = c->verdicts;

    if (v->asking)
        return;
    v->asking = true;
    while (c->verifier != NULL && hf_mono_now().ns >= v->ask_at.ns && v->waiting.head != NULL && settle(c, &v->waiting))
        continue;
    v->asking = false;
}

static hf_err wait_for(core *c, request *r, const uint8_t hash[static 32], bool *ret_wait)
{
    HF_CHECK(c->verifier != NULL, HF_ERR_PEER_GONE);
    memcpy(r->wanted_hash, hash, sizeof(r->wanted_hash));
    HF_TRY(request_park(c, r, &c->verdicts->waiting));
    *ret_wait = true;
    ask_more(c);
    return HF_OK;
}

hf_err verdicts_judge(core *c, request *r, const struct hf_head *head, hf_wall now, actor *ret, bool *ret_wait)
{
    const uint8_t *hash = r->token_hash;

    *ret_wait = false;
    HF_CHECK(head->token.len > 0, HF_ERR_NO_TOKEN);
    const verdict *v = verdicts_known(c, hash);
    if (v != NULL)
        return accept(c, v, head, now, ret);
    session *s = sessions_find(c, hash);
    if (s != NULL)
        return accept_session(s, head, now, ret);
    HF_CHECK(!is_poisoned(c->verdicts, hash), HF_ERR_BAD_TOKEN);
    r->asks_subject = false;
    return wait_for(c, r, hash, ret_wait);
}

hf_err verdicts_ask_subject(core *c, request *r, const uint8_t hash[static 32], bool *ret_wait)
{
    if (is_poisoned(c->verdicts, hash))
        return HF_OK;
    r->asks_subject = true;
    return wait_for(c, r, hash, ret_wait);
}

/* ---- answers ---- */

/* The verifier said what the token says; what its key may say is in the keyset that core has checked. */
static hf_err remember(core *c, const uint8_t hash[static 32], const struct hf_verdict *m)
{
    verdict fresh = {
        .keyset_generation = m->keyset_generation,
        .roles = m->roles,
        .issued_s = m->issued_s,
        .not_before_s = m->not_before_s,
        .expires_s = m->expires_s,
        .has_cert = m->has_cert,
        .has_jti = m->jti.len > 0,
    };

    memcpy(fresh.token_hash, hash, 32);
    memcpy(fresh.cert_hash, m->cert_hash, 32);
    HF_TRY(hf_view_to_str(m->kid, fresh.kid, sizeof(fresh.kid)));
    HF_TRY(hf_view_to_str(m->jti, fresh.jti, sizeof(fresh.jti)));
    HF_TRY(hf_view_to_str(m->subject, fresh.subject, sizeof(fresh.subject)));
    HF_CHECK(m->expires_s != 0 && m->subject.len != 0, HF_ERR_BAD_TOKEN); /* what nobody does cannot be audited */
    if (fresh.has_jti)
        HF_TRY(hf_revocation_id(m->jti, fresh.revocation_id));
    fresh.by_keyset = keyset_allows(c, m->kid, fresh.subject, fresh.roles);
    *slot_of(c->verdicts, hash) = fresh;
    return HF_OK;
}

static void take_verdict(core *c, struct asked *a, const struct hf_verdict *m)
{
    verdict_cache *v = c->verdicts;
    request_queue waiting;
    uint8_t hash[32];

    memcpy(hash, a->hash, sizeof(hash));
    request_queue_init(&waiting);
    put_first(&waiting, &a->waiting);
    asked_end(v, a);
    if (m->keyset_generation != c->keyset.generation) {
        /* The verifier has an older keyset: it is being given the new one. */
        v->ask_at = hf_mono_after_ms(hf_mono_now(), ASK_AGAIN_MS);
        put_first(&v->waiting, &waiting);
        return;
    }
    v->suspects -= v->suspects > 0 ? 1 : 0;
    hf_err e = m->error == HF_OK ? remember(c, hash, m) : m->error < HF_ERR_COUNT ? (hf_err)m->error : HF_ERR_BAD_TOKEN;
    if (e == HF_OK)
        request_rerun_all(c, &waiting);
    else
        refuse_all(c, &waiting, e);
}

void verdicts_answer(core *c, const hf_message *msg)
{
    verdict_cache *v = c->verdicts;
    struct asked *a = msg->id == 0 ? NULL : asked_by_id(v, msg->id);
    struct hf_verdict m;

    if (a == NULL || hf_verdict_decode(msg->body, &m) != HF_OK)
        return;
    v->heard_at = hf_mono_now();
    take_verdict(c, a, &m);
    ask_more(c);
}

/* ---- a verifier that ends or hangs ---- */

static struct asked *oldest(verdict_cache *v)
{
    struct asked *found = NULL;

    for (size_t i = 0; i < ASKED_MAX; i++)
        if (v->asked[i].id != 0 && (found == NULL || v->asked[i].id < found->id))
            found = &v->asked[i];
    return found;
}

/* Back to the front of those that wait, in the order in which they were asked. */
static void ask_anew(verdict_cache *v)
{
    request_queue all;

    request_queue_init(&all);
    for (struct asked *a; (a = oldest(v)) != NULL; asked_end(v, a)) {
        if (a->waiting.head == NULL)
            continue;
        *all.tail = a->waiting.head;
        all.tail = a->waiting.tail;
        all.len += a->waiting.len;
        request_queue_init(&a->waiting);
    }
    put_first(&v->waiting, &all);
}

static void blame(core *c, struct asked *a)
{
    verdict_cache *v = c->verdicts;
    request_queue waiting;

    poison(v, a->hash);
    v->suspects -= v->suspects > 0 ? 1 : 0;
    request_queue_init(&waiting);
    put_first(&waiting, &a->waiting);
    refuse_all(c, &waiting, HF_ERR_BAD_TOKEN);
}

/* One that it hung on, or that was alone with it, is the cause. Of several, each goes to the next verifier alone. */
void verdicts_verifier_gone(core *c)
{
    verdict_cache *v = c->verdicts;
    struct asked *first = oldest(v);

    if (first != NULL && !first->stuck && v->n_asked == 1)
        blame(c, first);
    else if (first != NULL && !first->stuck)
        v->suspects = v->n_asked;
    ask_anew(v);
}

void verdicts_verifier_new(core *c)
{
    ask_anew(c->verdicts); /* an answer of the one before is not waited for */
    /* Requests that waited may hold a token that is known or poisoned by now. */
    request_rerun_all(c, &c->verdicts->waiting);
    ask_more(c);
}

void verdicts_fail_all(core *c, hf_err e)
{
    ask_anew(c->verdicts);
    request_queue_fail(c, &c->verdicts->waiting, e, NULL);
}

/* It reads its tokens in order, so what it hangs on is the oldest one; those behind it are not to blame. */
static void blame_stuck(core *c, hf_mono now)
{
    verdict_cache *v = c->verdicts;
    struct asked *a = oldest(v);

    if (a == NULL || a->stuck)
        return;
    int64_t since = a->at.ns > v->heard_at.ns ? a->at.ns : v->heard_at.ns;
    if (now.ns - since < STUCK_MS * HF_NS_PER_MS)
        return;
    a->stuck = true;
    blame(c, a);
}

void verdicts_tick(core *c, hf_mono now)
{
    static const char late[] = "the token could not be judged in time";
    verdict_cache *v = c->verdicts;

    blame_stuck(c, now);
    request_queue_expire(c, &v->waiting, now, late);
    for (size_t i = 0; i < ASKED_MAX; i++)
        request_queue_expire(c, &v->asked[i].waiting, now, late);
    ask_more(c);
}
