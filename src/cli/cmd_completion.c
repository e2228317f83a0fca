#include "cli/completion.h"
#include "cli/out.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *shell;
    void (*write)(FILE *f);
} shells[] = {
    { "bash", completion_bash },
    { "zsh", completion_zsh },
    { "fish", completion_fish },
};

/* With --output json the script is a member of the document. */
static hf_err print(cli *c, void (*write)(FILE *f))
{
    char *text = NULL;
    size_t len = 0;

    if (!c->json) {
        write(stdout);
        return HF_OK;
    }
    FILE *f = open_memstream(&text, &len);
    if (f == NULL)
        return cli_fail(c, HF_ERR_SYSTEM, "there is no memory for the script");
    write(f);
    (void)fclose(f);
    hf_err e = out_member(c, "script", hf_view_of(text, len));
    free(text);
    return e;
}

hf_err cmd_completion(cli *c, const args *a)
{
    for (size_t i = 0; i < HF_COUNT(shells); i++)
        if (strcmp(shells[i].shell, a->operands[0]) == 0)
            return print(c, shells[i].write);
    return cli_fail(c, HF_ERR_INVALID, "there is no completion for '%s'; bash, zsh and fish have one", a->operands[0]);
}
