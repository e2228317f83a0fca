/* A program of our own folder, run for what it prints: `init` and `reseal` leave the configuration to `config`. */
#ifndef HF_SYS_SIBLING_H
#define HF_SYS_SIBLING_H

#include "base/buf.h"

/*
 * Opens the program `name` in the folder libexec, or, when that is NULL, in the folder of the running program. HF_ERR_NOT_FOUND;
 * HF_ERR_SYSTEM without /proc. Caller closes *ret_fd.
 */
hf_err hf_sibling_open(const char *libexec, const char *name, int *ret_fd) HF_MUST_USE;

/*
 * Runs it (hf_spawn) and reads what it writes to its descriptor 3, less than cap bytes; `file`, unless negative, is its descriptor 4. It says
 * on stderr what it refuses. HF_ERR_INVALID when it ends in another way than by exit code 0, HF_ERR_TOO_LARGE when it
 * writes cap bytes or more, HF_ERR_SYSTEM.
 */
hf_err hf_sibling_print(int program, const char *const argv[], int file, uint8_t *dst, size_t cap, size_t *ret_len)
    HF_MUST_USE;

#endif
