#include "cli/commands.h"
#include "cli/out.h"
#include "cli/payload.h"

/* Without --version only the active version was tried, and a signature does not say its own. */
static hf_err not_valid(cli *c, yyjson_val *answer, bool asked)
{
    unsigned long long version = yyjson_get_uint(yyjson_obj_get(answer, "version"));

    if (version == 0)
        return cli_fail(c, HF_ERR_BAD_SIGNATURE, "the signature is not valid");
    if (version == 1 || asked)
        return cli_fail(c, HF_ERR_BAD_SIGNATURE, "the signature is not valid under version %llu", version);
    return cli_fail(c, HF_ERR_BAD_SIGNATURE,
                    "the signature is not valid under version %llu; signatures made before the last rotation need "
                    "--version %llu%s",
                    version, version - 1, version > 2 ? " or an older one" : "");
}

hf_err cmd_verify(cli *c, const args *a)
{
    HF_AUTO(api_new_freep) yyjson_mut_doc *body = NULL;
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;
    uint64_t version = 0;

    HF_TRY(args_number(c, a, "version", 1, UINT32_MAX, &version));
    HF_TRY(api_new(c, &body));
    HF_TRY(payload_add(c, body, "signature_b64", args_value(a, "signature"), SIGNATURE_MAX_BYTES));
    HF_TRY(payload_add_signed(c, body, a));
    if (version > 0)
        api_add_number(body, "version", version);
    HF_TRY(api_call_key(c, "POST", a->operands[0], "/verify", body, &doc));
    payload_tell(c, doc, NULL, NULL);
    /* Only a true that is there counts. */
    if (!yyjson_is_true(yyjson_obj_get(yyjson_doc_get_root(doc), "valid")))
        return not_valid(c, yyjson_doc_get_root(doc), version > 0);
    out_line(c, "the signature is valid");
    return HF_OK;
}
