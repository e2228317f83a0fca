/* decrypt: reads what cmd_encrypt.c writes, nonce(12) || ciphertext. */
#include "cli/commands.h"
#include "cli/file.h"
#include "cli/payload.h"

#define NONCE_BYTES 12
#define OVERHEAD_BYTES 24 /* "HF1", algorithm, version; tag */

static hf_err add_sealed(cli *c, yyjson_mut_doc *body, const char *path)
{
    HF_AUTO(bytes_free) bytes sealed = { 0 };

    HF_TRY(file_read(c, path, NONCE_BYTES + OVERHEAD_BYTES + PAYLOAD_MAX_BYTES, &sealed));
    if (sealed.len < NONCE_BYTES + OVERHEAD_BYTES)
        return cli_fail(c, HF_ERR_BAD_CIPHERTEXT, "the input is too short to be what 'holdfast encrypt' writes");
    api_add_bytes(body, "nonce_b64", hf_view_of(sealed.ptr, NONCE_BYTES));
    api_add_bytes(body, "ciphertext_b64", hf_view_of(sealed.ptr + NONCE_BYTES, sealed.len - NONCE_BYTES));
    return HF_OK;
}

hf_err cmd_decrypt(cli *c, const args *a)
{
    HF_AUTO(api_new_freep) yyjson_mut_doc *body = NULL;
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;
    const char *out = args_value(a, "out");

    HF_TRY(api_new(c, &body));
    HF_TRY(add_sealed(c, body, args_value(a, "in")));
    if (args_has(a, "aad"))
        HF_TRY(payload_add(c, body, "associated_data_b64", args_value(a, "aad"), AAD_MAX_BYTES));
    HF_TRY(api_call_key(c, "POST", a->operands[0], "/decrypt", body, &doc));
    HF_TRY(payload_write(c, doc, "plaintext_b64", out, true));
    payload_tell(c, doc, "plaintext_b64", out);
    return HF_OK;
}
