#include "cli/api.h"
#include "cli/commands.h"
#include "cli/out.h"

hf_err cmd_root_rotate_epoch(cli *c, const args *a)
{
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;
    api_path path;

    (void)a;
    api_path_start(&path, "/api/v1/root/rotate-epoch");
    HF_TRY(api_call(c, "POST", &path, NULL, &doc));
    out_object(c, yyjson_doc_get_root(doc), NULL);
    return HF_OK;
}
