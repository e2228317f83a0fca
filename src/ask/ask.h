/*
 * Asks a human, or a file, for a secret. What is typed or read lies in locked memory from its first byte on, and never on a
 * command line or in the environment. For programs that people run. Before the first call: hf_secret_use_arena.
 */
#ifndef HF_ASK_ASK_H
#define HF_ASK_ASK_H

#include "base/buf.h"
#include <holdfast/secret.h>

#define HF_ASK_WHY_CAP 256
struct hf_ask_why {
    char text[HF_ASK_WHY_CAP];
};

struct hf_ask {
    const char *what;     /* "passphrase", for sentences */
    const char *question; /* "Passphrase: " */
    const char *again;    /* "Passphrase again: "; NULL: asked once */
    const char *file;     /* read this instead; "-" is standard input; NULL: the terminal */
    const char *option;   /* "--passphrase-file", named when there is no terminal */
    size_t min, max;      /* bytes */
};

/*
 * The secret as bytes, without the newline that ends it. Caller frees *ret. On a terminal the echo is off meanwhile, and a
 * signal that ends or stops the process first gives the terminal back as it was; a pair that differs is asked for
 * again. *reterr_why is a sentence: HF_ERR_NOT_FOUND without a terminal or file, HF_ERR_BOUNDS for a length outside min
 * and max, HF_ERR_CONFLICT after three differing pairs, HF_ERR_SYSTEM.
 */
hf_err hf_ask_secret(const struct hf_ask *ask, hf_secret **ret, struct hf_ask_why *reterr_why) HF_MUST_USE;

/* ---- terminal.c ---- */

/*
 * One line from the controlling terminal into dst, which should be locked memory. HF_ERR_NOT_FOUND without a terminal,
 * HF_ERR_TOO_LARGE for a longer line, HF_ERR_SYSTEM at the end of input.
 */
hf_err hf_ask_terminal(const char *question, uint8_t *dst, size_t cap, size_t *ret_len) HF_MUST_USE;
/* A line for the person at the terminal; false without one. */
bool hf_ask_tell(const char *line);

#endif
