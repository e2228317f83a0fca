/*
 * holdfast: the command line of the HSM. It holds no key and no cryptography: it speaks to the server, and runs the
 * programs that sign tokens, make data folders and verify audits.
 */
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/http_client.h"
#include "cli/settings.h"
#include "cli/suggest.h"
#include "sys/process.h"
#include "sys/strict.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a command was asked to do: words[0] is the first one behind its name. */
typedef struct chosen {
    const command *command;
    char *const *words;
} chosen;

static hf_err refuse_noun(cli *c, const char *noun)
{
    suggestion s = { .wanted = noun };
    char hint[SUGGEST_CAP];
    const command *k;

    for (size_t i = 0; (k = commands_at(i)) != NULL; i++)
        suggest_look(&s, k->noun);
    suggest_text(&s, "", hint);
    return cli_fail(c, HF_ERR_INVALID, "there is no command '%s'%s%s", noun, hint,
                    s.nearest == NULL ? "; see 'holdfast --help'" : "");
}

static hf_err refuse_verb(cli *c, const char *noun, const char *verb)
{
    suggestion s = { .wanted = verb };
    char hint[SUGGEST_CAP];
    const command *k;

    for (size_t i = 0; (k = commands_at(i)) != NULL; i++)
        if (strcmp(k->noun, noun) == 0 && k->verb != NULL)
            suggest_look(&s, k->verb);
    suggest_text(&s, "", hint);
    if (s.nearest != NULL)
        return cli_fail(c, HF_ERR_INVALID, "there is no command '%s %s'%s", noun, verb, hint);
    return cli_fail(c, HF_ERR_INVALID, "there is no command '%s %s'; see 'holdfast %s --help'", noun, verb, noun);
}

/* HF_OK with ret->command NULL: help was asked for and printed. */
static hf_err choose(cli *c, char *const *words, chosen *ret)
{
    const char *noun = words[0], *verb = words[1];

    *ret = (chosen) { .command = commands_find(noun, NULL), .words = words + 1 };
    if (ret->command != NULL)
        return HF_OK;
    if (!commands_has_noun(noun))
        return refuse_noun(c, noun);
    if (verb != NULL && strcmp(verb, "--help") == 0) {
        help_noun(stdout, noun);
        return HF_OK;
    }
    if (verb == NULL || verb[0] == '-')
        return cli_fail(c, HF_ERR_INVALID, "'%s' needs one more word; see 'holdfast %s --help'", noun, noun);
    *ret = (chosen) { .command = commands_find(noun, verb), .words = words + 2 };
    return ret->command != NULL ? HF_OK : refuse_verb(c, noun, verb);
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

#define PASSED_MAX 64

/* Takes --output out of words for a program, which is ours wherever it stands; *ret_used 0: it is something else. */
static hf_err take_output(cli *c, char *const *word, size_t *ret_used)
{
    static const char name[] = "--output";
    const char *value = NULL;

    *ret_used = 0;
    if (strcmp(*word, name) == 0)
        value = word[1] != NULL ? word[1] : "";
    else if (strncmp(*word, "--output=", sizeof(name)) == 0)
        value = *word + sizeof(name);
    if (value == NULL)
        return HF_OK;
    c->json = strcmp(value, "json") == 0;
    if (!c->json && strcmp(value, "text") != 0)
        return cli_fail(c, HF_ERR_INVALID, "--output must be text or json, not '%s'", value);
    *ret_used = (*word)[sizeof(name) - 1] == '=' ? 1 : 2;
    return HF_OK;
}

static hf_err pass(cli *c, const chosen *k)
{
    char *passed[PASSED_MAX + 1];
    size_t n = 0, used;

    for (char *const *word = k->words; *word != NULL; word += used) {
        if (strcmp(*word, "--help") == 0) {
            help_command(stdout, k->command);
            return HF_OK;
        }
        HF_TRY(take_output(c, word, &used));
        if (used > 0)
            continue;
        if (n == PASSED_MAX)
            return cli_fail(c, HF_ERR_INVALID, "there are more than %d arguments", PASSED_MAX);
        passed[n++] = *word;
        used = 1;
    }
    passed[n] = NULL;
    return k->command->pass(c, passed);
}

static hf_err run(cli *c, const chosen *k, args *a)
{
    size_t used;

    a->own = k->command->options;
    if (k->command->pass != NULL) {
        HF_TRY(settings_take(c, a));
        return pass(c, k);
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

/* --output json behind a word that is refused counts too: the refusal is then told in JSON. */
static bool wants_json(char *const *words)
{
    for (; *words != NULL && strcmp(*words, "--") != 0; words++)
        if (strcmp(*words, "--output=json") == 0 ||
            (strcmp(*words, "--output") == 0 && words[1] != NULL && strcmp(words[1], "json") == 0))
            return true;
    return false;
}

static hf_err start(cli *c, char *const *words)
{
    static args a;
    chosen k = { 0 };
    size_t used;

    if (words[0] != NULL && strcmp(words[0], "--version") == 0)
        return cmd_version(c, &a);
    a.shared = global_options;
    c->json = wants_json(words);
    HF_TRY(args_read(c, &a, words, true, &used));
    if (a.help) {
        help_all(stdout);
        return HF_OK;
    }
    if (words[used] == NULL && c->json)
        return cli_fail(c, HF_ERR_INVALID, "a command is needed; see 'holdfast --help'");
    if (words[used] == NULL) {
        help_all(stderr);
        return HF_ERR_INVALID;
    }
    HF_TRY(choose(c, words + used, &k));
    return k.command == NULL ? HF_OK : run(c, &k, &a);
}

/* What is printed may be a plaintext or a token: its way out lies in locked memory too. */
static void output_lock(void)
{
    char *buffer = wiped_alloc(BUFSIZ);

    if (buffer != NULL)
        (void)setvbuf(stdout, buffer, isatty(STDOUT_FILENO) == 1 ? _IOLBF : _IOFBF, BUFSIZ);
}

static hf_err strict_take(cli *c)
{
    bool strict = false;

    if (hf_strict_wanted(&strict) != HF_OK)
        return cli_fail(c, HF_ERR_INVALID, HF_STRICT_WHY);
    if (!strict)
        return HF_OK;
    hf_err e = wiped_strict();
    return e == HF_OK
               ? e
               : cli_fail(c, e, "HOLDFAST_STRICT=1, and no memory can be locked; raise RLIMIT_MEMLOCK ('ulimit -l')");
}

int main(int argc, char **argv)
{
    cli c = { 0 };

    /* Tokens and plaintexts are no business of a core file, or of other processes of the same user. */
    if (hf_process_close_up() != HF_OK)
        return cli_exit_code(cli_fail(&c, HF_ERR_PROTECTION, "this process cannot be protected from others"));
    (void)signal(SIGPIPE, SIG_IGN);
    hf_err e = strict_take(&c);
    if (e != HF_OK)
        return cli_exit_code(e);
    output_lock();
    e = start(&c, argc > 0 ? argv + 1 : argv);
    http_close(&c);
    bytes_free(&c.token);
    if (fflush(stdout) != 0 || ferror(stdout) != 0)
        e = e != HF_OK ? e : cli_fail(&c, HF_ERR_SYSTEM, "standard output cannot be written");
    return e != HF_OK ? cli_exit_code(e) : c.program_exit;
}
