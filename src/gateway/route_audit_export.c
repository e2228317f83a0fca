/* GET /api/v1/audit/export?after: signed segments, which anyone with the public key can verify offline. */
#include "gateway/routes.h"

hf_err route_audit_export_ask(call *c, hf_writer *w)
{
    query_field q[] = { { .name = "after" } };
    struct hf_audit_export m = { .head = c->head };

    HF_TRY(query_read(c, q, HF_COUNT(q)));
    HF_TRY(query_uint(c, &q[0], 0, JSON_INT_MAX, 0, &m.after));
    return hf_audit_export_encode(&m, w);
}

hf_err route_audit_export_tell(reply *r)
{
    struct hf_segments m;
    struct hf_store_row row;

    HF_TRY(hf_segments_decode(r->body, &m));
    json_open(r->out, '{');
    json_key(r->out, "segments_b64");
    json_open(r->out, '[');
    for (hf_reader list = hf_reader_of(m.rows); hf_store_row_next(&list, &row);)
        json_b64(r->out, row.blob);
    json_close(r->out, ']');
    json_key(r->out, "last");
    json_uint(r->out, m.last);
    json_key(r->out, "has_more");
    json_bool(r->out, m.more);
    json_close(r->out, '}');
    return HF_OK;
}
