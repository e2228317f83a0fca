#include "core/op.h"
#include "core/unsealing.h"

#include <string.h>

static bool any_degraded(const core *c)
{
    for (size_t i = 0; i < c->protections.n; i++)
        if (c->protections.row[i].state != HF_ACTIVE)
            return true;
    for (size_t i = 0; i < CORE_PROCESSES_MAX; i++)
        if (c->processes[i].degraded)
            return true;
    return c->config.hs256;
}

hf_err op_status(op *o)
{
    core *c = o->core;
    struct hf_status_info m = {
        .state = (uint8_t)c->state,
        .why = hf_view_str(c->why),
        .version = hf_view_str(HOLDFAST_VERSION),
        .uptime_ms = (uint64_t)((hf_mono_now().ns - c->started.ns) / HF_NS_PER_MS),
        .keys = c->state == CORE_OPEN ? index_count(c->index) : 0,
        .degraded = any_degraded(c),
    };

    return hf_status_info_encode(&m, &o->reply);
}

/* Not a row of the start: it comes and goes with a reload. */
static hf_err put_hs256(const core *c, hf_writer *w)
{
    struct hf_protection_row row = {
        .process = hf_view_str("core"),
        .name = hf_view_str("hs256"),
        .state = HF_DEGRADED,
        .why = hf_view_str(
            "HS256 secrets mint tokens; they lie in keyset.json and with supervisor, config, verifier-token, core"),
    };

    return c->config.hs256 ? hf_protection_row_encode(&row, w) : HF_OK;
}

static hf_err put_own(const core *c, hf_writer *w)
{
    for (size_t i = 0; i < c->protections.n; i++) {
        const hf_protection *p = &c->protections.row[i];
        struct hf_protection_row row = {
            .process = hf_view_str("core"),
            .name = hf_view_str(p->name),
            .state = (uint8_t)p->state,
            .why = hf_view_str(p->why),
        };
        HF_TRY(hf_protection_row_encode(&row, w));
    }
    return HF_OK;
}

hf_err op_capabilities(op *o)
{
    core *c = o->core;
    static uint8_t list[60000];
    hf_writer w = hf_writer_on(list, sizeof(list));

    HF_TRY(put_own(c, &w));
    HF_TRY(put_hs256(c, &w));
    for (size_t i = 0; i < CORE_PROCESSES_MAX; i++)
        if (strcmp(c->processes[i].name, "core") != 0)
            hf_put_bytes(&w, c->processes[i].list, c->processes[i].len);
    struct hf_capabilities_info m = {
        .backing = hf_view_str(hf_backing_name(hf_arena_backing(c->arena))),
        /* `live` always holds while core runs; what a restart is measured against is the anchor. */
        .freshness = hf_view_str(c->anchored_generation != 0 ? "anchored" : "live"),
        .seal = hf_view_str(c->unsealing->opened),
        .strict = c->config.strict,
        .arena_bytes = hf_arena_capacity(c->arena),
        .arena_used = hf_arena_used(c->arena),
        .protections = hf_writer_view(&w),
    };
    return hf_capabilities_info_encode(&m, &o->reply);
}
