#include "core/tls_keys.h"

#include "base/log.h"
#include "crypto/crypto.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_MAX 2        /* the one in use, and the one that comes or that goes: handshakes may still need it */
#define WAITING_MAX 1024  /* questions for a key that is on its way */
#define SIGNS_PER_S 10000 /* of elliptic keys; a gateway that asks for more is not shaking hands */
#define RSA_SIGNS_PER_S 1000
#define ALARM_EVERY_MS 10000
#define SIGNATURE_MAX 512

/* RFC 8446 section 4.4.3. */
#define PADDING_BYTES 64
static const char server_context[] = "TLS 1.3, server CertificateVerify"; /* its NUL belongs to it */

typedef struct tls_key {
    uint8_t id[32]; /* SHA-256 of the SubjectPublicKeyInfo */
    hf_alg alg;
    hf_key *key;
    unsigned users; /* lanes that sign with it */
    bool retired;   /* freed when the last of them is done */
    uint64_t used;  /* when it signed last, by the number of signatures; 0: never */
} tls_key;

typedef struct waiting_sign {
    uint32_t peer_slot, peer_generation;
    uint64_t id;
    uint8_t key[32];
    uint16_t scheme;
    uint8_t input[256];
    size_t len;
    hf_mono deadline;
} waiting_sign;

struct tls_keys {
    tls_key *kept[KEPT_MAX];
    uint64_t uses;
    waiting_sign *waiting;   /* WAITING_MAX */
    size_t n_waiting;
    hf_mono second; /* the one that `signs` counts */
    uint32_t signs;
    hf_mono quiet_until; /* no alarm before */
    uint64_t misused;    /* since the last one */
};

hf_err tls_keys_new(tls_keys **ret)
{
    tls_keys *t = calloc(1, sizeof(*t));

    HF_CHECK(t != NULL, HF_ERR_SYSTEM);
    t->waiting = calloc(WAITING_MAX, sizeof(*t->waiting));
    if (t->waiting == NULL) {
        free(t);
        return HF_ERR_SYSTEM;
    }
    *ret = t;
    return HF_OK;
}

/* ---- what may be signed ---- */

static bool is_server_input(hf_view in)
{
    size_t fixed = PADDING_BYTES + sizeof(server_context);

    if (in.len != fixed + 32 && in.len != fixed + 48) /* SHA-256 or SHA-384 of the transcript */
        return false;
    for (size_t i = 0; i < PADDING_BYTES; i++)
        if (in.ptr[i] != ' ')
            return false;
    return memcmp(in.ptr + PADDING_BYTES, server_context, sizeof(server_context)) == 0;
}

static const struct {
    uint16_t number; /* RFC 8446 section 4.2.3 */
    hf_alg alg, other_alg;
    hf_scheme scheme;
    hf_hash hash;
} schemes[] = {
    { 0x0403, HF_ALG_EC_P256, HF_ALG_EC_P256, HF_SCHEME_ECDSA_DER, HF_HASH_SHA256 },
    { 0x0503, HF_ALG_EC_P384, HF_ALG_EC_P384, HF_SCHEME_ECDSA_DER, HF_HASH_SHA384 },
    { 0x0804, HF_ALG_RSA_2048, HF_ALG_RSA_3072, HF_SCHEME_RSA_PSS, HF_HASH_SHA256 },
    { 0x0805, HF_ALG_RSA_2048, HF_ALG_RSA_3072, HF_SCHEME_RSA_PSS, HF_HASH_SHA384 },
    { 0x0806, HF_ALG_RSA_2048, HF_ALG_RSA_3072, HF_SCHEME_RSA_PSS, HF_HASH_SHA512 },
    { 0x0807, HF_ALG_ED25519, HF_ALG_ED25519, HF_SCHEME_ED25519, HF_HASH_NONE },
};

/* The row of a scheme that goes with this kind of key; HF_COUNT(schemes) when there is none. */
static size_t scheme_find(uint16_t number, hf_alg alg)
{
    size_t i = 0;

    while (i < HF_COUNT(schemes) &&
           (schemes[i].number != number || (schemes[i].alg != alg && schemes[i].other_alg != alg)))
        i++;
    return i;
}

/* ---- answers ---- */

static void answer(core *c, const waiting_sign *w, hf_err e, hf_view signature)
{
    uint8_t bytes[1024];
    hf_writer out = hf_writer_on(bytes, sizeof(bytes));
    peer *to = peer_find(c, w->peer_slot, w->peer_generation);
    struct hf_failed failed = { .error = (uint16_t)e, .detail = hf_view_str(hf_err_text(e)) };

    if (e == HF_OK && hf_tls_signed_encode(&(struct hf_tls_signed) { .signature = signature }, &out) == HF_OK)
        peer_send(to, HF_MSG_TLS_SIGNED, w->id, hf_writer_view(&out));
    else if (hf_failed_encode(&failed, &out) == HF_OK)
        peer_send(to, HF_MSG_FAILED, w->id, hf_writer_view(&out));
}

/* Our own gateway asks for this only when it is not itself any more: a human must know. */
static void misused(core *c)
{
    tls_keys *t = c->tls_keys;
    hf_mono now = hf_mono_now();
    char what[160];
    uint8_t bytes[256];
    hf_writer w = hf_writer_on(bytes, sizeof(bytes));

    t->misused++;
    if (now.ns < t->quiet_until.ns)
        return;
    snprintf(what, sizeof(what),
             "the gateway asked core to sign what is no TLS server handshake (%llu times): is it hijacked?",
             (unsigned long long)t->misused);
    t->misused = 0;
    t->quiet_until = hf_mono_after_ms(now, ALARM_EVERY_MS);
    journal_note(c, HF_MSG_TLS_SIGN, HF_ERR_DENIED, "gateway", what);
    if (hf_alarm_encode(&(struct hf_alarm) { .what = hf_view_str(what) }, &w) == HF_OK)
        peer_send(c->supervisor, HF_MSG_ALARM, 0, hf_writer_view(&w));
}

/* ---- signing ---- */

static tls_key *key_find(tls_keys *t, const uint8_t id[static 32])
{
    for (size_t i = 0; i < KEPT_MAX; i++)
        if (t->kept[i] != NULL && memcmp(t->kept[i]->id, id, sizeof(t->kept[i]->id)) == 0)
            return t->kept[i];
    return NULL;
}

static void key_release(tls_key *k)
{
    if (k == NULL || k->users > 0)
        return;
    hf_key_free(k->key);
    free(k);
}

static bool within_rate(tls_keys *t, hf_alg alg)
{
    hf_mono now = hf_mono_now();
    uint32_t cost = alg == HF_ALG_RSA_2048 || alg == HF_ALG_RSA_3072 ? SIGNS_PER_S / RSA_SIGNS_PER_S : 1;

    if (now.ns - t->second.ns >= HF_NS_PER_S) {
        t->second = now;
        t->signs = 0;
    }
    t->signs += cost;
    return t->signs <= SIGNS_PER_S;
}

/* Locked; the lock is given away while the key is at work. */
static hf_err sign(core *c, tls_key *k, const waiting_sign *w, uint8_t *dst, size_t *ret_len)
{
    size_t row = scheme_find(w->scheme, k->alg);

    if (row == HF_COUNT(schemes)) {
        misused(c);
        return HF_ERR_DENIED;
    }
    HF_CHECK(within_rate(c->tls_keys, k->alg), HF_ERR_OVERLOADED);
    k->users++;
    k->used = ++c->tls_keys->uses;
    c->shaking++;
    core_begin_work(c);
    hf_err e = hf_key_sign(k->key, schemes[row].scheme, schemes[row].hash, false, hf_view_of(w->input, w->len), dst,
                           SIGNATURE_MAX, ret_len);
    core_end_work(c);
    c->shaking--;
    k->users--;
    if (k->retired)
        key_release(k);
    return e;
}

static void run(core *c, tls_key *k, const waiting_sign *w)
{
    uint8_t signature[SIGNATURE_MAX];
    size_t len = 0;
    hf_err e = sign(c, k, w, signature, &len);

    answer(c, w, e, hf_view_of(signature, len));
}

/* A core that has just begun to run gets its keys a moment after its gateways. */
static hf_err wait_for_key(core *c, const waiting_sign *w)
{
    tls_keys *t = c->tls_keys;

    HF_CHECK(t->n_waiting < WAITING_MAX, HF_ERR_OVERLOADED);
    t->waiting[t->n_waiting++] = *w;
    return HF_OK;
}

static hf_err begin(core *c, const waiting_sign *w)
{
    if (!is_server_input(hf_view_of(w->input, w->len))) {
        misused(c);
        return HF_ERR_DENIED;
    }
    tls_key *k = key_find(c->tls_keys, w->key);
    if (k == NULL)
        return wait_for_key(c, w);
    run(c, k, w);
    return HF_OK;
}

void op_tls_sign(peer *p, const hf_message *m)
{
    core *c = p->core;
    struct hf_tls_sign in;
    waiting_sign w = { .peer_slot = p->slot, .peer_generation = p->generation, .id = m->id };
    hf_err e = hf_tls_sign_decode(m->body, &in);

    if (e == HF_OK) {
        memcpy(w.key, in.key, sizeof(w.key));
        memcpy(w.input, in.input.ptr, in.input.len); /* its row bounds it */
        w.len = in.input.len;
        w.scheme = in.scheme;
        w.deadline = hf_mono_after_ms(hf_loop_now(p->lane->loop), hf_message_row_of(HF_MSG_TLS_SIGN)->deadline_ms);
    }
    core_lock(c);
    if (e == HF_OK)
        e = begin(c, &w);
    if (e != HF_OK)
        answer(c, &w, e, (hf_view) { 0 });
    core_unlock(c);
}

void tls_keys_tick(core *c, hf_mono now)
{
    tls_keys *t = c->tls_keys;
    size_t kept = 0;

    for (size_t i = 0; i < t->n_waiting; i++) {
        if (t->waiting[i].deadline.ns > now.ns)
            t->waiting[kept++] = t->waiting[i];
        else
            answer(c, &t->waiting[i], HF_ERR_NOT_FOUND, (hf_view) { 0 });
    }
    t->n_waiting = kept;
}

/* ---- keys ---- */

static bool offered(hf_alg alg)
{
    for (size_t i = 0; i < HF_COUNT(schemes); i++)
        if (schemes[i].alg == alg || schemes[i].other_alg == alg)
            return true;
    return false;
}

static hf_err key_id(const hf_key *key, uint8_t ret[static 32])
{
    uint8_t der[HF_SPKI_MAX_BYTES];
    size_t len = 0;

    HF_TRY(hf_key_public_der(key, der, sizeof(der), &len));
    hf_view spki = hf_view_of(der, len);
    return hf_digest(HF_HASH_SHA256, &spki, 1, ret);
}

/* Without the lock: the checks of an RSA key take their time. */
static hf_err key_read(const hf_secret *pkcs8, tls_key **ret)
{
    HF_AUTO(hf_secret_freep) hf_secret *material = NULL;
    hf_alg alg = HF_ALG_NONE;

    HF_TRY(hf_key_read_pkcs8(HF_ALG_NONE, pkcs8, &alg, &material));
    HF_CHECK(offered(alg), HF_ERR_UNSUPPORTED);
    tls_key *k = calloc(1, sizeof(*k));
    HF_CHECK(k != NULL, HF_ERR_SYSTEM);
    k->alg = alg;
    hf_err e = hf_key_load_private(alg, material, &k->key);
    if (e == HF_OK)
        e = key_id(k->key, k->id);
    if (e != HF_OK) {
        key_release(k);
        return e;
    }
    *ret = k;
    return HF_OK;
}

/* Where a key of this id stands, else a free place, else that of the one that has not signed for longest. */
static size_t place_find(const tls_keys *t, const uint8_t id[static 32])
{
    size_t place = 0;

    for (size_t i = 0; i < KEPT_MAX; i++)
        if (t->kept[i] != NULL && memcmp(t->kept[i]->id, id, sizeof(t->kept[i]->id)) == 0)
            return i;
    for (size_t i = 0; i < KEPT_MAX; i++) {
        if (t->kept[i] == NULL)
            return i;
        if (t->kept[i]->used < t->kept[place]->used)
            place = i;
    }
    return place;
}

/* Locked. A key that turns out to be of no certificate has never signed: it cannot drive out the one in use. */
static void key_put(tls_keys *t, tls_key *k)
{
    size_t place = place_find(t, k->id);
    tls_key *out = t->kept[place];

    if (out != NULL && memcmp(out->id, k->id, sizeof(k->id)) == 0)
        k->used = out->used;
    t->kept[place] = k;
    if (out == NULL)
        return;
    out->retired = true;
    key_release(out);
}

/* Locked. Who waited for a key is looked at again, once. */
static void waiting_run(core *c)
{
    tls_keys *t = c->tls_keys;
    size_t n = t->n_waiting;

    if (n == 0)
        return;
    waiting_sign *all = t->waiting;
    waiting_sign *fresh = calloc(WAITING_MAX, sizeof(*fresh));
    if (fresh == NULL)
        return; /* they run into their deadline */
    t->waiting = fresh;
    t->n_waiting = 0;
    for (size_t i = 0; i < n; i++) {
        tls_key *k = key_find(t, all[i].key);
        if (k != NULL)
            run(c, k, &all[i]);
        else
            answer(c, &all[i], HF_ERR_NOT_FOUND, (hf_view) { 0 });
    }
    free(all);
}

void tls_keys_take(peer *p, hf_message *m)
{
    core *c = p->core;
    struct hf_tls_key in = { .pkcs8 = NULL };
    tls_key *k = NULL;
    uint8_t bytes[8];
    hf_writer w = hf_writer_on(bytes, sizeof(bytes));
    hf_err e = m->type == HF_MSG_TLS_KEY ? hf_tls_key_decode(m->body, &in) : HF_ERR_DENIED;

    if (e == HF_OK)
        e = key_read(in.pkcs8, &k);
    hf_secret_free(in.pkcs8);
    uint64_t id = m->id;
    hf_channel_release(m);
    core_lock(c);
    if (e == HF_OK) {
        key_put(c->tls_keys, k);
        waiting_run(c);
    }
    if (hf_ack_encode(&(struct hf_ack) { .error = (uint16_t)e }, &w) == HF_OK)
        peer_send(p, HF_MSG_ACK, id, hf_writer_view(&w));
    core_unlock(c);
}

void tls_keys_forget(core *c)
{
    for (size_t i = 0; i < KEPT_MAX; i++) {
        key_release(c->tls_keys->kept[i]);
        c->tls_keys->kept[i] = NULL;
    }
}
