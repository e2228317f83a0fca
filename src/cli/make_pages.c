/*
 * make-pages FOLDER: writes a man page for every command, from the tables that help is made from, so that a page cannot
 * know another option than the command. Part of the build; not installed.
 */
#include "cli/commands.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define DATE "2026-11-23"
#define LINE_WIDTH 78

/* ---- roff(7): what a character or the start of a line would mean is taken away ---- */

static const char *escape_of(char ch)
{
    return ch == '\\' ? "\\e" : ch == '-' ? "\\-" : NULL;
}

static void put_plain(FILE *f, const char *text, size_t n)
{
    if (n > 0 && (text[0] == '.' || text[0] == '\''))
        fputs("\\&", f);
    for (size_t i = 0; i < n; i++)
        if (escape_of(text[i]) != NULL)
            fputs(escape_of(text[i]), f);
        else
            fputc(text[i], f);
}

/* As many characters as that writes, at most. */
static size_t width_of(const char *text, size_t n)
{
    size_t width = 2;

    for (size_t i = 0; i < n; i++)
        width += escape_of(text[i]) != NULL ? 2 : 1;
    return width;
}

static void put_all(FILE *f, const char *text)
{
    put_plain(f, text, strlen(text));
}

/* Text in lines of their own, broken at blanks; an empty line begins a paragraph. */
static void put_text(FILE *f, const char *text)
{
    size_t column = 0;

    while (*text != '\0') {
        size_t n = strcspn(text, " \n");
        size_t width = width_of(text, n);
        if (column > 0 && column + width + 1 > LINE_WIDTH) {
            fputc('\n', f);
            column = 0;
        }
        if (column > 0)
            fputc(' ', f);
        put_plain(f, text, n);
        column += width + 1;
        text += n;
        if (strncmp(text, "\n\n", 2) == 0) {
            fputs("\n.PP\n", f);
            column = 0;
        }
        text += strspn(text, " \n");
    }
    fputc('\n', f);
}

/* A sentence from a help text, which is without capital and full stop. */
static void put_sentence(FILE *f, const char *text, const char *behind)
{
    char sentence[512];

    (void)snprintf(sentence, sizeof(sentence), "%s%s.", text, behind);
    sentence[0] = (char)toupper((unsigned char)sentence[0]);
    put_text(f, sentence);
}

/* ---- the sections ---- */

static void put_head(FILE *f, const command *k)
{
    char name[COMMAND_NAME_CAP], title[COMMAND_NAME_CAP];

    command_name(k, '-', name);
    command_name(k, '-', title);
    for (char *p = title; *p != '\0'; p++)
        *p = (char)toupper((unsigned char)*p);
    fputs(".TH HOLDFAST\\-", f);
    put_all(f, title);
    fputs(" 1 \"" DATE "\" \"Holdfast " HOLDFAST_VERSION "\" \"Holdfast\"\n.SH NAME\nholdfast\\-", f);
    put_all(f, name);
    fputs(" \\-\n", f);
    put_text(f, k->help);
}

/* [--name VALUE]... as one line of macros. */
static void put_option_use(FILE *f, const option_row *o)
{
    if (o->required)
        fputs(".BI \\-\\-", f);
    else
        fputs(".RB [ \\-\\-", f);
    put_all(f, o->name);
    if (o->required) {
        fputs(" \" ", f);
        put_all(f, o->value);
        fprintf(f, "\"%s\n", o->repeats ? " \\fR..." : "");
        return;
    }
    if (o->value == NULL) {
        fputs(" ]\n", f);
        return;
    }
    fputs("\n.IR \"", f);
    put_all(f, o->value);
    fprintf(f, "\" ]%s\n", o->repeats ? "..." : "");
}

static void put_synopsis(FILE *f, const command *k)
{
    char name[COMMAND_NAME_CAP];

    command_name(k, ' ', name);
    fputs(".SH SYNOPSIS\n.B holdfast\n.RI [ OPTION ]...\n.B ", f);
    put_all(f, name);
    fputc('\n', f);
    if (k->operand != NULL) {
        fputs(".I ", f);
        put_all(f, k->operand);
        fputc('\n', f);
    }
    for (const option_row *o = k->options; o != NULL && o->name != NULL; o++)
        put_option_use(f, o);
}

static void put_options(FILE *f, const option_row *table)
{
    if (table == NULL)
        return;
    fputs(".SH OPTIONS\n", f);
    for (const option_row *o = table; o->name != NULL; o++) {
        fprintf(f, ".TP\n.%s \\-\\-", o->value != NULL ? "BI" : "B");
        put_all(f, o->name);
        if (o->value != NULL) {
            fputs(" \" ", f);
            put_all(f, o->value);
            fputc('"', f);
        }
        fputc('\n', f);
        put_sentence(f, o->help, o->required ? "; needed" : o->repeats ? "; may be repeated" : "");
    }
}

static void put_description(FILE *f, const command *k)
{
    fputs(".SH DESCRIPTION\n", f);
    put_sentence(f, k->help, "");
    if (k->more != NULL) {
        fputs(".PP\n", f);
        put_text(f, k->more);
    }
    fputs(".PP\nThe options of every command, the environment and the exit codes stand in\n.BR holdfast (1).\n", f);
}

static void put_examples(FILE *f, const char *lines)
{
    if (lines == NULL)
        return;
    fputs(".SH EXAMPLES\n.nf\n", f);
    for (size_t n; *lines != '\0'; lines += n + 1) {
        n = strcspn(lines, "\n");
        put_plain(f, lines, n);
        fputc('\n', f);
    }
    fputs(".fi\n", f);
}

static void put_see_also(FILE *f, const command *k)
{
    char name[COMMAND_NAME_CAP];
    const command *other;

    fputs(".SH SEE ALSO\n.BR holdfast (1)", f);
    for (size_t i = 0; (other = commands_at(i)) != NULL; i++) {
        if (other == k || other->verb == NULL || strcmp(other->noun, k->noun) != 0)
            continue;
        command_name(other, '-', name);
        fputs(",\n.BR holdfast\\-", f);
        put_all(f, name);
        fputs(" (1)", f);
    }
    fputc('\n', f);
}

static void put_page(FILE *f, const command *k)
{
    put_head(f, k);
    put_synopsis(f, k);
    put_description(f, k);
    put_options(f, k->options);
    fputs(".SH EXIT STATUS\n"
          "0 done; 1 failure; 2 usage; 3 not found; 4 not authenticated or not allowed;\n"
          "5 conflict or wrong state; 7 unavailable; 8 integrity.\n",
          f);
    put_examples(f, k->examples);
    put_see_also(f, k);
}

int main(int argc, char **argv)
{
    char name[COMMAND_NAME_CAP], path[4096];
    const command *k;

    if (argc != 2) {
        fprintf(stderr, "usage: make-pages FOLDER\n");
        return 2;
    }
    for (size_t i = 0; (k = commands_at(i)) != NULL; i++) {
        command_name(k, '-', name);
        (void)snprintf(path, sizeof(path), "%s/holdfast-%s.1", argv[1], name);
        FILE *f = fopen(path, "w");
        if (f == NULL) {
            fprintf(stderr, "make-pages: %s cannot be written\n", path);
            return 1;
        }
        put_page(f, k);
        if (fclose(f) != 0)
            return 1;
    }
    return 0;
}
