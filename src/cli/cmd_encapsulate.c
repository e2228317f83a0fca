#include "cli/commands.h"
#include "cli/file.h"
#include "cli/payload.h"

hf_err cmd_encapsulate(cli *c, const args *a)
{
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;
    const char *out = args_value(a, "out"), *secret_out = args_value(a, "secret-out");

    if (!c->json && secret_out == NULL)
        return cli_fail(c, HF_ERR_INVALID, "say with --secret-out F where the shared secret goes");
    if (!c->json && file_is_standard(out) && file_is_standard(secret_out))
        return cli_fail(c, HF_ERR_INVALID,
                        "ciphertext and shared secret cannot both go to standard output; use --out F");
    HF_TRY(api_call_key(c, "POST", a->operands[0], "/encapsulate", NULL, &doc));
    HF_TRY(payload_write(c, doc, "ciphertext_b64", out, false));
    HF_TRY(payload_write(c, doc, "shared_secret_b64", secret_out, true));
    payload_tell(c, doc, "shared_secret_b64", secret_out);
    return HF_OK;
}
