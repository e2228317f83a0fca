#include "cli/commands.h"
#include "cli/payload.h"

hf_err cmd_sign(cli *c, const args *a)
{
    HF_AUTO(api_new_freep) yyjson_mut_doc *body = NULL;
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;

    HF_TRY(api_new(c, &body));
    HF_TRY(payload_add_signed(c, body, a));
    HF_TRY(api_call_key(c, "POST", a->operands[0], "/sign", body, &doc));
    HF_TRY(payload_write(c, doc, "signature_b64", args_value(a, "out"), false));
    payload_tell(c, doc, NULL, NULL);
    return HF_OK;
}
