/* key set: what is named changes, the rest stays. */
#include "cli/body.h"
#include "cli/commands.h"
#include "cli/out.h"

hf_err cmd_key_set(cli *c, const args *a)
{
    HF_AUTO(api_new_freep) yyjson_mut_doc *body = NULL;
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;

    if (args_has(a, "tag") && args_has(a, "no-tags"))
        return cli_fail(c, HF_ERR_INVALID, "--tag and --no-tags exclude each other");
    HF_TRY(api_new(c, &body));
    api_add_text(body, "description", args_value(a, "description"));
    if (args_has(a, "tag") || args_has(a, "no-tags"))
        body_add_tags(body, a);
    HF_TRY(body_add_attributes(c, body, a));
    if (yyjson_mut_obj_size(yyjson_mut_doc_get_root(body)) == 0)
        return cli_fail(c, HF_ERR_INVALID,
                        "say what to change: --description, --tag, --no-tags, --attribute or --remove-attribute");
    HF_TRY(api_call_key(c, "PATCH", a->operands[0], "", body, &doc));
    out_object(c, yyjson_doc_get_root(doc), NULL);
    return HF_OK;
}
