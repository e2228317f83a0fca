#include "cli/api.h"
#include "cli/commands.h"
#include "cli/out.h"

hf_err cmd_capabilities(cli *c, const args *a)
{
    static const out_column columns[] = {
        { "PROCESS", "process" }, { "PROTECTION", "name" }, { "STATE", "state" }, { "WHY", "why" }
    };
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;
    api_path path;

    (void)a;
    api_path_start(&path, "/api/v1/capabilities");
    HF_TRY(api_call(c, "GET", &path, NULL, &doc));
    yyjson_val *root = yyjson_doc_get_root(doc);
    out_object(c, root, "protections");
    if (c->json)
        return HF_OK;
    putchar('\n');
    out_table(yyjson_obj_get(root, "protections"), columns, HF_COUNT(columns));
    return HF_OK;
}
