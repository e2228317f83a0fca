/* key destroy: asks first where somebody can answer. */
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/confirm.h"
#include "cli/out.h"

hf_err cmd_key_destroy(cli *c, const args *a)
{
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;

    HF_TRY(confirm_key(c, a, "and everything that only it can open will be lost", "destroy", "destroyed"));
    HF_TRY(api_call_key(c, "DELETE", a->operands[0], "", NULL, &doc));
    out_object(c, yyjson_doc_get_root(doc), NULL);
    return HF_OK;
}
