#include "cli/api.h"
#include "cli/commands.h"
#include "cli/out.h"

hf_err cmd_version(cli *c, const args *a)
{
    HF_AUTO(api_new_freep) yyjson_mut_doc *doc = NULL;

    (void)a;
    out_line(c, "holdfast " HOLDFAST_VERSION);
    if (!c->json)
        return HF_OK;
    HF_TRY(api_new(c, &doc));
    api_add_text(doc, "version", HOLDFAST_VERSION);
    out_new_document(doc);
    return HF_OK;
}
