/* GET /healthz and /api/v1/status: the same document; /healthz is 503 unless the HSM is open. */
#include "gateway/routes.h"

#define CACHE_MS 1000

enum { STATE_SEALED = 1, STATE_OPEN = 2, STATE_FAILED = 3 }; /* as core numbers them */

hf_err route_status_ask(call *c, hf_writer *w)
{
    struct hf_status m = { .head = c->head };

    c->lane->status.era = atomic_load(&c->lane->gateway->status_era);
    return hf_status_encode(&m, w);
}

static const char *state_word(uint8_t state)
{
    return state == STATE_OPEN ? "open" : state == STATE_SEALED ? "sealed" : "failed";
}

static void show(reply *r, const status_cache *s)
{
    const char *status = s->state != STATE_OPEN ? state_word(s->state) : s->degraded ? "degraded" : "ok";

    json_open(r->out, '{');
    json_key(r->out, "status");
    json_word(r->out, status);
    json_key(r->out, "state");
    json_word(r->out, state_word(s->state));
    json_key(r->out, "degraded");
    json_bool(r->out, s->degraded);
    json_key(r->out, "why");
    json_word(r->out, s->why);
    json_key(r->out, "version");
    json_word(r->out, s->version);
    json_key(r->out, "uptime_ms");
    json_uint(r->out, s->uptime_ms);
    json_key(r->out, "keys");
    json_uint(r->out, s->keys);
    json_close(r->out, '}');
    if (r->format == ROUTE_STATUS_HEALTH && s->state != STATE_OPEN)
        r->status = 503;
}

hf_err route_status_tell(reply *r)
{
    struct hf_status_info m;
    status_cache *s = &r->lane->status;

    HF_TRY(hf_status_info_decode(r->body, &m));
    HF_TRY(hf_view_to_str(m.why, s->why, sizeof(s->why)));
    HF_TRY(hf_view_to_str(m.version, s->version, sizeof(s->version)));
    s->state = m.state;
    s->degraded = m.degraded;
    s->uptime_ms = m.uptime_ms;
    s->keys = m.keys;
    s->until = hf_mono_after_ms(hf_loop_now(r->lane->loop), CACHE_MS);
    show(r, s);
    return HF_OK;
}

void route_status_changed(lane *l)
{
    atomic_fetch_add(&l->gateway->status_era, 1);
}

bool route_status_local(reply *r)
{
    const status_cache *s = &r->lane->status;

    if (hf_loop_now(r->lane->loop).ns >= s->until.ns || s->era != atomic_load(&r->lane->gateway->status_era))
        return false;
    show(r, s);
    return true;
}

void route_status_fail(reply *r, hf_err why)
{
    r->status = 503;
    json_open(r->out, '{');
    json_key(r->out, "status");
    json_word(r->out, "degraded");
    json_key(r->out, "why");
    json_word(r->out, hf_err_text(why));
    json_close(r->out, '}');
}
