#include "cli/completion.h"

#include <string.h>

#define VALUED_MAX 64

completion_kind completion_of(const char *placeholder, const char *words, const char **ret_words)
{
    *ret_words = words != NULL ? words : placeholder;
    if (words != NULL || strchr(placeholder, '|') != NULL)
        return COMPLETION_WORDS;
    if (strcmp(placeholder, "F") == 0 || strcmp(placeholder, "P") == 0 || strcmp(placeholder, "PATH") == 0)
        return COMPLETION_FILE;
    if (strcmp(placeholder, "DIR") == 0)
        return COMPLETION_FOLDER;
    return strcmp(placeholder, "KEY") == 0 ? COMPLETION_KEY : COMPLETION_FREE;
}

bool completion_first_of_noun(size_t i)
{
    const char *noun = commands_at(i)->noun;

    while (i-- > 0)
        if (strcmp(commands_at(i)->noun, noun) == 0)
            return false;
    return true;
}

void completion_put_words(FILE *f, const char *words, const char *between)
{
    for (size_t n; *words != '\0'; words += n + (words[n] == '|' ? 1 : 0)) {
        n = strcspn(words, "|");
        fprintf(f, "%.*s%s", (int)n, words, words[n] == '|' ? between : "");
    }
}

static void put_once(FILE *f, const option_row *table, const char **seen, size_t *n_seen, const char *between)
{
    for (const option_row *o = table; o != NULL && o->name != NULL; o++) {
        bool is_new = o->value != NULL && *n_seen < VALUED_MAX;
        for (size_t i = 0; i < *n_seen && is_new; i++)
            is_new = strcmp(seen[i], o->name) != 0;
        if (!is_new)
            continue;
        fprintf(f, "%s--%s", *n_seen > 0 ? between : "", o->name);
        seen[(*n_seen)++] = o->name;
    }
}

void completion_put_valued(FILE *f, const char *between)
{
    const char *seen[VALUED_MAX];
    const command *k;
    size_t n = 0;

    put_once(f, global_options, seen, &n, between);
    for (size_t i = 0; (k = commands_at(i)) != NULL; i++)
        put_once(f, k->options, seen, &n, between);
}

void completion_put_quoted(FILE *f, const char *text, const char *escaped)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            fputs("'\\''", f);
        else
            fprintf(f, "%s%c", strchr(escaped, *text) != NULL ? "\\" : "", *text);
    }
}
