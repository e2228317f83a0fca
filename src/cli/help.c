#include "cli/help.h"

#include <string.h>

#define NAME_WIDTH 24
#define TEXT_WIDTH 100

static void put_row(FILE *f, const command *k)
{
    char name[COMMAND_NAME_CAP], left[2 * COMMAND_NAME_CAP];

    command_name(k, ' ', name);
    (void)snprintf(left, sizeof(left), "%s%s%s", name, k->operand != NULL ? " " : "",
                   k->operand != NULL ? k->operand : "");
    fprintf(f, "  %-*s %s\n", NAME_WIDTH, left, k->help);
}

static void put_options(FILE *f, const option_row *options)
{
    char left[64];

    for (const option_row *o = options; o->name != NULL; o++) {
        (void)snprintf(left, sizeof(left), "--%s%s%s", o->name, o->value != NULL ? " " : "",
                       o->value != NULL ? o->value : "");
        fprintf(f, "  %-*s %s%s%s\n", NAME_WIDTH, left, o->help, o->repeats ? "; may be repeated" : "",
                o->required ? " (needed)" : "");
    }
}

/* Paragraphs, broken at blanks. */
static void put_text(FILE *f, const char *text)
{
    size_t column = 0;

    while (*text != '\0') {
        size_t word = strcspn(text, " \n");
        if (column > 0 && column + 1 + word > TEXT_WIDTH) {
            fputc('\n', f);
            column = 0;
        }
        column += (size_t)fprintf(f, "%s%.*s", column > 0 ? " " : "", (int)word, text);
        text += word;
        for (; *text == '\n'; text++, column = 0)
            fputc('\n', f);
        text += strspn(text, " ");
    }
    fputc('\n', f);
}

static void put_examples(FILE *f, const char *lines)
{
    fputs("\nExamples:\n", f);
    for (size_t n; *lines != '\0'; lines += n) {
        n = strcspn(lines, "\n") + 1;
        fprintf(f, "  %.*s", (int)n, lines);
    }
}

void help_all(FILE *f)
{
    fputs("usage: holdfast [OPTION]... COMMAND [ARGUMENT]...\n"
          "Keys that live in a Holdfast HSM.\n",
          f);
    for (size_t g = 0; g < command_group_count; g++) {
        fprintf(f, "\n%s:\n", command_groups[g].title);
        for (size_t i = 0; i < *command_groups[g].n; i++)
            put_row(f, &command_groups[g].rows[i]);
    }
    fputs("\nOptions of every command:\n", f);
    put_options(f, global_options);
    fprintf(f, "  %-*s %s\n", NAME_WIDTH, "--help", "help for the command before it, or this");
    fputs("\n"
          "- stands for standard input or output. 'man holdfast-key-create' and so on say more.\n"
          "Exit codes: 0 done, 1 failure, 2 usage, 3 not found, 4 not authenticated or not allowed,\n"
          "5 conflict or wrong state, 6 waits for approval, 7 unavailable, 8 integrity.\n"
          "With HOLDFAST_STRICT=1 nothing is done where memory for secrets cannot be locked.\n",
          f);
}

void help_noun(FILE *f, const char *noun)
{
    const command *k;

    fprintf(f, "usage: holdfast [OPTION]... %s COMMAND [ARGUMENT]...\n\n", noun);
    for (size_t i = 0; (k = commands_at(i)) != NULL; i++)
        if (strcmp(k->noun, noun) == 0)
            put_row(f, k);
    fprintf(f, "\n'holdfast %s COMMAND --help' says more; 'holdfast --help' lists the options of every command.\n",
            noun);
}

void help_command(FILE *f, const command *k)
{
    char name[COMMAND_NAME_CAP];

    command_name(k, ' ', name);
    fprintf(f, "usage: holdfast [OPTION]... %s", name);
    if (k->operand != NULL)
        fprintf(f, " %s", k->operand);
    for (const option_row *o = k->options; o != NULL && o->name != NULL; o++)
        if (o->required)
            fprintf(f, " --%s %s", o->name, o->value);
    fprintf(f, "%s\n%c%s.\n", k->options != NULL ? " [OPTION]..." : "",
            k->help[0] - ('a' <= k->help[0] && k->help[0] <= 'z' ? 32 : 0), k->help + 1);
    if (k->more != NULL) {
        fputc('\n', f);
        put_text(f, k->more);
    }
    if (k->options != NULL) {
        fputc('\n', f);
        put_options(f, k->options);
    }
    if (k->examples != NULL)
        put_examples(f, k->examples);
    fputs("\n'holdfast --help' lists the options of every command.\n", f);
}
