/*
 * What core counts about itself: requests by operation and outcome, how long they took, keys, caches, audit. Counts only:
 * no name, no actor, no key id leaves here, so that whoever scrapes learns how much is done and not by whom.
 */
#include "core/metrics.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Upper bounds of the duration buckets, microseconds; the last one is without bound. */
static const uint32_t bounds_us[] = {
    50, 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000
};
#define BUCKETS (HF_COUNT(bounds_us) + 1)
#define CLASSES (HF_CLASS_INTERNAL + 1)

typedef struct durations {
    uint64_t bucket[BUCKETS];
    uint64_t sum_ns;
} durations;

typedef struct row_counts {
    uint64_t by_class[CLASSES];
    durations *took; /* only of uses of keys, once there is one */
} row_counts;

struct core_metrics {
    row_counts *rows; /* as hf_message_rows */
};

/* The label `result`: a class of errors, as the surfaces answer by it. */
static const char *const class_words[CLASSES] = {
    [HF_CLASS_OK] = "ok",
    [HF_CLASS_INVALID] = "invalid",
    [HF_CLASS_UNAUTHENTICATED] = "unauthenticated",
    [HF_CLASS_DENIED] = "denied",
    [HF_CLASS_NOT_FOUND] = "not_found",
    [HF_CLASS_CONFLICT] = "conflict",
    [HF_CLASS_TOO_LARGE] = "too_large",
    [HF_CLASS_UNUSABLE] = "unusable",
    [HF_CLASS_LIMITED] = "limited",
    [HF_CLASS_UNAVAILABLE] = "unavailable",
    [HF_CLASS_TIMEOUT] = "timeout",
    [HF_CLASS_INTEGRITY] = "integrity",
    [HF_CLASS_INTERNAL] = "internal",
};

hf_err metrics_new(core_metrics **ret)
{
    core_metrics *m = calloc(1, sizeof(*m));

    HF_CHECK(m != NULL, HF_ERR_SYSTEM);
    m->rows = calloc(hf_message_row_count, sizeof(*m->rows));
    if (m->rows == NULL) {
        free(m);
        return HF_ERR_SYSTEM;
    }
    *ret = m;
    return HF_OK;
}

/* Uses of keys have an action "crypto:..."; only they are frequent enough for a histogram each. */
static bool is_timed(const hf_message_row *row)
{
    return row->action != NULL && strncmp(row->action, "crypto:", 7) == 0;
}

static void count_duration(row_counts *r, int64_t ns)
{
    size_t i = 0;

    if (r->took == NULL)
        r->took = calloc(1, sizeof(*r->took)); /* without memory there are no durations, and that is all */
    if (r->took == NULL)
        return;
    while (i < HF_COUNT(bounds_us) && ns > (int64_t)bounds_us[i] * 1000)
        i++;
    r->took->bucket[i]++;
    r->took->sum_ns += ns > 0 ? (uint64_t)ns : 0;
}

void metrics_request(core *c, const request *r, hf_err e)
{
    row_counts *counts = &c->metrics->rows[r->row - hf_message_rows];

    counts->by_class[hf_err_class_of(e)]++;
    /* The deadline was set from the turn of the loop in which the request came. */
    if (is_timed(r->row))
        count_duration(counts, hf_mono_now().ns - (r->deadline.ns - (int64_t)r->row->deadline_ms * HF_NS_PER_MS));
}

/* ---- writing ---- */

static hf_err put(hf_writer *w, hf_metric_kind kind, const char *name, const char *labels, uint64_t value)
{
    struct hf_metric m = {
        .name = hf_view_str(name), .labels = hf_view_str(labels), .kind = (uint8_t)kind, .value = value
    };

    return hf_metric_encode(&m, w);
}

static void operation_word(const hf_message_row *row, char dst[static 40])
{
    size_t i = 0;

    for (; i < 39 && row->name[i] != '\0'; i++)
        dst[i] = (char)tolower((unsigned char)row->name[i]);
    dst[i] = '\0';
}

static hf_err put_requests(const core_metrics *m, hf_writer *w)
{
    char word[40], labels[128];

    for (size_t i = 0; i < hf_message_row_count; i++) {
        operation_word(&hf_message_rows[i], word);
        for (size_t k = 0; k < CLASSES; k++) {
            if (m->rows[i].by_class[k] == 0)
                continue;
            snprintf(labels, sizeof(labels), "operation=\"%s\",result=\"%s\"", word, class_words[k]);
            HF_TRY(put(w, HF_METRIC_COUNTER, "holdfast_requests_total", labels, m->rows[i].by_class[k]));
        }
    }
    return HF_OK;
}

/* Cumulative, as Prometheus wants them; the sum in nanoseconds, which the gateway shows as seconds. */
static hf_err put_durations(const char *word, const durations *d, hf_writer *w)
{
    char labels[128];
    uint64_t so_far = 0;

    for (size_t i = 0; i < BUCKETS; i++) {
        so_far += d->bucket[i];
        if (i < HF_COUNT(bounds_us))
            snprintf(labels, sizeof(labels), "operation=\"%s\",le=\"%g\"", word, bounds_us[i] / 1e6);
        else
            snprintf(labels, sizeof(labels), "operation=\"%s\",le=\"+Inf\"", word);
        HF_TRY(put(w, HF_METRIC_BUCKET, "holdfast_request_duration_seconds", labels, so_far));
    }
    snprintf(labels, sizeof(labels), "operation=\"%s\"", word);
    HF_TRY(put(w, HF_METRIC_SUM_NS, "holdfast_request_duration_seconds", labels, d->sum_ns));
    return put(w, HF_METRIC_COUNT, "holdfast_request_duration_seconds", labels, so_far);
}

static hf_err put_all_durations(const core_metrics *m, hf_writer *w)
{
    char word[40];

    for (size_t i = 0; i < hf_message_row_count; i++) {
        if (m->rows[i].took == NULL)
            continue;
        operation_word(&hf_message_rows[i], word);
        HF_TRY(put_durations(word, m->rows[i].took, w));
    }
    return HF_OK;
}

static hf_err put_keys(const core *c, hf_writer *w)
{
    size_t by_state[HF_STATE_DESTROYED + 1] = { 0 };
    char labels[64];

    for (size_t i = 0; i < index_count(c->index); i++)
        by_state[index_at(c->index, i)->state % HF_COUNT(by_state)]++;
    for (size_t s = HF_STATE_STAGED; s <= HF_STATE_DESTROYED; s++) {
        snprintf(labels, sizeof(labels), "state=\"%s\"", hf_key_state_name((hf_key_state)s));
        HF_TRY(put(w, HF_METRIC_GAUGE, "holdfast_keys", labels, by_state[s]));
    }
    return HF_OK;
}

static hf_err put_cache(const core *c, hf_writer *w)
{
    struct cache_numbers n = cache_numbers(c->cache);

    HF_TRY(put(w, HF_METRIC_COUNTER, "holdfast_key_cache_hits_total", "", n.hits));
    HF_TRY(put(w, HF_METRIC_COUNTER, "holdfast_key_cache_misses_total", "", n.misses));
    return put(w, HF_METRIC_GAUGE, "holdfast_key_cache_bytes", "", n.bytes);
}

static hf_err put_audit(const core *c, hf_writer *w)
{
    HF_TRY(put(w, HF_METRIC_COUNTER, "holdfast_audit_records_total", "", c->journal.chain.seq));
    HF_TRY(
        put(w, HF_METRIC_GAUGE, "holdfast_audit_unsealed_records", "", c->journal.chain.seq - c->journal.sealed.seq));
    HF_TRY(put(w, HF_METRIC_COUNTER, "holdfast_audit_segments_total", "", c->journal.segment_index));
    return put(w, HF_METRIC_GAUGE, "holdfast_store_generation", "", c->manifest.generation);
}

static hf_err put_processes(const core *c, hf_writer *w, const char *name, bool starts)
{
    char labels[64];

    for (size_t i = 0; i < CORE_PROCESSES_MAX; i++) {
        if (c->processes[i].name[0] == '\0')
            continue;
        snprintf(labels, sizeof(labels), "process=\"%s\"", c->processes[i].name);
        if (starts)
            HF_TRY(put(w, HF_METRIC_COUNTER, name, labels, c->processes[i].starts));
        else
            HF_TRY(put(w, HF_METRIC_GAUGE, name, labels, c->processes[i].degraded ? 1 : 0));
    }
    return HF_OK;
}

hf_err metrics_write(const core *c, hf_writer *w)
{
    uint64_t uptime_s = (uint64_t)((hf_mono_now().ns - c->started.ns) / HF_NS_PER_S);

    HF_TRY(put(w, HF_METRIC_GAUGE, "holdfast_open", "", c->state == CORE_OPEN ? 1 : 0));
    HF_TRY(put(w, HF_METRIC_GAUGE, "holdfast_uptime_seconds", "", uptime_s));
    HF_TRY(put(w, HF_METRIC_GAUGE, "holdfast_arena_bytes", "", hf_arena_capacity(c->arena)));
    HF_TRY(put(w, HF_METRIC_GAUGE, "holdfast_arena_used_bytes", "", hf_arena_used(c->arena)));
    HF_TRY(put(w, HF_METRIC_GAUGE, "holdfast_parked_requests", "", c->parked));
    HF_TRY(put_keys(c, w));
    HF_TRY(put_cache(c, w));
    HF_TRY(put_audit(c, w));
    HF_TRY(put_processes(c, w, "holdfast_process_starts_total", true));
    HF_TRY(put_processes(c, w, "holdfast_process_degraded", false));
    HF_TRY(put_requests(c->metrics, w));
    return put_all_durations(c->metrics, w);
}
