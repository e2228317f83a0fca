#include "verifier-token/verifier.h"

#include "base/log.h"
#include "proto/codec.h"
#include "proto/gen/messages.h"

#define CORE_QUEUE_BYTES (256u << 10)
#define VERDICT_MAX_BYTES 1024
#define READY_MAX_BYTES 8192

size_t verifier_supervisor_max_body(uint16_t type)
{
    return hf_message_allowed(type, HF_PEER_SUPERVISOR) ? hf_message_max_body(type) : 0;
}

size_t verifier_core_max_body(uint16_t type)
{
    return type == HF_MSG_VERIFY_TOKEN ? hf_message_max_body(type) : 0;
}

hf_err verifier_configure(struct verifier *v, hf_view body)
{
    struct hf_config_verifier config;

    HF_TRY(hf_config_verifier_decode(body, &config));
    HF_TRY(hf_view_to_str(config.issuer, v->issuer, sizeof v->issuer));
    HF_TRY(hf_view_to_str(config.audience, v->audience, sizeof v->audience));
    v->strict = config.strict;
    v->hs256 = config.hs256;
    return HF_OK;
}

/* ---- core's side ---- */

static hf_err verdict_send(struct verifier *v, uint64_t id, const struct hf_verdict *verdict)
{
    uint8_t bytes[VERDICT_MAX_BYTES];
    hf_writer w = hf_writer_on(bytes, sizeof bytes);

    HF_TRY(hf_verdict_encode(verdict, &w));
    return hf_channel_send(v->core, HF_MSG_VERDICT, id, hf_writer_view(&w), NULL, 0);
}

/*
 * Times stay facts: core compares them with the clock it trusts, each time it uses a verdict. Nothing is logged:
 * anyone can send bad tokens, and core counts them.
 */
static hf_err token_judge(const struct verifier *v, hf_view token, struct hf_claims *ret)
{
    struct hf_jose_rules rules = {
        .issuer = hf_view_str(v->issuer),
        .audience = hf_view_str(v->audience),
        .require_roles = true,
    };
    const char *why = "";

    HF_CHECK(v->keyset != NULL, HF_ERR_PEER_GONE);
    return hf_jws_verify(token, v->keyset, &rules, ret, &why);
}

static hf_err token_answer(struct verifier *v, const hf_message *m)
{
    struct hf_verify_token request;
    struct hf_claims claims = { 0 };
    struct hf_verdict verdict = { 0 };

    HF_TRY(hf_verify_token_decode(m->body, &request));
    verdict.error = (uint16_t)token_judge(v, request.token, &claims);
    verdict.keyset_generation = v->keyset == NULL ? 0 : v->keyset->generation;
    verdict.kid = hf_view_str(claims.kid);
    verdict.jti = hf_view_str(claims.jti);
    verdict.subject = hf_view_str(claims.subject);
    verdict.roles = claims.roles;
    verdict.issued_s = claims.issued_s;
    verdict.not_before_s = claims.not_before_s;
    verdict.expires_s = claims.expires_s;
    verdict.has_cert = claims.has_cert;
    for (size_t i = 0; i < sizeof verdict.cert_hash; i++)
        verdict.cert_hash[i] = claims.cert_hash[i];
    return verdict_send(v, m->id, &verdict);
}

static void core_drop(struct verifier *v, hf_err cause)
{
    hf_log(HF_LOG_INFO, "the channel of core ended: %s", hf_err_text(cause));
    hf_channel_free(v->core);
    v->core = NULL;
}

/*
 * A bad message ends this channel, never the process. A full queue loses one answer, for which core has a
 * deadline. The token's bytes go before the channel may.
 */
static void on_core_message(void *arg, hf_message *m)
{
    struct verifier *v = arg;
    hf_err e = token_answer(v, m);

    hf_channel_release(m);
    if (e == HF_ERR_OVERLOADED && !v->core_is_deaf)
        hf_log(HF_LOG_WARN, "core does not read its verdicts; they are dropped");
    v->core_is_deaf = e == HF_ERR_OVERLOADED;
    if (e != HF_OK && e != HF_ERR_OVERLOADED)
        core_drop(v, e);
}

static void on_core_end(void *arg, hf_err cause)
{
    core_drop(arg, cause);
}

/* ---- the supervisor's side ---- */

/* A core that was restarted gets a new channel; the old one is dead or about to be. */
static hf_err peer_take(struct verifier *v, hf_message *m)
{
    hf_channel *channel;
    struct hf_peer_channel peer;
    int fd;

    HF_TRY(hf_peer_channel_decode(m->body, &peer));
    HF_CHECK(peer.role == HF_PEER_CORE && m->n_fds == 1, HF_ERR_MALFORMED);
    fd = m->fds[0];
    m->fds[0] = -1;
    HF_TRY(hf_channel_new(fd, CORE_QUEUE_BYTES, verifier_core_max_body, &channel));
    hf_channel_free(v->core);
    v->core = channel;
    return hf_channel_attach(channel, v->loop, on_core_message, on_core_end, v);
}

static hf_err ready_send(struct verifier *v)
{
    uint8_t rows[READY_MAX_BYTES - 64], bytes[READY_MAX_BYTES];
    hf_writer list = hf_writer_on(rows, sizeof rows), w = hf_writer_on(bytes, sizeof bytes);
    struct hf_ready ready;

    for (size_t i = 0; i < v->protections.n; i++) {
        const hf_protection *p = &v->protections.row[i];
        struct hf_protection_row row = {
            .process = hf_view_str("verifier-token"),
            .name = hf_view_str(p->name),
            .state = (uint8_t)p->state,
            .why = hf_view_str(p->why),
        };
        HF_TRY(hf_protection_row_encode(&row, &list));
    }
    ready = (struct hf_ready) { .protections = hf_writer_view(&list) };
    HF_TRY(hf_ready_encode(&ready, &w));
    return hf_channel_send(v->supervisor, HF_MSG_READY, 0, hf_writer_view(&w), NULL, 0);
}

/* All of the new set or all of the old one. The MAC is for core, which alone can check it. */
static hf_err keyset_take(struct verifier *v, hf_view body)
{
    struct hf_jose_keyset *old = v->keyset, *keyset;
    struct hf_keyset message;
    const char *why = "";

    HF_TRY(hf_keyset_decode(body, &message));
    if (old != NULL && message.generation < old->generation) {
        hf_log(HF_LOG_ERROR, "a keyset older than the present one was not taken");
        return HF_OK;
    }
    if (hf_jose_keyset_load(message.generation, message.rows, v->hs256, &keyset, &why) != HF_OK) {
        hf_log(HF_LOG_ERROR, "the keyset was not taken: %s", why);
        return old == NULL ? HF_ERR_INVALID : HF_OK;
    }
    v->keyset = keyset;
    hf_jose_keyset_free(old);
    hf_log(HF_LOG_INFO, "keyset generation %llu: %zu keys", (unsigned long long)keyset->generation, keyset->n);
    return old == NULL ? ready_send(v) : HF_OK;
}

static void stop(struct verifier *v, int exit_code)
{
    v->exit_code = exit_code;
    hf_loop_stop(v->loop);
}

static hf_err supervisor_message(struct verifier *v, hf_message *m)
{
    switch (m->type) {
    case HF_MSG_KEYSET:
        return keyset_take(v, m->body);
    case HF_MSG_PEER_CHANNEL:
        return peer_take(v, m);
    case HF_MSG_CONFIG_VERIFIER:
        return verifier_configure(v, m->body);
    case HF_MSG_STOP:
        stop(v, 0);
        return HF_OK;
    default:
        return HF_ERR_MALFORMED;
    }
}

static void on_supervisor_end(void *arg, hf_err cause)
{
    struct verifier *v = arg;

    hf_log(HF_LOG_ERROR, "the supervisor's channel ended: %s", hf_err_text(cause));
    hf_channel_free(v->supervisor);
    v->supervisor = NULL;
    stop(v, 1);
}

static void on_supervisor_message(void *arg, hf_message *m)
{
    hf_err e = supervisor_message(arg, m);

    hf_channel_release(m);
    if (e != HF_OK)
        on_supervisor_end(arg, e);
}

hf_err verifier_attach(struct verifier *v)
{
    return hf_channel_attach(v->supervisor, v->loop, on_supervisor_message, on_supervisor_end, v);
}
