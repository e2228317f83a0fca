/* GET /api/v1/audit/tree-head: the newest signed segment head, and the key that signed it */
#include "gateway/routes.h"

hf_err route_audit_head_ask(call *c, hf_writer *w)
{
    struct hf_audit_head m = { .head = c->head };

    HF_TRY(field_only(c, NULL, 0));
    return hf_audit_head_encode(&m, w);
}

hf_err route_audit_head_tell(reply *r)
{
    struct hf_tree_head m;

    HF_TRY(hf_tree_head_decode(r->body, &m));
    json_open(r->out, '{');
    json_key(r->out, "segment_head_b64");
    json_b64(r->out, m.segment_head);
    json_key(r->out, "public_key_pem");
    HF_TRY(show_pem(r->out, m.spki));
    json_close(r->out, '}');
    return HF_OK;
}
