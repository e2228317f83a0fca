#include "cli/commands.h"
#include "cli/payload.h"

#define CIPHERTEXT_MAX_BYTES 2048u

hf_err cmd_decapsulate(cli *c, const args *a)
{
    HF_AUTO(api_new_freep) yyjson_mut_doc *body = NULL;
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;
    const char *out = args_value(a, "out");
    uint64_t version = 0;

    HF_TRY(args_number(c, a, "version", 1, UINT32_MAX, &version));
    HF_TRY(api_new(c, &body));
    HF_TRY(payload_add(c, body, "ciphertext_b64", args_value(a, "in"), CIPHERTEXT_MAX_BYTES));
    if (version > 0)
        api_add_number(body, "version", version);
    HF_TRY(api_call_key(c, "POST", a->operands[0], "/decapsulate", body, &doc));
    HF_TRY(payload_write(c, doc, "shared_secret_b64", out, true));
    payload_tell(c, doc, "shared_secret_b64", out);
    return HF_OK;
}
