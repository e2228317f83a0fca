/* key public: the key itself, not JSON round it. */
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/file.h"
#include "cli/out.h"

#include <string.h>

static void add_pem(yyjson_mut_doc *doc, hf_view pem)
{
    (void)yyjson_mut_obj_add_strncpy(doc, yyjson_mut_doc_get_root(doc), "public_key_pem", (const char *)pem.ptr,
                                     pem.len);
}

static hf_err add_jwk(cli *c, yyjson_mut_doc *doc, const http_answer *answer)
{
    HF_AUTO(api_doc_freep) yyjson_doc *jwk = NULL;

    HF_TRY(api_read(c, answer, &jwk));
    (void)yyjson_mut_obj_add_val(doc, yyjson_mut_doc_get_root(doc), "public_key_jwk",
                                 yyjson_val_mut_copy(doc, yyjson_doc_get_root(jwk)));
    return HF_OK;
}

static hf_err print_document(cli *c, const char *format, const http_answer *answer)
{
    HF_AUTO(api_new_freep) yyjson_mut_doc *doc = NULL;
    hf_view key = bytes_view(&answer->body);

    HF_TRY(api_new(c, &doc));
    if (strcmp(format, "der") == 0)
        api_add_bytes(doc, "public_key_der_b64", key);
    else if (strcmp(format, "jwk") == 0)
        HF_TRY(add_jwk(c, doc, answer));
    else
        add_pem(doc, key);
    api_add_number(doc, "version", answer->key_version);
    out_new_document(doc);
    return HF_OK;
}

hf_err cmd_key_public(cli *c, const args *a)
{
    const char *format = args_has(a, "format") ? args_value(a, "format") : "pem", *out = args_value(a, "out");
    HF_AUTO(http_answer_free) http_answer answer = { 0 };
    uint64_t version = 0;
    api_path path;

    HF_TRY(args_number(c, a, "version", 1, UINT32_MAX, &version));
    HF_TRY(api_path_key(c, &path, a->operands[0], "/public"));
    api_path_query(&path, "format", format);
    if (version > 0)
        api_path_number(&path, "version", version);
    HF_TRY(api_send(c, "GET", &path, hf_view_of(NULL, 0), API_TOKEN_NEEDED, &answer));
    if (!c->json || !file_is_standard(out))
        HF_TRY(file_write(c, out, false, bytes_view(&answer.body)));
    return c->json ? print_document(c, format, &answer) : HF_OK;
}
