#include "cli/commands.h"
#include "cli/payload.h"

hf_err cmd_mac(cli *c, const args *a)
{
    HF_AUTO(api_new_freep) yyjson_mut_doc *body = NULL;
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;

    HF_TRY(api_new(c, &body));
    HF_TRY(payload_add(c, body, "payload_b64", args_value(a, "in"), PAYLOAD_MAX_BYTES));
    HF_TRY(api_call_key(c, "POST", a->operands[0], "/mac", body, &doc));
    HF_TRY(payload_write(c, doc, "mac_b64", args_value(a, "out"), false));
    payload_tell(c, doc, NULL, NULL);
    return HF_OK;
}
