/* The bearer token of a request. */
#ifndef HF_CLI_TOKEN_H
#define HF_CLI_TOKEN_H

#include "cli/cli.h"
#include "cli/wiped.h"

#define TOKEN_MAX_BYTES 8192

/*
 * Does: reads --token-file, or mints one with --token-key. A token file that others can read gives a warning. Errors,
 * told: HF_ERR_NO_TOKEN when neither is given or the minting fails, HF_ERR_BAD_TOKEN for a file without one token,
 * HF_ERR_SYSTEM.
 */
hf_err token_get(cli *c, bytes *ret) HF_MUST_USE;

/* Takes white space off the end; HF_ERR_BAD_TOKEN, told, unless visible characters are left. */
hf_err token_trim(cli *c, const char *where, bytes *token) HF_MUST_USE;

#endif
