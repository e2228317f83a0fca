/*
 * seal, and unseal. Where the seal needs a passphrase, a program beside this one asks for it and seals it to the HSM's
 * key: here it is never more than ciphertext. Where it opens alone, the server is only told to ask it.
 */
#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/out.h"
#include "cli/run.h"

#define PUBLIC_BYTES 32
#define ENC_BYTES 32

static hf_err post(cli *c, const char *where, const char *done)
{
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;
    api_path path;

    api_path_start(&path, where);
    HF_TRY(api_call(c, "POST", &path, NULL, &doc));
    if (c->json)
        out_object(c, yyjson_doc_get_root(doc), NULL);
    out_line(c, "%s", done);
    return HF_OK;
}

hf_err cmd_seal(cli *c, const args *a)
{
    (void)a;
    return post(c, "/api/v1/seal", "sealed");
}

/* ---- unseal ---- */

static hf_err key_get(cli *c, yyjson_doc **ret)
{
    HF_AUTO(http_answer_free) http_answer answer = { 0 };
    api_path path;

    api_path_start(&path, "/api/v1/unseal-key");
    HF_TRY(api_send(c, "GET", &path, hf_view_of(NULL, 0), API_TOKEN_NONE, &answer));
    return api_read(c, &answer, ret);
}

/* What hpke-seal prints: enc, then the ciphertext. */
static hf_err passphrase_seal(cli *c, const args *a, const bytes *public, bytes *ret)
{
    char hex[2 * PUBLIC_BYTES + 1];
    const char *file = args_value(a, "passphrase-file"), *fingerprint = args_value(a, "fingerprint");
    const char *argv[8] = { "hpke-seal", "--public", hex };
    size_t n = 3;
    int code;

    if (public->len != PUBLIC_BYTES)
        return cli_fail(c, HF_ERR_INTERNAL, "the server's unseal key has another length; is it of another version?");
    hf_hex_encode(bytes_view(public), hex);
    if (fingerprint != NULL) {
        argv[n++] = "--fingerprint";
        argv[n++] = fingerprint;
    }
    if (file != NULL) {
        argv[n++] = "--passphrase-file";
        argv[n++] = file;
    }
    /* The strings are only read: execve's prototype is older than const. */
    HF_TRY(run_capture(c, (char *const *)(uintptr_t)argv, ret, &code));
    if (code != 0)
        return run_failed(c, "hpke-seal", code);
    if (ret->len <= ENC_BYTES)
        return cli_fail(c, HF_ERR_INTERNAL, "hpke-seal printed nothing; is Holdfast installed completely?");
    return HF_OK;
}

static hf_err send_sealed(cli *c, const bytes *sealed)
{
    HF_AUTO(http_answer_free) http_answer answer = { 0 };
    HF_AUTO(api_new_freep) yyjson_mut_doc *body = NULL;
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;
    api_path path;
    size_t len = 0;

    HF_TRY(api_new(c, &body));
    api_add_bytes(body, "enc_b64", hf_view_of(sealed->ptr, ENC_BYTES));
    api_add_bytes(body, "sealed_b64", hf_view_of(sealed->ptr + ENC_BYTES, sealed->len - ENC_BYTES));
    char *text = yyjson_mut_write_opts(body, 0, &wiped_pool, &len, NULL);
    if (text == NULL)
        return cli_fail(c, HF_ERR_SYSTEM, "there is no memory for the request");
    api_path_start(&path, "/api/v1/unseal");
    hf_err e = api_send(c, "POST", &path, hf_view_of(text, len), API_TOKEN_NONE, &answer);
    wiped_free(text);
    HF_TRY(e);
    HF_TRY(api_read(c, &answer, &doc));
    if (c->json)
        out_object(c, yyjson_doc_get_root(doc), NULL);
    out_line(c, "open");
    return HF_OK;
}

hf_err cmd_unseal(cli *c, const args *a)
{
    HF_AUTO(api_doc_freep) yyjson_doc *key = NULL;
    HF_AUTO(bytes_free) bytes public = { 0 };
    HF_AUTO(bytes_free) bytes sealed = { 0 };

    HF_TRY(key_get(c, &key));
    if (yyjson_obj_get(yyjson_doc_get_root(key), "public_b64") == NULL)
        return post(c, "/api/v1/unseal", "unsealing; 'holdfast status' says when it is open");
    HF_TRY(api_get_bytes(c, key, "public_b64", &public));
    HF_TRY(passphrase_seal(c, a, &public, &sealed));
    return send_sealed(c, &sealed);
}
