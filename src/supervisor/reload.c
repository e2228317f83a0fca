/*
 * New configuration, certificates and keysets without a stop. A new verifier is started with what is new, beside the old
 * one; core is asked whether it takes the keyset (it checks MAC and generation); only then the new verifier takes
 * over and the old one ends. Whatever fails before leaves everything as it was.
 */
#include "supervisor/supervisor.h"

#include "base/log.h"
#include "supervisor/listen.h"
#include "supervisor/notify.h"
#include "sys/fd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MS 10000
#define CORE_BODY_CAP 4096

static void on_patience(void *arg)
{
    reload_abort(arg, "no answer came in time");
}

/* The new verifier ended by itself or was given up. */
static void forget(struct supervisor *s)
{
    struct renewal *r = &s->renewal;

    hf_loop_timer_stop(s->loop, &r->patience);
    if (r->has_settings)
        settings_free(&r->next);
    *r = (struct renewal) { .verifier = NULL };
}

void reload_abort(struct supervisor *s, const char *why)
{
    struct child *verifier = s->renewal.verifier;

    if (verifier == NULL)
        return;
    s->renewal.verifier = NULL;
    child_retire(verifier);
    forget(s);
    if (why == NULL)
        return;
    alarm_raise(s, "reload refused, the old state stays: %s", why);
    notify_send("READY=1");
}

void reload_verifier_failed(struct supervisor *s)
{
    forget(s);
    alarm_raise(s, "reload refused, the old state stays: the new verifier ended before it was ready");
    notify_send("READY=1");
}

/* Takes or frees next. */
static void begin(struct supervisor *s, struct settings *next, bool core_has_keyset)
{
    struct renewal *r = &s->renewal;
    struct child *verifier = child_new(s, HF_PEER_VERIFIER);

    if (verifier == NULL) {
        if (next != NULL)
            settings_free(next);
        alarm_raise(s, "reload refused: no memory");
        return;
    }
    *r = (struct renewal) { .verifier = verifier,
                            .has_settings = next != NULL,
                            .core_has_keyset = core_has_keyset,
                            .patience = { .fn = on_patience, .arg = s } };
    if (next != NULL)
        r->next = *next;
    child_start(verifier);
    if (hf_loop_timer(s->loop, &r->patience, hf_mono_after_ms(hf_loop_now(s->loop), ANSWER_MS)) != HF_OK)
        reload_abort(s, "no timer");
}

void reload_keyset_accepted(struct supervisor *s)
{
    reload_abort(s, "core took another keyset meanwhile");
    begin(s, NULL, true);
}

/* ---- the take-over ---- */

static void body_keep(struct body *next, struct body *old, const char *what)
{
    if (body_equal(next, old))
        return;
    hf_log(HF_LOG_WARN, "changes to [%s] take effect at the next start", what);
    struct body swap = *next;
    *next = *old;
    *old = swap;
}

/* What core takes while it runs: all about tokens. The rest of its old body stays, and a difference there is said. */
static hf_err core_merge(struct body *next, const struct body *old)
{
    struct hf_config_core fresh, merged;
    uint8_t bytes[CORE_BODY_CAP];
    hf_writer w = hf_writer_on(bytes, sizeof(bytes));

    HF_TRY(hf_config_core_decode(body_view(next), &fresh));
    HF_TRY(hf_config_core_decode(body_view(old), &merged));
    merged.token_max_s = fresh.token_max_s;
    merged.token_leeway_s = fresh.token_leeway_s;
    merged.issuer = fresh.issuer;
    merged.audience = fresh.audience;
    merged.session_s = fresh.session_s;
    merged.hs256 = fresh.hs256;
    HF_TRY(hf_config_core_encode(&merged, &w));
    if (!hf_view_eq(hf_writer_view(&w), body_view(next)))
        hf_log(HF_LOG_WARN, "changes to [core] take effect at the next start");
    return body_set(next, hf_writer_view(&w));
}

/* What runs with fixed sizes keeps its old values: a process that is restarted must fit the others. */
static void keep_fixed(struct supervisor *s, struct settings *next)
{
    if (core_merge(&next->core, &s->settings.core) != HF_OK)
        body_keep(&next->core, &s->settings.core, "core");
    body_keep(&next->store, &s->settings.store, "store");
    if (next->gateway_threads != s->settings.gateway_threads) {
        body_keep(&next->gateway, &s->settings.gateway, "gateway");
        next->gateway_threads = s->settings.gateway_threads;
    }
    next->strict = s->settings.strict;
    memcpy(next->seal_kind, s->settings.seal_kind, sizeof(next->seal_kind));
}

static void listen_anew(struct supervisor *s, const char *address)
{
    int fd = -1;

    if (s->options.listen != NULL || strcmp(address, s->settings.listen) == 0)
        return;
    if (listen_tcp(address, &fd) != HF_OK) {
        alarm_raise(s, "the new address %s cannot be had; the old one stays", address);
        return;
    }
    hf_fd_closep(&s->listen_fd);
    s->listen_fd = fd;
}

static void settings_take(struct supervisor *s)
{
    struct renewal *r = &s->renewal;

    if (!r->has_settings)
        return;
    listen_anew(s, r->next.listen);
    keep_fixed(s, &r->next);
    settings_free(&s->settings);
    s->settings = r->next;
    r->has_settings = false; /* handed over */
    if (child_alive(s->child[HF_PEER_CORE]))
        child_send(s->child[HF_PEER_CORE], HF_MSG_CONFIG_CORE, 0, body_view(&s->settings.core), NULL, 0);
    tls_key_run(s); /* the certificate follows when core has its key */
}

static void take_over(struct supervisor *s)
{
    struct child *old = s->child[HF_PEER_VERIFIER];
    struct child *verifier = s->renewal.verifier;

    s->renewal.verifier = NULL;
    verifier->starts += old->starts;
    s->child[HF_PEER_VERIFIER] = verifier;
    if (child_alive(s->child[HF_PEER_CORE]))
        wiring_connect(s, s->child[HF_PEER_CORE], verifier);
    wiring_tell_core(verifier);
    child_retire(old);
    settings_take(s);
    unsealer_tell_kind(s);
    forget(s);
    hf_log(HF_LOG_INFO, "configuration and keyset reloaded"); /* core noted the keyset in the audit */
    notify_send("READY=1");
}

void reload_verifier_ready(struct supervisor *s)
{
    struct renewal *r = &s->renewal;

    if (r->core_has_keyset) {
        take_over(s);
        return;
    }
    if (!child_alive(s->child[HF_PEER_CORE])) {
        reload_abort(s, "core is not there to check the keyset");
        return;
    }
    r->asked_id = ++s->last_id;
    child_send(s->child[HF_PEER_CORE], HF_MSG_KEYSET, r->asked_id, body_view(&r->next.keyset), NULL, 0);
}

void reload_core_answered(struct supervisor *s, uint64_t id, hf_err answer)
{
    if (id == 0 || id != s->renewal.asked_id)
        return;
    if (answer == HF_OK)
        take_over(s);
    else if (answer == HF_ERR_INTEGRITY)
        reload_abort(s, "keyset.json does not carry core's MAC; apply it with 'holdfast keyset apply'");
    else if (answer == HF_ERR_ROLLBACK)
        reload_abort(s, "keyset.json is older than the keyset in use");
    else
        reload_abort(s, hf_err_text(answer));
}

/* ---- SIGHUP ---- */

static hf_err load(struct supervisor *s, struct settings *ret, char why[static SETTINGS_WHY_CAP])
{
    HF_AUTO(hf_fd_closep) int conf = -1;
    HF_AUTO(hf_fd_closep) int keyset = -1;

    snprintf(why, SETTINGS_WHY_CAP, "a file cannot be opened");
    HF_TRY(files_open_config(&s->files, &s->options, &conf, &keyset));
    return settings_load(&s->programs, conf, keyset, s->options.strict, ret, why);
}

void reload_run(struct supervisor *s)
{
    char why[SETTINGS_WHY_CAP];
    struct settings next = { .strict = false };

    if (s->phase != PHASE_SERVING) {
        hf_log(HF_LOG_WARN, "not reloaded: the start is not complete");
        return;
    }
    notify_reloading();
    reload_abort(s, "another reload began");
    if (load(s, &next, why) == HF_OK) {
        begin(s, &next, false);
        return;
    }
    alarm_raise(s, "reload refused, the old state stays: %.600s", why);
    notify_send("READY=1");
}
