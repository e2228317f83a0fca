#include "supervisor/supervisor.h"

#include "base/log.h"
#include "base/text.h"
#include "supervisor/notify.h"
#include "sys/fd.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEYSET_BODY_CAP 262144
#define EVENT_CAP 700
#define GATEWAY_ALARMS_A_MINUTE 20

void alarm_raise(struct supervisor *s, const char *format, ...)
{
    char text[EVENT_CAP];
    uint8_t body[1024];
    hf_writer w = hf_writer_on(body, sizeof(body));
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    hf_log(HF_LOG_ERROR, "ALARM: %s", text);
    if (hf_alarm_encode(&(struct hf_alarm) { .what = hf_view_str(text) }, &w) == HF_OK)
        child_send(s->child[HF_PEER_CORE], HF_MSG_ALARM, 0, hf_writer_view(&w), NULL, 0);
}

static void send_ack(struct child *c, uint64_t id, hf_err result)
{
    uint8_t body[8];
    hf_writer w = hf_writer_on(body, sizeof(body));

    if (hf_ack_encode(&(struct hf_ack) { .error = (uint16_t)result }, &w) == HF_OK)
        child_send(c, HF_MSG_ACK, id, hf_writer_view(&w), NULL, 0);
}

/* What an operator needs to go on; only behind `ready`, and once for each key. */
static void show_sealed(struct supervisor *s)
{
    if (s->phase != PHASE_SERVING || s->core_state != CORE_IS_SEALED || s->unseal_key[0] == '\0' || s->unseal_key_shown)
        return;
    s->unseal_key_shown = true;
    hf_log(HF_LOG_INFO, "sealed; unseal it with 'holdfast unseal'");
    hf_log(HF_LOG_INFO, "unseal key fingerprint: %s", s->unseal_key);
}

void serving_check(struct supervisor *s)
{
    if (s->phase != PHASE_STARTING)
        return;
    for (size_t i = 0; i < SERVED_ROLES; i++)
        if (!s->child[start_order[i]]->ready)
            return;
    if (s->core_state != CORE_IS_OPEN && seal_opens_alone(s->settings.seal_kind))
        return;
    s->phase = PHASE_SERVING;
    hf_loop_timer_stop(s->loop, &s->patience);
    hf_log(HF_LOG_INFO, "ready");
    notify_send("READY=1");
    show_sealed(s);
}

/* The key that a passphrase is sent to, which the operator compares with what 'holdfast unseal' shows. */
static hf_err take_fingerprint(struct supervisor *s, hf_view fingerprint)
{
    char text[sizeof(s->unseal_key)] = "";

    HF_CHECK(fingerprint.len == 0 || fingerprint.len == 32, HF_ERR_MALFORMED);
    if (fingerprint.len > 0)
        hf_hex_encode(fingerprint, text);
    if (strcmp(text, s->unseal_key) != 0) {
        snprintf(s->unseal_key, sizeof(s->unseal_key), "%s", text);
        s->unseal_key_shown = false;
    }
    return HF_OK;
}

static hf_err on_ready(struct child *c, const hf_message *m)
{
    struct hf_ready ready;

    HF_TRY(hf_ready_decode(m->body, &ready));
    HF_TRY(body_set(&c->protections, ready.protections));
    c->ready = true;
    if (c->sup->renewal.verifier == c) {
        reload_verifier_ready(c->sup);
        return HF_OK;
    }
    wiring_tell_core(c);
    serving_check(c->sup);
    return HF_OK;
}

/* Core made a new ring: kept for the next core, and by the store too. */
static hf_err on_ring(struct child *c, hf_message *m)
{
    struct supervisor *s = c->sup;
    struct hf_audit_ring ring;

    HF_TRY(hf_audit_ring_decode(m->body, &ring));
    HF_CHECK(m->n_fds == 1 && m->fds[0] >= 0, HF_ERR_MALFORMED);
    hf_fd_closep(&s->ring_fd);
    s->ring_fd = m->fds[0];
    m->fds[0] = -1; /* taken */
    s->ring_bytes = ring.bytes;
    child_send(s->child[HF_PEER_STORE], HF_MSG_AUDIT_RING, 0, m->body, &s->ring_fd, 1);
    return HF_OK;
}

static hf_err on_anchor_write(struct child *c, const hf_message *m)
{
    struct hf_anchor_write anchor;

    HF_TRY(hf_anchor_write_decode(m->body, &anchor));
    hf_err result = files_write_anchor(&c->sup->files, anchor.anchor);
    if (result == HF_ERR_SYSTEM)
        alarm_raise(c->sup, "the anchor cannot be written: is the anchor folder still there and its disk not full?");
    send_ack(c, m->id, result);
    return HF_OK;
}

static hf_err on_epoch_write(struct child *c, const hf_message *m)
{
    struct hf_epoch_write epoch;

    HF_TRY(hf_epoch_write_decode(m->body, &epoch));
    hf_err result = files_write_epoch(&c->sup->files, epoch.epoch);
    if (result != HF_OK)
        alarm_raise(c->sup, "epoch.key cannot be replaced and its old content erased: is the disk full?");
    send_ack(c, m->id, result);
    return HF_OK;
}

/* The KEYSET that says what a KEYSET_WRITE says. */
static hf_err keyset_adopt(struct supervisor *s, const struct hf_keyset_write *from)
{
    struct hf_keyset keyset = { .generation = from->generation, .rows = from->rows };
    uint8_t *body = malloc(KEYSET_BODY_CAP);

    HF_CHECK(body != NULL, HF_ERR_SYSTEM);
    hf_writer w = hf_writer_on(body, KEYSET_BODY_CAP);
    memcpy(keyset.mac, from->mac, sizeof(keyset.mac));
    hf_err err = hf_keyset_encode(&keyset, &w);
    if (err == HF_OK)
        err = body_set(&s->settings.keyset, hf_writer_view(&w));
    hf_wipe(body, w.len);
    free(body);
    return err;
}

static hf_err keyset_store(struct supervisor *s, hf_view keyset_write)
{
    struct body json = { NULL, 0 };

    HF_TRY(settings_print_keyset(&s->programs, keyset_write, &json));
    hf_err err = files_write_keyset(&s->files, body_view(&json));
    body_free(&json);
    return err;
}

static hf_err on_keyset_write(struct child *c, const hf_message *m)
{
    struct supervisor *s = c->sup;
    struct hf_keyset_write keyset;

    HF_TRY(hf_keyset_write_decode(m->body, &keyset));
    hf_err result = keyset_store(s, m->body);
    if (result == HF_OK)
        result = keyset_adopt(s, &keyset);
    if (result != HF_OK)
        alarm_raise(s, "the new keyset cannot be written: %s", hf_err_text(result));
    send_ack(c, m->id, result);
    if (result == HF_OK)
        reload_keyset_accepted(s);
    return HF_OK;
}

static hf_err on_core_state(struct child *c, const hf_message *m)
{
    struct supervisor *s = c->sup;
    struct hf_core_state state;

    HF_TRY(hf_core_state_decode(m->body, &state));
    HF_CHECK(state.state >= CORE_IS_SEALED && state.state <= CORE_IS_FAILED, HF_ERR_MALFORMED);
    HF_TRY(take_fingerprint(s, state.fingerprint));
    bool sealed_now = s->core_state == CORE_IS_OPEN && state.state == CORE_IS_SEALED;
    s->core_state = state.state;
    if (sealed_now)
        unsealer_learn_kind(s); /* whoever unseals is asked for what fits the seal of now */
    if (state.state == CORE_IS_OPEN)
        s->unsealer.failures = 0;
    if (state.state != CORE_IS_FAILED) {
        serving_check(s);
        show_sealed(s);
        return HF_OK;
    }
    hf_log(HF_LOG_ERROR, "core cannot serve: %.*s", (int)state.why.len, (const char *)state.why.ptr);
    if (s->phase == PHASE_STARTING)
        stop_begin(s, EXIT_FAILURE);
    return HF_OK;
}

static hf_err on_unseal_wanted(struct child *c, const hf_message *m)
{
    struct hf_unseal_wanted wanted;

    HF_TRY(hf_unseal_wanted_decode(m->body, &wanted));
    unsealer_run(c->sup);
    return HF_OK;
}

static hf_err on_ack(struct child *c, const hf_message *m)
{
    struct hf_ack ack;

    HF_TRY(hf_ack_decode(m->body, &ack));
    reload_core_answered(c->sup, m->id, ack.error < HF_ERR_COUNT ? (hf_err)ack.error : HF_ERR_MALFORMED);
    return HF_OK;
}

/*
 * An alarm for each renewal of the certificate is much. A gateway that was taken over must not fill audit and log, nor
 * core's queue, which would end core.
 */
static bool gateway_alarm_room(struct supervisor *s)
{
    hf_mono now = hf_loop_now(s->loop);

    if (now.ns - s->gateway_alarms_since.ns >= 60 * HF_NS_PER_S) {
        s->gateway_alarms_since = now;
        s->gateway_alarms = 0;
    }
    return s->gateway_alarms++ < GATEWAY_ALARMS_A_MINUTE;
}

/* The gateway has no way into the audit: what it finds goes there as the supervisor's. */
static hf_err on_gateway_alarm(struct child *c, const hf_message *m)
{
    struct hf_alarm alarm;

    HF_TRY(hf_alarm_decode(m->body, &alarm));
    HF_CHECK(gateway_alarm_room(c->sup), HF_ERR_RATE);
    alarm_raise(c->sup, "gateway: %.*s", (int)(alarm.what.len < 600 ? alarm.what.len : 600),
                (const char *)alarm.what.ptr);
    return HF_OK;
}

static hf_err on_alarm(const hf_message *m)
{
    struct hf_alarm alarm;

    HF_TRY(hf_alarm_decode(m->body, &alarm));
    hf_log(HF_LOG_ERROR, "ALARM: %.*s", (int)alarm.what.len, (const char *)alarm.what.ptr);
    return HF_OK;
}

static hf_err handle_core(struct child *c, hf_message *m)
{
    switch (m->type) {
    case HF_MSG_AUDIT_RING:
        return on_ring(c, m);
    case HF_MSG_ANCHOR_WRITE:
        return on_anchor_write(c, m);
    case HF_MSG_EPOCH_WRITE:
        return on_epoch_write(c, m);
    case HF_MSG_KEYSET_WRITE:
        return on_keyset_write(c, m);
    case HF_MSG_UNSEAL_WANTED:
        return on_unseal_wanted(c, m);
    case HF_MSG_CORE_STATE:
        return on_core_state(c, m);
    case HF_MSG_ACK:
        return on_ack(c, m);
    case HF_MSG_ALARM:
        return on_alarm(m);
    default:
        return HF_ERR_DENIED;
    }
}

/* The table of messages says who may send what at all; here is what may reach the supervisor. */
hf_err request_handle(struct child *c, hf_message *m)
{
    if (m->type == HF_MSG_READY)
        return on_ready(c, m);
    if (m->type == HF_MSG_ALARM && c->role == HF_PEER_GATEWAY)
        return on_gateway_alarm(c, m);
    return c->role == HF_PEER_CORE ? handle_core(c, m) : HF_ERR_DENIED;
}
