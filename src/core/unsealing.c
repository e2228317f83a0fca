#include "core/unsealing.h"

#include "base/log.h"
#include "policy/backoff.h"
#include <stdlib.h>
#include <string.h>

#define DELAY_FIRST_MS 1000
#define DELAY_LAST_MS 60000

static const char sealed_why[] = "the seal needs its passphrase; unseal it with 'holdfast unseal'";

hf_err unsealing_new(unsealing **ret)
{
    unsealing *u = calloc(1, sizeof(*u));

    HF_CHECK(u != NULL, HF_ERR_SYSTEM);
    u->opens_alone = true; /* as long as nobody says otherwise */
    request_queue_init(&u->waiting);
    *ret = u;
    return HF_OK;
}

/* ---- the key ---- */

static void key_drop(unsealing *u)
{
    hf_hpke_key_free(u->key);
    u->key = NULL;
}

static void key_make(core *c)
{
    unsealing *u = c->unsealing;
    hf_view public = hf_view_of(u->public, sizeof(u->public));

    if (u->key != NULL)
        return;
    if (hf_hpke_key_new(&u->key, u->public) != HF_OK ||
        hf_digest(HF_HASH_SHA256, &public, 1, u->fingerprint) != HF_OK) {
        key_drop(u);
        hf_log(HF_LOG_ERROR, "no key can be made for the passphrase to be sent to; restart holdfastd");
        return;
    }
    core_set_state(c, CORE_SEALED, sealed_why); /* with the fingerprint, for the log */
}

static void passphrase_drop(unsealing *u)
{
    hf_secret_free(u->passphrase);
    u->passphrase = NULL;
}

void unsealing_begin(core *c)
{
    unsealing *u = c->unsealing;

    if (c->state != CORE_SEALED || c->opening || c->supervisor == NULL)
        return;
    if (!u->opens_alone)
        key_make(c);
    else if (!u->by_hand)
        peer_send(c->supervisor, HF_MSG_UNSEAL_WANTED, 0, (hf_view) { 0 });
}

void unsealing_kind(core *c, hf_view kind, bool opens_alone)
{
    unsealing *u = c->unsealing;

    if (hf_view_eq_str(kind, u->kind) && opens_alone == u->opens_alone)
        return;
    if (hf_view_to_str(kind, u->kind, sizeof(u->kind)) != HF_OK)
        return;
    u->opens_alone = opens_alone;
    if (opens_alone) { /* what was sent fits no more; the seal itself may still open */
        passphrase_drop(u);
        key_drop(u);
    } else if (c->store != NULL) {
        unsealing_begin(c);
    }
}

/* ---- one attempt ---- */

static hf_err send_secret(peer *p, hf_secret *passphrase)
{
    HF_AUTO(hf_secret_freep) hf_secret *body = NULL;

    HF_TRY(hf_secret_new(hf_message_max_body(HF_MSG_UNSEAL_SECRET), &body));
    hf_writer w = hf_writer_on(hf_secret_bytes(body), hf_secret_len(body));
    HF_TRY(hf_unseal_secret_encode(&(struct hf_unseal_secret) { .passphrase = passphrase }, &w));
    /* The channel is new and empty: the kernel takes the message at once, and no copy waits in a queue. */
    return hf_channel_send(p->channel, HF_MSG_UNSEAL_SECRET, 0, hf_writer_view(&w), NULL, 0);
}

void unsealing_peer(core *c, peer *p)
{
    unsealing *u = c->unsealing;

    if (u->passphrase == NULL)
        return;
    hf_err e = send_secret(p, u->passphrase);
    passphrase_drop(u);
    if (e != HF_OK)
        hf_log(HF_LOG_ERROR, "the passphrase cannot be handed to holdfast-unseal: %s", hf_err_text(e));
}

void unsealing_peer_gone(core *c)
{
    /* One that ends while the passphrase is still here is that of an attempt before. */
    if (c->unsealing->under_way && c->unsealing->passphrase == NULL && !c->opening && c->state == CORE_SEALED)
        unsealing_end(c, HF_ERR_PEER_GONE, "the process that opens the seal ended before it was done; try again");
}

/* The audit learns of it when it opens. */
static void note_failure(core *c, hf_err e)
{
    unsealing *u = c->unsealing;
    struct hf_audit_record rec = {
        .time = hf_wall_now(),
        .klass = HF_AUDIT_JOURNAL,
        .action = HF_MSG_UNSEAL,
        .result = hf_audit_result_of(e),
        .count = 1,
        .request_id = hf_view_str(u->request_id),
        .detail = hf_view_str(e == HF_ERR_DENIED ? "a passphrase that does not open the seal" : "not unsealed"),
    };

    memcpy(rec.address, u->address, sizeof(rec.address));
    kept_add(c, &rec);
}

static void count_failure(core *c)
{
    struct unsealing_door *door = &c->unsealing->doors[c->unsealing->local ? 1 : 0];

    door->failures += door->failures < UINT32_MAX ? 1 : 0;
    door->next = hf_mono_after_ms(hf_mono_now(), hf_backoff_ms(door->failures, DELAY_FIRST_MS, DELAY_LAST_MS));
}

static void answer_open(core *c)
{
    uint8_t body[16];
    hf_writer w = hf_writer_on(body, sizeof(body));
    struct hf_done m = { .value = 1 };
    request *r = request_take(&c->unsealing->waiting);

    if (r == NULL)
        return;
    /* Like every durable operation: when its record is stored. */
    if (hf_done_encode(&m, &w) != HF_OK ||
        durable_wait(c, r, HF_MSG_DONE, hf_writer_view(&w), c->journal.chain.seq) != HF_OK)
        request_fail(c, r, HF_ERR_OVERLOADED, "the HSM is open, but its answer cannot be kept", 0);
    request_free(c, r);
}

void unsealing_end(core *c, hf_err e, const char *why)
{
    unsealing *u = c->unsealing;

    passphrase_drop(u);
    if (e == HF_OK) { /* open, by whatever way */
        key_drop(u);
        memset(u->doors, 0, sizeof(u->doors));
        u->by_hand = false;
        answer_open(c);
    } else if (u->under_way) {
        if (e == HF_ERR_DENIED)
            count_failure(c);
        note_failure(c, e);
        request_queue_fail(c, &u->waiting, e, why);
    }
    u->under_way = false;
    u->request_id[0] = '\0';
}

void unsealing_expire(core *c, hf_mono now)
{
    unsealing *u = c->unsealing;

    if (u->waiting.head == NULL || u->waiting.head->deadline.ns > now.ns)
        return;
    if (c->unsealer == NULL && !c->opening) {
        unsealing_end(c, HF_ERR_TIMEOUT, "the process that opens the seal did not start; holdfastd's log says why");
        return;
    }
    /* It goes on: Argon2id on a slow machine, or a large store. */
    request_queue_fail(c, &u->waiting, HF_ERR_TIMEOUT,
                       "it is still being opened; 'holdfast status' says when it is open");
}
