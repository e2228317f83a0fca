/* encrypt: writes nonce(12) || ciphertext, where the ciphertext begins with "HF1"; cmd_decrypt.c reads it. */
#include "cli/commands.h"
#include "cli/file.h"
#include "cli/payload.h"

static hf_err write_sealed(cli *c, yyjson_doc *doc, const char *path)
{
    HF_AUTO(bytes_free) bytes nonce = { 0 };
    HF_AUTO(bytes_free) bytes ciphertext = { 0 };

    HF_TRY(api_get_bytes(c, doc, "nonce_b64", &nonce));
    HF_TRY(api_get_bytes(c, doc, "ciphertext_b64", &ciphertext));
    if (bytes_put(&nonce, bytes_view(&ciphertext), SIZE_MAX) != HF_OK)
        return cli_fail(c, HF_ERR_SYSTEM, "there is no memory for the answer");
    return file_write(c, path, false, bytes_view(&nonce));
}

hf_err cmd_encrypt(cli *c, const args *a)
{
    HF_AUTO(api_new_freep) yyjson_mut_doc *body = NULL;
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;
    const char *out = args_value(a, "out");

    HF_TRY(api_new(c, &body));
    HF_TRY(payload_add(c, body, "plaintext_b64", args_value(a, "in"), PAYLOAD_MAX_BYTES));
    if (args_has(a, "aad"))
        HF_TRY(payload_add(c, body, "associated_data_b64", args_value(a, "aad"), AAD_MAX_BYTES));
    HF_TRY(api_call_key(c, "POST", a->operands[0], "/encrypt", body, &doc));
    if (!c->json || !file_is_standard(out))
        HF_TRY(write_sealed(c, doc, out));
    payload_tell(c, doc, NULL, NULL);
    return HF_OK;
}
