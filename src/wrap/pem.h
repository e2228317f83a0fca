/* The private key block of a PEM text, undone into locked memory (RFC 7468 section 10). */
#ifndef HF_WRAP_PEM_H
#define HF_WRAP_PEM_H

#include "base/buf.h"
#include <holdfast/secret.h>

/* Does the text hold a line "-----BEGIN ", wherever it stands? What stands before the block is explanatory text. */
bool pem_is(hf_view text);

/*
 * Does: finds the one block "PRIVATE KEY" and decodes it. Owns: the caller frees *ret, and wipes the text.
 * Errors: HF_ERR_BAD_KEY with a sentence in *reterr_why (static): no block or several, one that is encrypted, another
 * kind of key, not base64.
 */
hf_err pem_read_private(hf_view text, hf_secret **ret, const char **reterr_why) HF_MUST_USE;

#endif
