/* GET /api/v1/keys/:id/versions */
#include "gateway/routes.h"

hf_err route_key_versions_ask(call *c, hf_writer *w)
{
    struct hf_key_versions m = { .head = c->head, .key = c->id };

    HF_TRY(field_only(c, NULL, 0));
    return hf_key_versions_encode(&m, w);
}

hf_err route_key_versions_tell(reply *r)
{
    struct hf_versions m;
    struct hf_version_info v;

    HF_TRY(hf_versions_decode(r->body, &m));
    json_open(r->out, '{');
    json_key(r->out, "items");
    json_open(r->out, '[');
    for (hf_reader list = hf_reader_of(m.items); hf_version_info_next(&list, &v);) {
        json_open(r->out, '{');
        json_key(r->out, "version");
        json_uint(r->out, v.version);
        json_key(r->out, "state");
        json_word(r->out, hf_key_state_name((hf_key_state)v.state));
        json_key(r->out, "created_at");
        json_time(r->out, v.created_ns);
        show_destruction(r->out, v.destruction);
        json_close(r->out, '}');
    }
    json_close(r->out, ']');
    json_close(r->out, '}');
    return HF_OK;
}
