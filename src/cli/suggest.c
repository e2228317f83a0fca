#include "cli/suggest.h"

#include <stdio.h>
#include <string.h>

#define WORD_MAX 64

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

/* Optimal string alignment: the last three rows of the table are enough. */
size_t suggest_distance(const char *a, const char *b)
{
    size_t rows[3][WORD_MAX + 1], n = strlen(a), m = strlen(b);

    if (n > WORD_MAX || m > WORD_MAX)
        return SUGGEST_FAR;
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *now = rows[i % 3];
        const size_t *last = rows[(i - 1) % 3], *before = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = min3(now[j], before[j - 2] + 1, now[j]);
        }
    }
    return rows[n % 3][m];
}

void suggest_look(suggestion *s, const char *word)
{
    size_t d = suggest_distance(s->wanted, word), len = strlen(s->wanted);
    size_t most = len < 6 ? 1 : len < 9 ? 2 : 3;

    if (d > most || (s->nearest != NULL && d >= s->distance))
        return;
    s->nearest = word;
    s->distance = d;
}

void suggest_text(const suggestion *s, const char *before, char dst[static SUGGEST_CAP])
{
    dst[0] = '\0';
    if (s->nearest != NULL)
        (void)snprintf(dst, SUGGEST_CAP, "; did you mean '%s%s'?", before, s->nearest);
}
