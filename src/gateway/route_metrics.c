/* GET /metrics: core's numbers and the gateway's own, in the Prometheus text format (version 0.0.4). */
#include "gateway/routes.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

typedef struct family {
    const char *name;
    const char *help;
} family;

/* What a reader of the page is told; a family that is not here is shown without a word. */
static const family families[] = {
    { "holdfast_open", "1 while keys can be used, 0 while sealed." },
    { "holdfast_uptime_seconds", "Time since core was started." },
    { "holdfast_arena_bytes", "Locked memory for keys." },
    { "holdfast_arena_used_bytes", "Locked memory in use." },
    { "holdfast_parked_requests", "Requests that wait for a verdict, a key or the store." },
    { "holdfast_keys", "Keys by state." },
    { "holdfast_key_cache_hits_total", "Uses of a key that was loaded already." },
    { "holdfast_key_cache_misses_total", "Uses of a key that had to be loaded." },
    { "holdfast_key_cache_bytes", "Locked memory of loaded keys." },
    { "holdfast_audit_records_total", "Records in the audit, since the first start." },
    { "holdfast_audit_unsealed_records", "Records that are in memory only; they stay few." },
    { "holdfast_audit_segments_total", "Signed segments in the store, since the first start." },
    { "holdfast_store_generation", "Transactions of the store, since the first start." },
    { "holdfast_process_starts_total", "Starts of a process by this supervisor." },
    { "holdfast_process_degraded", "1 when a protection of the process is missing; see 'holdfast capabilities'." },
    { "holdfast_requests_total", "Answered requests by operation and outcome." },
    { "holdfast_request_duration_seconds", "Time in core from the arrival of a request to its answer." },
    { "holdfast_http_responses_total", "HTTP answers by status." },
    { "holdfast_connections", "Open connections." },
};

static HF_PRINTF(2, 3) void put(hf_writer *w, const char *format, ...)
{
    char line[512];
    va_list args;

    va_start(args, format);
    int n = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (n > 0 && (size_t)n < sizeof(line))
        hf_put_bytes(w, line, (size_t)n);
}

static const char *type_word(uint8_t kind)
{
    switch (kind) {
    case HF_METRIC_COUNTER:
        return "counter";
    case HF_METRIC_GAUGE:
        return "gauge";
    default:
        return "histogram";
    }
}

static void put_family(hf_writer *w, hf_view name, uint8_t kind)
{
    for (size_t i = 0; i < HF_COUNT(families); i++)
        if (hf_view_eq_str(name, families[i].name))
            put(w, "# HELP %s %s\n", families[i].name, families[i].help);
    put(w, "# TYPE %.*s %s\n", (int)name.len, (const char *)name.ptr, type_word(kind));
}

static void put_sample(hf_writer *w, const struct hf_metric *m)
{
    static const char *const suffixes[] = {
        [HF_METRIC_BUCKET] = "_bucket", [HF_METRIC_SUM_NS] = "_sum", [HF_METRIC_COUNT] = "_count"
    };
    const char *suffix = m->kind < HF_COUNT(suffixes) && suffixes[m->kind] != NULL ? suffixes[m->kind] : "";

    put(w, "%.*s%s", (int)m->name.len, (const char *)m->name.ptr, suffix);
    if (m->labels.len > 0)
        put(w, "{%.*s}", (int)m->labels.len, (const char *)m->labels.ptr);
    if (m->kind == HF_METRIC_SUM_NS)
        put(w, " %" PRIu64 ".%09" PRIu64 "\n", m->value / HF_NS_PER_S, m->value % HF_NS_PER_S);
    else
        put(w, " %" PRIu64 "\n", m->value);
}

/* Samples of one name come one after the other, as the format demands. */
static void put_samples(hf_writer *w, hf_view list)
{
    struct hf_metric m;
    hf_view name = { 0 };

    for (hf_reader r = hf_reader_of(list); hf_metric_next(&r, &m);) {
        if (!hf_view_eq(m.name, name))
            put_family(w, m.name, m.kind);
        name = m.name;
        put_sample(w, &m);
    }
}

static void put_responses(hf_writer *w, const gateway *g)
{
    put_family(w, hf_view_str("holdfast_http_responses_total"), HF_METRIC_COUNTER);
    for (unsigned status = HTTP_STATUS_FIRST; status < HTTP_STATUS_END; status++) {
        uint64_t n = 0;
        for (uint32_t i = 0; i < g->n_lanes; i++)
            n += atomic_load_explicit(&g->lanes[i]->responses[status - HTTP_STATUS_FIRST], memory_order_relaxed);
        if (n > 0)
            put(w, "holdfast_http_responses_total{code=\"%u\"} %" PRIu64 "\n", status, n);
    }
}

static void put_connections(hf_writer *w, const gateway *g)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < g->n_lanes; i++)
        n += atomic_load_explicit(&g->lanes[i]->open_connections, memory_order_relaxed);
    put_family(w, hf_view_str("holdfast_connections"), HF_METRIC_GAUGE);
    put(w, "holdfast_connections %" PRIu64 "\n", n);
}

hf_err route_metrics_ask(call *c, hf_writer *w)
{
    struct hf_metrics m = { .head = c->head };

    if (!hf_http_accepts(c->http, "text", "plain"))
        return call_refuse(c, 406, "not_acceptable", "this answer is text/plain");
    return hf_metrics_encode(&m, w); /* METRICS_LOCAL has the same form */
}

hf_err route_metrics_tell(reply *r)
{
    struct hf_metrics_info m;
    hf_writer w = hf_writer_on(r->lane->scratch, GATEWAY_SCRATCH_BYTES);

    HF_TRY(hf_metrics_info_decode(r->body, &m));
    put_samples(&w, m.metrics);
    put_responses(&w, r->lane->gateway);
    put_connections(&w, r->lane->gateway);
    HF_CHECK(!w.failed, HF_ERR_INTERNAL);
    json_raw(r->out, hf_writer_view(&w));
    r->content_type = CONTENT_TYPE;
    return HF_OK;
}
