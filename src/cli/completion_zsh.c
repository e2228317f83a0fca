/* zsh 5: for a folder of fpath, as _holdfast. */
#include "cli/completion.h"

#include <string.h>

static const char head[] = "#compdef holdfast\n"
                           "# zsh completion for holdfast, made by 'holdfast completion zsh'\n"
                           "\n"
                           "_holdfast_keys()\n"
                           "{\n"
                           "    [[ -n $HOLDFAST_TOKEN_FILE ]] || return 1\n"
                           "    local -a keys=(${(f)\"$(" COMPLETION_KEYS ")\"})\n"
                           "    compadd -a keys\n"
                           "}\n"
                           "\n"
                           "_holdfast()\n"
                           "{\n"
                           "    local curcontext=$curcontext state state_descr line ret=1\n"
                           "    local -A opt_args\n"
                           "    local -a shared=(\n";
static const char after_shared[] = "        '--help[help]'\n"
                                   "    )\n"
                                   "    _arguments -C $shared '1: :->command' '*:: :->rest' && ret=0\n"
                                   "    case $state in\n"
                                   "    command)\n"
                                   "        local -a nouns=(\n";
static const char after_nouns[] = "        )\n"
                                  "        _describe command nouns && ret=0\n"
                                  "        ;;\n"
                                  "    rest)\n"
                                  "        case $line[1] in\n";
static const char tail[] = "        esac\n"
                           "        ;;\n"
                           "    esac\n"
                           "    return ret\n"
                           "}\n"
                           "\n"
                           "if [[ $funcstack[1] == _holdfast ]]; then\n"
                           "    _holdfast \"$@\"\n"
                           "else\n"
                           "    compdef _holdfast holdfast\n"
                           "fi\n";

static void put_action(FILE *f, const char *placeholder, const char *words)
{
    const char *choices = NULL;

    switch (completion_of(placeholder, words, &choices)) {
    case COMPLETION_WORDS:
        fputc('(', f);
        completion_put_words(f, choices, " ");
        fputc(')', f);
        return;
    case COMPLETION_FILE:
        fputs("_files", f);
        return;
    case COMPLETION_FOLDER:
        fputs("_files -/", f);
        return;
    case COMPLETION_KEY:
        fputs("_holdfast_keys", f);
        return;
    case COMPLETION_FREE:
        fputc(' ', f);
        return;
    }
}

static void put_option(FILE *f, const option_row *o, const char *indent)
{
    fprintf(f, "%s'%s--%s%s[", indent, o->repeats ? "*" : "", o->name, o->value != NULL ? "=" : "");
    completion_put_quoted(f, o->help, "[]\\");
    fputc(']', f);
    if (o->value != NULL) {
        fputc(':', f);
        completion_put_quoted(f, o->value, ":\\");
        fputc(':', f);
        put_action(f, o->value, o->words);
    }
    fputc('\'', f);
}

static void put_options(FILE *f, const option_row *table, const char *indent, const char *end)
{
    for (const option_row *o = table; o != NULL && o->name != NULL; o++) {
        put_option(f, o, indent);
        fputs(end, f);
    }
}

static void put_arguments(FILE *f, const command *k, const char *indent)
{
    fprintf(f, "%s_arguments $shared", indent);
    put_options(f, k->options, " \\\n                ", "");
    if (k->operand != NULL) {
        fputs(" \\\n                '1:", f);
        completion_put_quoted(f, k->operand, ":\\");
        fputc(':', f);
        put_action(f, k->operand, NULL);
        fputc('\'', f);
    }
    fputs(" && ret=0\n", f);
}

static void put_described(FILE *f, const char *indent, const char *name, const char *help)
{
    fprintf(f, "%s'%s:", indent, name);
    completion_put_quoted(f, help, ":\\");
    fputs("'\n", f);
}

static void put_verbs(FILE *f, size_t first)
{
    const char *noun = commands_at(first)->noun;
    const command *k;

    fprintf(f,
            "        %s)\n"
            "            _arguments -C $shared '1: :->verb' '*:: :->args' && ret=0\n"
            "            case $state in\n"
            "            verb)\n"
            "                local -a verbs=(\n",
            noun);
    for (size_t i = first; (k = commands_at(i)) != NULL; i++)
        if (strcmp(k->noun, noun) == 0)
            put_described(f, "                    ", k->verb, k->help);
    fputs("                )\n"
          "                _describe command verbs && ret=0\n"
          "                ;;\n"
          "            args)\n"
          "                case $line[1] in\n",
          f);
    for (size_t i = first; (k = commands_at(i)) != NULL; i++) {
        if (strcmp(k->noun, noun) != 0)
            continue;
        fprintf(f, "                %s)\n", k->verb);
        put_arguments(f, k, "                    ");
        fputs("                    ;;\n", f);
    }
    fputs("                esac\n                ;;\n            esac\n            ;;\n", f);
}

static const char *help_of_noun(const command *k)
{
    static const struct {
        const char *noun, *help;
    } nouns[] = {
        { "key", "keys: create, import, list and so on" },
        { "audit", "the audit: show, export, verify" },
        { "token", "bearer tokens: mint, inspect, revoke" },
        { "keyset", "the public keys that may sign tokens" },
        { "root", "the keys above all keys" },
    };

    for (size_t i = 0; i < HF_COUNT(nouns); i++)
        if (strcmp(nouns[i].noun, k->noun) == 0)
            return nouns[i].help;
    return k->help;
}

void completion_zsh(FILE *f)
{
    const command *k;

    fputs(head, f);
    put_options(f, global_options, "        ", "\n");
    fputs(after_shared, f);
    for (size_t i = 0; (k = commands_at(i)) != NULL; i++)
        if (completion_first_of_noun(i))
            put_described(f, "            ", k->noun, help_of_noun(k));
    fputs(after_nouns, f);
    for (size_t i = 0; (k = commands_at(i)) != NULL; i++) {
        if (k->verb != NULL && completion_first_of_noun(i))
            put_verbs(f, i);
        if (k->verb != NULL)
            continue;
        fprintf(f, "        %s)\n", k->noun);
        put_arguments(f, k, "            ");
        fputs("            ;;\n", f);
    }
    fputs(tail, f);
}
