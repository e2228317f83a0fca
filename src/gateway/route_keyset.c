/* GET and PUT /api/v1/keyset, in the form of keysetfmt/keysetfmt.h */
#include "gateway/routes.h"

#include "keysetfmt/keysetfmt.h"

hf_err route_keyset_show_ask(call *c, hf_writer *w)
{
    struct hf_keyset_show m = { .head = c->head };

    return hf_keyset_show_encode(&m, w);
}

hf_err route_keyset_show_tell(reply *r)
{
    struct hf_keyset_info m;

    HF_TRY(hf_keyset_info_decode(r->body, &m));
    struct hf_keyset_head head = { .generation = m.generation };
    hf_writer json = hf_writer_on(r->lane->scratch, HF_KEYSET_JSON_MAX_BYTES);
    HF_TRY(hf_keyset_print(&head, m.rows, &json));
    HF_CHECK(!json.failed, HF_ERR_TOO_LARGE);
    json_raw(r->out, hf_writer_view(&json));
    return HF_OK;
}

/* 400 for what is not JSON, 422 for JSON that is no keyset: the second reading tells which. */
static hf_err refuse_keyset(call *c, const char *why)
{
    yyjson_val *v;
    const char *json_why;

    if (json_read(&c->lane->json, c->http->body, c->http->body_len, &v, &json_why) == HF_ERR_MALFORMED)
        return call_refuse(c, 400, "malformed", "%s", json_why);
    return call_unusable(c, "%s", why);
}

/* The body is still as it was sent: keysetfmt reads it itself, with the same strictness for offline files. */
hf_err route_keyset_apply_ask(call *c, hf_writer *w)
{
    struct hf_keyset_apply m = { .head = c->head };
    struct hf_keyset_head head;
    struct hf_keyset_why why;
    hf_writer rows = hf_writer_on(c->scratch.ptr + c->scratch.len, HF_KEYSET_ROWS_MAX_BYTES);

    if (c->http->body_len > HF_KEYSET_JSON_MAX_BYTES)
        return call_refuse(c, 413, "too_large", "a keyset may have at most %d bytes", HF_KEYSET_JSON_MAX_BYTES);
    if (hf_keyset_parse(hf_view_of(c->http->body, c->http->body_len), &head, &rows, &why) != HF_OK)
        return refuse_keyset(c, why.text);
    c->scratch.len += rows.len;
    m.generation = head.generation;
    m.rows = hf_writer_view(&rows);
    return hf_keyset_apply_encode(&m, w);
}

hf_err route_keyset_apply_tell(reply *r)
{
    return tell_done(r, "generation");
}
