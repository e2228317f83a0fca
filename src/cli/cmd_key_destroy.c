/* key destroy: asks first where somebody can answer. */
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/out.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The key's name must be typed: a habit of pressing y destroys nothing. */
static hf_err ask(cli *c, const char *key)
{
    char answer[80];

    fprintf(stderr,
            "holdfast: '%s' and everything that only it can open will be lost. Type its name to destroy it: ", key);
    if (fgets(answer, sizeof(answer), stdin) == NULL)
        answer[0] = '\0';
    answer[strcspn(answer, "\n")] = '\0';
    if (strcmp(answer, key) != 0)
        return cli_fail(c, HF_ERR_INVALID, "not destroyed");
    return HF_OK;
}

hf_err cmd_key_destroy(cli *c, const args *a)
{
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;

    if (!args_has(a, "yes") && isatty(STDIN_FILENO) == 1)
        HF_TRY(ask(c, a->operands[0]));
    HF_TRY(api_call_key(c, "DELETE", a->operands[0], "", NULL, &doc));
    out_object(c, yyjson_doc_get_root(doc), NULL);
    return HF_OK;
}
