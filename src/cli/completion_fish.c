/* fish 3. */
#include "cli/completion.h"

#include <string.h>

static const char head[] = "# fish completion for holdfast, made by 'holdfast completion fish'\n"
                           "\n"
                           "# The words of the command line that are neither options nor their values.\n"
                           "function __holdfast_words\n"
                           "    set -l skip 0\n"
                           "    for word in (commandline -opc)[2..-1]\n"
                           "        if test $skip -eq 1\n"
                           "            set skip 0\n"
                           "        else if contains -- $word ";
static const char after_valued[] = "\n"
                                   "            set skip 1\n"
                                   "        else if not string match -q -- '-*' $word\n"
                                   "            echo $word\n"
                                   "        end\n"
                                   "    end\n"
                                   "end\n"
                                   "\n"
                                   "# Do they begin with these? Are they exactly these?\n"
                                   "function __holdfast_at\n"
                                   "    set -l words (__holdfast_words)\n"
                                   "    set -l n (count $argv)\n"
                                   "    test (count $words) -ge $n; and test \"$words[1..$n]\" = \"$argv\"\n"
                                   "end\n"
                                   "function __holdfast_exactly\n"
                                   "    set -l words (__holdfast_words)\n"
                                   "    test \"$words\" = \"$argv\"\n"
                                   "end\n"
                                   "function __holdfast_keys\n"
                                   "    test -n \"$HOLDFAST_TOKEN_FILE\"; and " COMPLETION_KEYS "\n"
                                   "end\n"
                                   "\n"
                                   "complete -c holdfast -f\n"
                                   "complete -c holdfast -l help -d help\n";

static void put_text(FILE *f, const char *text)
{
    fputc('\'', f);
    for (; *text != '\0'; text++)
        fprintf(f, "%s%c", strchr("\\'", *text) != NULL ? "\\" : "", *text);
    fputc('\'', f);
}

static void put_values(FILE *f, const char *placeholder, const char *words)
{
    const char *choices = NULL;

    switch (completion_of(placeholder, words, &choices)) {
    case COMPLETION_WORDS:
        fputs(" -a '", f);
        completion_put_words(f, choices, " ");
        fputc('\'', f);
        return;
    case COMPLETION_FILE:
        fputs(" -F", f);
        return;
    case COMPLETION_FOLDER:
        fputs(" -a '(__fish_complete_directories)'", f);
        return;
    case COMPLETION_KEY:
        fputs(" -a '(__holdfast_keys)'", f);
        return;
    case COMPLETION_FREE:
        return;
    }
}

static bool is_file(const option_row *o)
{
    const char *choices = NULL;

    return completion_of(o->value, o->words, &choices) == COMPLETION_FILE;
}

static void put_options(FILE *f, const option_row *table, const char *where)
{
    for (const option_row *o = table; o != NULL && o->name != NULL; o++) {
        fprintf(f, "complete -c holdfast%s -l %s -d ", where, o->name);
        put_text(f, o->help);
        if (o->value != NULL) {
            fputs(is_file(o) ? " -r" : " -x", f);
            put_values(f, o->value, o->words);
        }
        fputc('\n', f);
    }
}

static void put_word(FILE *f, const char *at, const char *word, const char *help)
{
    fprintf(f, "complete -c holdfast -n '__holdfast_exactly%s%s' -a %s -d ", *at != '\0' ? " " : "", at, word);
    put_text(f, help);
    fputc('\n', f);
}

void completion_fish(FILE *f)
{
    char name[COMMAND_NAME_CAP], where[2 * COMMAND_NAME_CAP];
    const command *k;

    fputs(head, f);
    completion_put_valued(f, " ");
    fputs(after_valued, f);
    put_options(f, global_options, "");
    for (size_t i = 0; (k = commands_at(i)) != NULL; i++) {
        command_name(k, ' ', name);
        if (k->verb == NULL)
            put_word(f, "", k->noun, k->help);
        else if (completion_first_of_noun(i))
            put_word(f, "", k->noun, "");
        if (k->verb != NULL)
            put_word(f, k->noun, k->verb, k->help);
        (void)snprintf(where, sizeof(where), " -n '__holdfast_at %s'", name);
        put_options(f, k->options, where);
        if (k->operand == NULL)
            continue;
        fprintf(f, "complete -c holdfast -n '__holdfast_exactly %s'", name);
        put_values(f, k->operand, NULL);
        fputc('\n', f);
    }
}
