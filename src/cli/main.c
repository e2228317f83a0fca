/*
 * holdfast: the command line of the HSM. It holds no key and no cryptography: it speaks to the server, and runs the
 * programs that sign tokens, make data folders and verify audits.
 */
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/http_client.h"
#include "cli/settings.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* What a command was asked to do: words[0] is the first one behind its name. */
typedef struct chosen {
    const command *command;
    char *const *words;
} chosen;

/* HF_OK with ret->command NULL: help was asked for and printed. */
static hf_err choose(cli *c, char *const *words, chosen *ret)
{
    const char *noun = words[0], *verb = words[1];

    *ret = (chosen) { .command = commands_find(noun, NULL), .words = words + 1 };
    if (ret->command != NULL)
        return HF_OK;
    if (!commands_has_noun(noun))
        return cli_fail(c, HF_ERR_INVALID, "there is no command '%s'; see 'holdfast --help'", noun);
    if (verb != NULL && strcmp(verb, "--help") == 0) {
        help_noun(stdout, noun);
        return HF_OK;
    }
    if (verb == NULL || verb[0] == '-')
        return cli_fail(c, HF_ERR_INVALID, "'%s' needs one more word; see 'holdfast %s --help'", noun, noun);
    *ret = (chosen) { .command = commands_find(noun, verb), .words = words + 2 };
    if (ret->command == NULL)
        return cli_fail(c, HF_ERR_INVALID, "there is no command '%s %s'; see 'holdfast %s --help'", noun, verb, noun);
    return HF_OK;
}

static hf_err check_operands(cli *c, const command *k, const args *a)
{
    size_t wanted = k->operand != NULL ? 1 : 0;

    if (a->n_operands < wanted)
        return cli_fail(c, HF_ERR_INVALID, "'%s' needs %s; see --help", k->verb != NULL ? k->verb : k->noun,
                        k->operand);
    if (a->n_operands > wanted)
        return cli_fail(c, HF_ERR_INVALID, "unexpected argument '%s'; see --help", a->operands[wanted]);
    return HF_OK;
}

static hf_err run(cli *c, const chosen *k, args *a)
{
    size_t used;

    a->own = k->command->options;
    if (k->command->pass != NULL) {
        HF_TRY(settings_take(c, a));
        return k->command->pass(c, k->words);
    }
    hf_err e = args_read(c, a, k->words, false, &used);
    if (a->help) {
        help_command(stdout, k->command);
        return HF_OK;
    }
    HF_TRY(e);
    HF_TRY(settings_take(c, a));
    HF_TRY(check_operands(c, k->command, a));
    HF_TRY(args_check(c, a));
    return k->command->run(c, a);
}

static hf_err start(cli *c, char *const *words)
{
    static args a;
    chosen k = { 0 };
    size_t used;

    if (words[0] != NULL && strcmp(words[0], "--version") == 0)
        return cmd_version(c, &a);
    a.shared = global_options;
    HF_TRY(args_read(c, &a, words, true, &used));
    if (a.help) {
        help_all(stdout);
        return HF_OK;
    }
    if (words[used] == NULL) {
        help_all(stderr);
        return HF_ERR_INVALID;
    }
    HF_TRY(settings_take_output(c, &a));
    HF_TRY(choose(c, words + used, &k));
    return k.command == NULL ? HF_OK : run(c, &k, &a);
}

int main(int argc, char **argv)
{
    const struct rlimit none = { 0, 0 };
    cli c = { 0 };

    /* Tokens and plaintexts do not belong in a core file. */
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)signal(SIGPIPE, SIG_IGN);
    hf_err e = start(&c, argc > 0 ? argv + 1 : argv);
    http_close(&c);
    if (fflush(stdout) != 0 || ferror(stdout) != 0)
        e = e != HF_OK ? e : cli_fail(&c, HF_ERR_SYSTEM, "standard output cannot be written");
    return e != HF_OK ? cli_exit_code(e) : c.program_exit;
}
