/* Reads the private key that signs tokens, straight into locked memory. */
#ifndef HF_MINT_KEY_FILE_H
#define HF_MINT_KEY_FILE_H

#include "crypto/crypto.h"

/*
 * Does: opens the file ("-": standard input) and loads its key. A file that others can read is refused, as it no longer
 * says who minted a token. Owns: caller frees *ret. Errors: any; *reterr_why is a static sentence.
 */
hf_err mint_key_read(const char *path, hf_key **ret, const char **reterr_why) HF_MUST_USE;

#endif
