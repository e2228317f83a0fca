/* seal, and unseal: the server asks its seal for the root key itself; no secret passes through here. */
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/out.h"

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

hf_err cmd_unseal(cli *c, const args *a)
{
    (void)a;
    return post(c, "/api/v1/unseal", "unsealing; 'holdfast status' says when it is open");
}
