#include "cli/confirm.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

hf_err confirm_key(cli *c, const args *a, const char *consequence, const char *verb, const char *done)
{
    const char *key = a->operands[0];
    char answer[80];

    if (args_has(a, "yes") || isatty(STDIN_FILENO) != 1)
        return HF_OK;
    fprintf(stderr, "holdfast: '%s' %s. Type its name to %s it: ", key, consequence, verb);
    if (fgets(answer, sizeof(answer), stdin) == NULL)
        answer[0] = '\0';
    answer[strcspn(answer, "\n")] = '\0';
    if (strcmp(answer, key) != 0)
        return cli_fail(c, HF_ERR_INVALID, "not %s", done);
    return HF_OK;
}
