#include "cli/payload.h"

#include "cli/file.h"
#include "cli/out.h"

/* Read before the server is asked: the key's algorithm is not known here. */
#define TOO_LARGE_HINT \
    "of EC and RSA keys give its digest, with --prehashed; Ed25519 and HMAC keys take none: sign a file that holds the " \
    "digest as the message, or use an ec-p256 key"

hf_err payload_add(cli *c, yyjson_mut_doc *body, const char *name, const char *path, size_t max)
{
    HF_AUTO(bytes_free) bytes content = { 0 };

    HF_TRY(file_read(c, path, max, &content));
    api_add_bytes(body, name, bytes_view(&content));
    return HF_OK;
}

hf_err payload_add_signed(cli *c, yyjson_mut_doc *body, const args *a)
{
    bool digest = args_has(a, "prehashed");
    const char *name = digest ? "digest_b64" : "payload_b64";
    const char *hint = digest ? "--prehashed takes the digest itself" : TOO_LARGE_HINT;
    HF_AUTO(bytes_free) bytes content = { 0 };

    HF_TRY(file_read_hint(c, args_value(a, "in"), PAYLOAD_MAX_BYTES, hint, &content));
    api_add_bytes(body, name, bytes_view(&content));
    api_add_text(body, "scheme", args_value(a, "scheme"));
    api_add_text(body, "hash", args_value(a, "hash"));
    if (args_has(a, "context"))
        HF_TRY(payload_add(c, body, "context_b64", args_value(a, "context"), CONTEXT_MAX_BYTES));
    return HF_OK;
}

hf_err payload_write(cli *c, yyjson_doc *doc, const char *name, const char *path, bool secret)
{
    HF_AUTO(bytes_free) bytes content = { 0 };

    if (c->json && file_is_standard(path))
        return HF_OK;
    HF_TRY(api_get_bytes(c, doc, name, &content));
    return file_write(c, path, secret, bytes_view(&content));
}

void payload_tell(cli *c, yyjson_doc *doc, const char *secret, const char *secret_path)
{
    HF_AUTO(api_new_freep) yyjson_mut_doc *shown = NULL;

    if (!c->json)
        return;
    shown = yyjson_doc_mut_copy(doc, &wiped_pool);
    if (secret != NULL && !file_is_standard(secret_path))
        (void)yyjson_mut_obj_remove_key(yyjson_mut_doc_get_root(shown), secret);
    out_new_document(shown);
    c->told = true;
}
