/* status: of the process that answers, without a token. Exit code 7 when core cannot answer. */
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/out.h"

hf_err cmd_status(cli *c, const args *a)
{
    HF_AUTO(http_answer_free) http_answer answer = { 0 };
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;
    api_path path;

    (void)a;
    api_path_start(&path, "/api/v1/status");
    HF_TRY(api_send(c, "GET", &path, hf_view_of(NULL, 0), API_TOKEN_NONE, &answer));
    HF_TRY(api_read(c, &answer, &doc));
    out_object(c, yyjson_doc_get_root(doc), NULL);
    return HF_OK;
}
