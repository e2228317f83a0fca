/* GET /api/v1/capabilities */
#include "gateway/routes.h"

hf_err route_capabilities_ask(call *c, hf_writer *w)
{
    struct hf_capabilities m = { .head = c->head };

    HF_TRY(field_only(c, NULL, 0));
    return hf_capabilities_encode(&m, w);
}

static const char *state_word(uint8_t state)
{
    switch ((hf_protection_state)state) {
    case HF_ACTIVE:
        return "active";
    case HF_DEGRADED:
        return "degraded";
    case HF_ABSENT:
        return "absent";
    }
    return "unknown";
}

static void show_protections(json_out *o, hf_view rows)
{
    struct hf_protection_row row;

    json_key(o, "protections");
    json_open(o, '[');
    for (hf_reader list = hf_reader_of(rows); hf_protection_row_next(&list, &row);) {
        json_open(o, '{');
        json_key(o, "process");
        json_text(o, row.process);
        json_key(o, "name");
        json_text(o, row.name);
        json_key(o, "state");
        json_word(o, state_word(row.state));
        json_key(o, "why");
        json_text(o, row.why);
        json_close(o, '}');
    }
    json_close(o, ']');
}

hf_err route_capabilities_tell(reply *r)
{
    struct hf_capabilities_info m;

    HF_TRY(hf_capabilities_info_decode(r->body, &m));
    json_open(r->out, '{');
    json_key(r->out, "backing");
    json_text(r->out, m.backing);
    json_key(r->out, "freshness");
    json_text(r->out, m.freshness);
    json_key(r->out, "seal");
    json_text(r->out, m.seal);
    json_key(r->out, "strict");
    json_bool(r->out, m.strict);
    json_key(r->out, "arena_bytes");
    json_uint(r->out, m.arena_bytes);
    json_key(r->out, "arena_used");
    json_uint(r->out, m.arena_used);
    show_protections(r->out, m.protections);
    json_close(r->out, '}');
    return HF_OK;
}
