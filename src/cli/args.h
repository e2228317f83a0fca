/*
 * Command lines: GNU long options anywhere, `--name value` or `--name=value`, `--` ends them, `-` is an operand. Names
 * are not abbreviated, so that a later option cannot change what a script means.
 */
#ifndef HF_CLI_ARGS_H
#define HF_CLI_ARGS_H

#include "cli/cli.h"

typedef struct option_row {
    const char *name; /* without the dashes; NULL ends a table */
    const char *value; /* what to call its value in the help; NULL: the option has none */
    const char *help;
    const char *words; /* "a|b": the values that it may have, for completion; NULL: free, or those in `value` */
    bool required;
    bool repeats;
} option_row;

#define ARGS_GIVEN_MAX 64
#define ARGS_OPERANDS_MAX 4

typedef struct args_given {
    const option_row *row;
    const char *value; /* "" for an option without one */
} args_given;

typedef struct args {
    const option_row *own;    /* of the command; may be NULL */
    const option_row *shared; /* of every command; may be NULL */
    args_given given[ARGS_GIVEN_MAX];
    size_t n_given;
    const char *operands[ARGS_OPERANDS_MAX];
    size_t n_operands;
    bool help; /* --help was given; nothing else was checked then */
} args;

/*
 * Reads words up to their end, or with stop_at_operand up to the first operand; *ret_used says how many were taken.
 * Adds to what is in *a already. Errors: HF_ERR_INVALID, told.
 */
hf_err args_read(cli *c, args *a, char *const *words, bool stop_at_operand, size_t *ret_used) HF_MUST_USE;

/* Every required option of the command is there; HF_ERR_INVALID, told, else. */
hf_err args_check(cli *c, const args *a) HF_MUST_USE;

/* Digits alone, which strtoull does not insist on: false for anything else, and above 64 bits. */
bool args_digits(const char *text, uint64_t *ret);

/* The value of an option, NULL when it was not given. Asking for one that is in no table is a defect and aborts. */
const char *args_value(const args *a, const char *name);
bool args_has(const args *a, const char *name);
/* Value number i, from 0, of an option that repeats; NULL after the last. */
const char *args_value_at(const args *a, const char *name, size_t i);
/* A plain decimal number from min to max, *ret unchanged when the option was not given. HF_ERR_INVALID, told. */
hf_err args_number(cli *c, const args *a, const char *name, uint64_t min, uint64_t max, uint64_t *ret) HF_MUST_USE;

#endif
