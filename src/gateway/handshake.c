/*
 * Signatures for TLS handshakes. The private key of our certificate is in core: what a handshake has to sign goes there
 * as TLS_SIGN, and the handshake sleeps until TLS_SIGNED comes. The id of the question names the connection by slot and
 * generation, so that an answer for one that is gone finds nobody. While core is being restarted the handshakes wait,
 * and its successor is asked all their questions; their own deadline is the end of it.
 */
#include "gateway/gateway.h"

#include "base/log.h"
#include <string.h>

/* Requests have ids without this bit: their slots are fewer (pending.h). */
#define SIGN_BIT (1u << 31)
#define TRIAL_SLOT (SIGN_BIT - 1)

static uint64_t id_of(uint32_t slot, uint32_t generation)
{
    return (uint64_t)generation << 32 | SIGN_BIT | slot;
}

bool handshake_is_answer(uint64_t id)
{
    return ((uint32_t)id & SIGN_BIT) != 0;
}

static hf_err send(lane *l, uint64_t id, const uint8_t key[static HF_KEY_ID_BYTES], uint16_t scheme, hf_view input)
{
    uint8_t body[512];
    hf_writer w = hf_writer_on(body, sizeof(body));
    struct hf_tls_sign m = { .scheme = scheme, .input = input };

    HF_CHECK(l->core != NULL, HF_ERR_PEER_GONE);
    memcpy(m.key, key, sizeof(m.key));
    HF_TRY(hf_tls_sign_encode(&m, &w));
    return hf_channel_send_soon(l->core, HF_MSG_TLS_SIGN, id, hf_writer_view(&w));
}

void handshake_ask(void *arg, hf_http_ref ref, const hf_signing *question)
{
    lane *l = arg;

    hf_err e = send(l, id_of(ref.slot, ref.generation), question->key_id, question->scheme,
                    hf_view_of(question->input, question->input_len));
    bool waits = e == HF_ERR_PEER_GONE && l->stop_at.ns == 0;

    if (e != HF_OK && !waits)
        hf_http_server_signed(l->https, ref, (hf_view) { 0 });
}

/* ---- a new certificate: core must show that it has the key before anybody sees it ---- */

static void trial_ask(lane *l)
{
    trial *t = l->trial;

    if (t == NULL || l->core == NULL)
        return;
    /* A failure here means that the channel is about to end: its successor is asked. */
    if (send(l, id_of(TRIAL_SLOT, 0), hf_certificate_key_id(t->certificate), hf_certificate_scheme(t->certificate),
             hf_view_of(t->input, t->input_len)) != HF_OK)
        return;
}

void handshake_try(lane *l, trial *t)
{
    l->trial = t;
    trial_ask(l);
}

static void trial_end(lane *l, hf_err result)
{
    trial *t = l->trial;

    l->trial = NULL;
    t->result = result;
    atomic_store(&t->ended, true);
    hf_loop_wake(l->gateway->loop);
}

void handshake_core_new(lane *l)
{
    trial_ask(l);
    hf_http_server_sign_again(l->https);
}

/* We stop or core is gone: when both, no successor comes. */
void handshake_end_if_alone(lane *l)
{
    if (l->core == NULL && l->stop_at.ns != 0)
        hf_http_server_sign_fails(l->https);
}

/* ---- answers ---- */

static hf_err failed(lane *l, uint64_t id, hf_view body)
{
    struct hf_failed m;
    hf_http_ref ref = { .slot = (uint32_t)id & ~SIGN_BIT, .generation = (uint32_t)(id >> 32) };

    HF_TRY(hf_failed_decode(body, &m));
    HF_CHECK(m.error > HF_OK && m.error < HF_ERR_COUNT, HF_ERR_MALFORMED);
    if (ref.slot != TRIAL_SLOT)
        hf_http_server_signed(l->https, ref, (hf_view) { 0 });
    else if (l->trial != NULL)
        trial_end(l, (hf_err)m.error);
    return HF_OK;
}

static hf_err signed_(lane *l, uint64_t id, hf_view body)
{
    struct hf_tls_signed m;
    hf_http_ref ref = { .slot = (uint32_t)id & ~SIGN_BIT, .generation = (uint32_t)(id >> 32) };

    HF_TRY(hf_tls_signed_decode(body, &m));
    if (ref.slot != TRIAL_SLOT)
        hf_http_server_signed(l->https, ref, m.signature);
    else if (l->trial != NULL)
        trial_end(l, hf_certificate_check(l->trial->certificate, hf_view_of(l->trial->input, l->trial->input_len),
                                          m.signature));
    return HF_OK;
}

hf_err handshake_answer(lane *l, const hf_message *m)
{
    if (m->type == HF_MSG_TLS_SIGNED)
        return signed_(l, m->id, m->body);
    HF_CHECK(m->type == HF_MSG_FAILED, HF_ERR_MALFORMED);
    return failed(l, m->id, m->body);
}
