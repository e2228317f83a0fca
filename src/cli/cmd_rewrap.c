#include "cli/commands.h"
#include "cli/sealed.h"

hf_err cmd_rewrap(cli *c, const args *a)
{
    HF_AUTO(api_new_freep) yyjson_mut_doc *body = NULL;
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;

    HF_TRY(api_new(c, &body));
    HF_TRY(sealed_add(c, body, args_value(a, "in")));
    HF_TRY(sealed_add_aad(c, body, a));
    HF_TRY(api_call_key(c, "POST", a->operands[0], "/rewrap", body, &doc));
    HF_TRY(sealed_write(c, doc, args_value(a, "out")));
    payload_tell(c, doc, NULL, NULL);
    return HF_OK;
}
