#include "core/unsealing.h"

#include "base/log.h"
#include <stdarg.h>
#include <stdio.h>

void core_set_state(core *c, core_state s, const char *why)
{
    uint8_t bytes[600];
    hf_writer w = hf_writer_on(bytes, sizeof(bytes));
    struct hf_core_state m = { .state = (uint8_t)s };

    c->state = s;
    snprintf(c->why, sizeof(c->why), "%s", why);
    m.why = hf_view_str(c->why);
    if (s == CORE_SEALED && c->unsealing->key != NULL)
        m.fingerprint = hf_view_of(c->unsealing->fingerprint, sizeof(c->unsealing->fingerprint));
    if (hf_core_state_encode(&m, &w) == HF_OK)
        peer_send(c->supervisor, HF_MSG_CORE_STATE, 0, hf_writer_view(&w));
    if (s == CORE_FAILED)
        hf_log(HF_LOG_ERROR, "%s", c->why);
}

void core_fail(core *c, const char *format, ...)
{
    char why[512];
    va_list args;

    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    core_set_state(c, CORE_FAILED, why);
    opening_drop(c);
    unsealing_end(c, HF_ERR_INTEGRITY, why);
    request_queue_fail(c, &c->waiting_changes, HF_ERR_INTEGRITY, why);
    epoch_abort(c, HF_ERR_INTEGRITY);
    commit_abandon(c, HF_ERR_INTEGRITY);
    loading_fail_all(c, HF_ERR_INTEGRITY);
    slow_fail_all(c, HF_ERR_INTEGRITY);
    audit_fail_all(c, HF_ERR_INTEGRITY);
    durable_fail_all(c, HF_ERR_INTEGRITY);
    core_forget_keys(c);
}
