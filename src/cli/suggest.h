/* "did you mean": the nearest of some words. */
#ifndef HF_CLI_SUGGEST_H
#define HF_CLI_SUGGEST_H

#include "cli/args.h"

/* Letters that must be put in, taken out, replaced or swapped with their neighbour; at most SUGGEST_FAR. */
#define SUGGEST_FAR 100
size_t suggest_distance(const char *a, const char *b);

/*
 * Keeps the nearest of the words that it is shown, if it is near enough to be a slip: a third of the letters, at least
 * one, at most three.
 */
typedef struct suggestion {
    const char *wanted;
    const char *nearest; /* NULL: none; borrowed */
    size_t distance;
} suggestion;
void suggest_look(suggestion *s, const char *word);

/* A second half of a sentence: "; did you mean 'X'?" or nothing. */
#define SUGGEST_CAP 128
void suggest_text(const suggestion *s, const char *before, char dst[static SUGGEST_CAP]);

#endif
