#include "gateway/request_log.h"

#include "base/address.h"
#include "base/log.h"
#include "gateway/route.h"
#include <stdio.h>

static const char *method_word(hf_http_method m)
{
    switch (m) {
    case HF_HTTP_GET:
        return "GET";
    case HF_HTTP_HEAD:
        return "HEAD";
    case HF_HTTP_POST:
        return "POST";
    case HF_HTTP_PUT:
        return "PUT";
    case HF_HTTP_PATCH:
        return "PATCH";
    case HF_HTTP_DELETE:
        return "DELETE";
    case HF_HTTP_OPTIONS:
        return "OPTIONS";
    case HF_HTTP_OTHER:
        break;
    }
    return "-";
}

/* Strangers can make us refuse requests as fast as they like: they must not fill the disk or slow the lane with it. */
bool request_log_room(request_log_state *s, int64_t second, uint64_t *ret_skipped)
{
    if (second != s->second) {
        s->second = second;
        s->lines = 0;
    }
    if (s->lines == REQUEST_LOG_RATE) {
        s->skipped++;
        return false;
    }
    s->lines++;
    *ret_skipped = s->skipped;
    s->skipped = 0;
    return true;
}

void request_log(lane *l, const request_note *note, const char *request_id, uint16_t status, const char *code)
{
    char status_text[8], us[24], left_out[24], address[HF_ADDRESS_CAP];
    uint64_t skipped = 0;

    if (status >= HTTP_STATUS_FIRST && status < HTTP_STATUS_END)
        atomic_fetch_add_explicit(&l->responses[status - HTTP_STATUS_FIRST], 1, memory_order_relaxed);
    if (l->gateway->config.log_requests < (status < 400 ? REQUEST_LOG_ALL : REQUEST_LOG_FAILURES))
        return;
    hf_mono now = hf_mono_now();
    if (l->gateway->config.log_requests == REQUEST_LOG_FAILURES &&
        !request_log_room(&l->log, now.ns / HF_NS_PER_S, &skipped))
        return;
    hf_address_format(note->address, address);
    snprintf(status_text, sizeof(status_text), "%u", status);
    snprintf(us, sizeof(us), "%lld", (long long)((now.ns - note->started.ns) / 1000));
    snprintf(left_out, sizeof(left_out), "%llu", (unsigned long long)skipped);
    const hf_log_field fields[] = {
        { "request_id", request_id },
        { "method", method_word(note->method) },
        { "path", note->route == NULL ? "-" : note->route->path },
        { "status", status_text },
        { "code", code },
        { "us", us },
        { "address", address },
        { "skipped", skipped == 0 ? NULL : left_out },
    };
    hf_log_fields(status < 500 ? HF_LOG_INFO : HF_LOG_WARN, fields, HF_COUNT(fields), "request");
}
