#include "cli/sealed.h"

#include "cli/file.h"

#define NONCE_BYTES 12
#define OVERHEAD_BYTES 24 /* "HF1", algorithm, version; tag */

hf_err sealed_add(cli *c, yyjson_mut_doc *body, const char *path)
{
    HF_AUTO(bytes_free) bytes sealed = { 0 };

    HF_TRY(file_read(c, path, NONCE_BYTES + OVERHEAD_BYTES + PAYLOAD_MAX_BYTES, &sealed));
    if (sealed.len < NONCE_BYTES + OVERHEAD_BYTES)
        return cli_fail(c, HF_ERR_BAD_CIPHERTEXT, "the input is too short to be what 'holdfast encrypt' writes");
    api_add_bytes(body, "nonce_b64", hf_view_of(sealed.ptr, NONCE_BYTES));
    api_add_bytes(body, "ciphertext_b64", hf_view_of(sealed.ptr + NONCE_BYTES, sealed.len - NONCE_BYTES));
    return HF_OK;
}

hf_err sealed_add_aad(cli *c, yyjson_mut_doc *body, const args *a)
{
    if (!args_has(a, "aad"))
        return HF_OK;
    return payload_add(c, body, "associated_data_b64", args_value(a, "aad"), AAD_MAX_BYTES);
}

hf_err sealed_write(cli *c, yyjson_doc *doc, const char *path)
{
    HF_AUTO(bytes_free) bytes nonce = { 0 };
    HF_AUTO(bytes_free) bytes ciphertext = { 0 };

    if (c->json && file_is_standard(path))
        return HF_OK;
    HF_TRY(api_get_bytes(c, doc, "nonce_b64", &nonce));
    HF_TRY(api_get_bytes(c, doc, "ciphertext_b64", &ciphertext));
    if (bytes_put(&nonce, bytes_view(&ciphertext), SIZE_MAX) != HF_OK)
        return cli_fail(c, HF_ERR_SYSTEM, "there is no memory for the answer");
    return file_write(c, path, false, bytes_view(&nonce));
}
