/* Completion scripts for shells, made from the tables of commands and options. */
#ifndef HF_CLI_COMPLETION_H
#define HF_CLI_COMPLETION_H

#include "cli/commands.h"
#include <stdio.h>

/* Each writes a whole script. */
void completion_bash(FILE *f);
void completion_zsh(FILE *f);
void completion_fish(FILE *f);

/* ---- what the three have in common ---- */

typedef enum completion_kind {
    COMPLETION_FREE,  /* anything: nothing can be offered */
    COMPLETION_WORDS, /* one of *ret_words, "a|b" */
    COMPLETION_FILE,
    COMPLETION_FOLDER,
    COMPLETION_KEY /* a key of the server */
} completion_kind;

/* How a value is completed, by the word that stands for it in the help ("F", "DIR", "KEY"). */
completion_kind completion_of(const char *placeholder, const char *words, const char **ret_words);

/* Is command number i the first with its noun? Nouns are offered once. */
bool completion_first_of_noun(size_t i);

/* "a|b" with another text between the words. */
void completion_put_words(FILE *f, const char *words, const char *between);

/* Every name of an option that takes a value, once, with "--" before it. */
void completion_put_valued(FILE *f, const char *between);

/* Help in single quotes; `escaped` are characters that get a backslash. */
void completion_put_quoted(FILE *f, const char *text, const char *escaped);

/*
 * A pipe that prints the names of keys. The server is asked only when a token is at hand in the environment, and not for
 * long: a key that is pressed must not hang. Only what is a key's name goes on: shells run what is in a list of words
 * (compgen -W), and a server that was taken over may name its keys as it likes.
 */
#define COMPLETION_KEYS \
    "timeout 2 holdfast key list --per-page 1000 2>/dev/null | awk " \
    "'NR > 1 && $1 ~ /^[A-Za-z0-9][A-Za-z0-9._-]*$/ { print $1 }'"

#endif
