#include "cli/help.h"

#include <string.h>

#define NAME_WIDTH 22

static void put_synopsis(FILE *f, const command *k)
{
    fprintf(f, "%s", k->noun);
    if (k->verb != NULL)
        fprintf(f, " %s", k->verb);
    if (k->operand != NULL)
        fprintf(f, " %s", k->operand);
}

static void put_row(FILE *f, const command *k)
{
    char left[64];

    (void)snprintf(left, sizeof(left), "%s%s%s%s%s", k->noun, k->verb != NULL ? " " : "",
                   k->verb != NULL ? k->verb : "", k->operand != NULL ? " " : "", k->operand != NULL ? k->operand : "");
    fprintf(f, "  %-*s %s\n", NAME_WIDTH, left, k->help);
}

static void put_options(FILE *f, const option_row *options)
{
    char left[64];

    for (const option_row *o = options; o->name != NULL; o++) {
        (void)snprintf(left, sizeof(left), "--%s%s%s", o->name, o->value != NULL ? " " : "",
                       o->value != NULL ? o->value : "");
        fprintf(f, "  %-*s %s%s\n", NAME_WIDTH, left, o->help, o->required ? " (needed)" : "");
    }
}

void help_all(FILE *f)
{
    fputs("usage: holdfast [OPTION]... COMMAND [ARGUMENT]...\n"
          "Keys that live in a Holdfast HSM.\n\n",
          f);
    for (size_t i = 0; i < command_count; i++)
        put_row(f, &commands[i]);
    fputs("\nOptions of every command:\n", f);
    put_options(f, global_options);
    fputs("  --help                 help for the command before it, or this\n"
          "\n"
          "- stands for standard input or output.\n"
          "Exit codes: 0 done, 1 failure, 2 usage, 3 not found, 4 not authenticated or not allowed,\n"
          "5 conflict or wrong state, 7 unavailable, 8 integrity.\n",
          f);
}

void help_noun(FILE *f, const char *noun)
{
    fprintf(f, "usage: holdfast [OPTION]... %s COMMAND [ARGUMENT]...\n\n", noun);
    for (size_t i = 0; i < command_count; i++)
        if (strcmp(commands[i].noun, noun) == 0)
            put_row(f, &commands[i]);
    fprintf(f, "\n'holdfast %s COMMAND --help' says more; 'holdfast --help' lists the options of every command.\n",
            noun);
}

void help_command(FILE *f, const command *k)
{
    fputs("usage: holdfast [OPTION]... ", f);
    put_synopsis(f, k);
    for (const option_row *o = k->options; o != NULL && o->name != NULL; o++)
        if (o->required)
            fprintf(f, " --%s %s", o->name, o->value);
    fprintf(f, "%s\n%c%s.\n", k->options != NULL ? " [OPTION]..." : "",
            k->help[0] - ('a' <= k->help[0] && k->help[0] <= 'z' ? 32 : 0), k->help + 1);
    if (k->more != NULL)
        fprintf(f, "%s\n", k->more);
    if (k->options != NULL) {
        fputc('\n', f);
        put_options(f, k->options);
    }
    fputs("\n'holdfast --help' lists the options of every command.\n", f);
}
