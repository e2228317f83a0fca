/* file protect, verify, read, write, unprotect: done by a program beside this one, which has the key for a moment. */
#include "cli/commands.h"
#include "cli/run.h"

#include <stdio.h>

#define PROGRAM "file-tool"
#define WORDS_MAX 64

/* --output stands before the user's words, which may end options with "--". */
static hf_err make_argv(cli *c, const char *verb, char *const *words, char *argv[static WORDS_MAX + 5])
{
    const char *const first[] = { PROGRAM, verb, "--output", "json" };
    size_t n = 0;

    /* The strings are only read: execve's prototype is older than const. */
    for (; n < (c->json ? 4 : 2); n++)
        argv[n] = (char *)(uintptr_t)first[n];
    for (size_t i = 0; words[i] != NULL; i++) {
        if (i == WORDS_MAX)
            return cli_fail(c, HF_ERR_INVALID, "there are more than %d arguments", WORDS_MAX);
        argv[n++] = words[i];
    }
    argv[n] = NULL;
    return HF_OK;
}

static hf_err run(cli *c, const char *verb, char *const *words)
{
    char *argv[WORDS_MAX + 5];
    HF_AUTO(bytes_free) bytes printed = { 0 };

    HF_TRY(make_argv(c, verb, words, argv));
    if (!c->json)
        return run_instead(c, argv);
    HF_TRY(run_capture(c, argv, &printed, &c->program_exit));
    if (printed.len == 0)
        return run_failed(c, "the program", c->program_exit);
    c->told = true;
    (void)fwrite(printed.ptr, 1, printed.len, stdout);
    return HF_OK;
}

hf_err cmd_file_protect(cli *c, char *const *words)
{
    return run(c, "protect", words);
}

hf_err cmd_file_verify(cli *c, char *const *words)
{
    return run(c, "verify", words);
}

hf_err cmd_file_read(cli *c, char *const *words)
{
    return run(c, "read", words);
}

hf_err cmd_file_write(cli *c, char *const *words)
{
    return run(c, "write", words);
}

hf_err cmd_file_unprotect(cli *c, char *const *words)
{
    return run(c, "unprotect", words);
}
