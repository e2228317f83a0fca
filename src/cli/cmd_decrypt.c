#include "cli/commands.h"
#include "cli/sealed.h"

hf_err cmd_decrypt(cli *c, const args *a)
{
    HF_AUTO(api_new_freep) yyjson_mut_doc *body = NULL;
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;
    const char *out = args_value(a, "out");

    HF_TRY(api_new(c, &body));
    HF_TRY(sealed_add(c, body, args_value(a, "in")));
    HF_TRY(sealed_add_aad(c, body, a));
    HF_TRY(api_call_key(c, "POST", a->operands[0], "/decrypt", body, &doc));
    HF_TRY(payload_write(c, doc, "plaintext_b64", out, true));
    payload_tell(c, doc, "plaintext_b64", out);
    return HF_OK;
}
