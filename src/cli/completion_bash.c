/* bash 4.4 and later; without the package bash-completion too, when it is sourced. */
#include "cli/completion.h"

/* What is typed already says which command is meant; `valued` are the options whose next word is no command. */
static const char head[] = "# bash completion for holdfast, made by 'holdfast completion bash'\n"
                           "\n"
                           "_holdfast_command()\n"
                           "{\n"
                           "    local i\n"
                           "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
                           "        case ${COMP_WORDS[i]} in\n"
                           "        =) ((i++)) ;;\n"
                           "        ";
static const char after_valued[] =
    ") [[ ${COMP_WORDS[i + 1]} == = ]] || ((i++)) ;;\n"
    "        -*) ;;\n"
    "        *) words+=(\"${COMP_WORDS[i]}\") ;;\n"
    "        esac\n"
    "    done\n"
    "}\n"
    "\n"
    "_holdfast()\n"
    "{\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} options= verbs= kind= list=\n"
    "    local operand= operand_words= shared='";
static const char after_shared[] = "'\n"
                                   "    local -a words=()\n"
                                   "    COMPREPLY=()\n"
                                   "    # --name=value arrives as three words\n"
                                   "    if [[ $cur == = ]]; then\n"
                                   "        cur=\n"
                                   "    elif [[ $prev == = ]]; then\n"
                                   "        prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
                                   "    fi\n"
                                   "    _holdfast_command\n"
                                   "    case \"${words[0]} ${words[1]}\" in\n";
static const char after_cases[] = "    esac\n"
                                  "    case $prev in\n";
static const char tail[] =
    "    esac\n"
    "    if [[ -z $kind && $cur == -* ]]; then\n"
    "        kind=words list=\"$options $shared\"\n"
    "    elif [[ -z $kind && -n $verbs ]]; then\n"
    "        kind=words list=$verbs\n"
    "    elif [[ -z $kind ]]; then\n"
    "        kind=$operand list=$operand_words\n"
    "    fi\n"
    "    case $kind in\n"
    "    words) mapfile -t COMPREPLY < <(compgen -W \"$list\" -- \"$cur\") ;;\n"
    "    file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\") ;;\n"
    "    folder) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\") ;;\n"
    "    key)\n"
    "        [[ -z $HOLDFAST_TOKEN_FILE ]] || mapfile -t COMPREPLY < <(compgen -W \"$(" COMPLETION_KEYS
    ")\" -- \"$cur\")\n"
    "        ;;\n"
    "    esac\n"
    "}\n"
    "complete -F _holdfast holdfast\n";

static void put_kind(FILE *f, const char *name, const char *list, const char *placeholder, const char *words)
{
    static const char *const kinds[] = { "none", "words", "file", "folder", "key" };
    const char *choices = NULL;
    completion_kind kind = completion_of(placeholder, words, &choices);

    fprintf(f, "%s=%s", name, kinds[kind]);
    if (kind != COMPLETION_WORDS)
        return;
    fprintf(f, " %s='", list);
    completion_put_words(f, choices, " ");
    fputc('\'', f);
}

static void put_option_names(FILE *f, const option_row *table)
{
    for (const option_row *o = table; o != NULL && o->name != NULL; o++)
        fprintf(f, "%s--%s", o == table ? "" : " ", o->name);
}

/* Values of options, in the branch of a command or for all of them. */
static void put_option_values(FILE *f, const option_row *table, const char *indent)
{
    for (const option_row *o = table; o != NULL && o->name != NULL; o++) {
        if (o->value == NULL)
            continue;
        fprintf(f, "%s--%s) ", indent, o->name);
        put_kind(f, "kind", "list", o->value, o->words);
        fputs(" ;;\n", f);
    }
}

static void put_command(FILE *f, const command *k)
{
    fprintf(f, "    '%s %s'%s)\n", k->noun, k->verb != NULL ? k->verb : "", k->verb == NULL ? "*" : "");
    fputs("        options='", f);
    put_option_names(f, k->options);
    fputs("'\n", f);
    if (k->operand != NULL) {
        fputs("        ", f);
        put_kind(f, "operand", "operand_words", k->operand, NULL);
        fputc('\n', f);
    }
    fputs("        case $prev in\n", f);
    put_option_values(f, k->options, "        ");
    fputs("        esac\n        ;;\n", f);
}

static void put_nouns(FILE *f)
{
    const command *k;

    fputs("    ' ') verbs='", f);
    for (size_t i = 0; (k = commands_at(i)) != NULL; i++)
        if (completion_first_of_noun(i))
            fprintf(f, "%s%s", i == 0 ? "" : " ", k->noun);
    fputs("' ;;\n", f);
}

static void put_verbs(FILE *f, size_t first)
{
    const command *k = commands_at(first);
    const char *noun = k->noun;

    fprintf(f, "    '%s ') verbs='", noun);
    for (size_t i = first; (k = commands_at(i)) != NULL; i++)
        if (hf_view_eq_str(hf_view_str(noun), k->noun))
            fprintf(f, "%s%s", i == first ? "" : " ", k->verb);
    fputs("' ;;\n", f);
}

void completion_bash(FILE *f)
{
    const command *k;

    fputs(head, f);
    completion_put_valued(f, "|");
    fputs(after_valued, f);
    put_option_names(f, global_options);
    fputs(" --help", f);
    fputs(after_shared, f);
    put_nouns(f);
    for (size_t i = 0; (k = commands_at(i)) != NULL; i++) {
        if (k->verb != NULL && completion_first_of_noun(i))
            put_verbs(f, i);
        put_command(f, k);
    }
    fputs(after_cases, f);
    put_option_values(f, global_options, "    ");
    fputs(tail, f);
}
