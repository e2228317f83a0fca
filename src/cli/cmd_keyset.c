/* keyset show and apply: the same JSON in both directions, so that it can be shown, edited and applied. */
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/file.h"
#include "cli/out.h"

#define KEYSET_MAX_BYTES (1u << 20)

hf_err cmd_keyset_show(cli *c, const args *a)
{
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;
    api_path path;

    (void)a;
    api_path_start(&path, "/api/v1/keyset");
    HF_TRY(api_call(c, "GET", &path, NULL, &doc));
    out_document(yyjson_doc_get_root(doc));
    return HF_OK;
}

/* The file is sent as it is: the server reads it more strictly than we would. */
hf_err cmd_keyset_apply(cli *c, const args *a)
{
    HF_AUTO(bytes_free) bytes file = { 0 };
    HF_AUTO(http_answer_free) http_answer answer = { 0 };
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;
    api_path path;

    HF_TRY(file_read_json(c, a->operands[0], KEYSET_MAX_BYTES, "'holdfast keyset show' shows the form of a keyset",
                          &file));
    api_path_start(&path, "/api/v1/keyset");
    HF_TRY(api_send(c, "PUT", &path, bytes_view(&file), API_TOKEN_NEEDED, &answer));
    HF_TRY(api_read(c, &answer, &doc));
    out_object(c, yyjson_doc_get_root(doc), NULL);
    return HF_OK;
}
