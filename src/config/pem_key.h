/*
 * A private key file as servers have it: PEM (RFC 7468) with one unencrypted key in the form of PKCS #8, SEC 1 (EC) or
 * PKCS #1 (RSA), into one PKCS #8 structure. Only the outer forms are read here; what is inside is for whoever loads the
 * key. Everything that holds key bytes is an hf_secret.
 */
#ifndef HF_CONFIG_PEM_KEY_H
#define HF_CONFIG_PEM_KEY_H

#include "base/buf.h"
#include <holdfast/secret.h>

#define PEM_KEY_FILE_MAX 16384
#define PEM_KEY_PKCS8_MAX 8192

/*
 * Text before and between blocks is skipped, also a block "EC PARAMETERS". Caller frees *ret. HF_ERR_BAD_KEY with
 * *reterr_why, the end of a sentence that begins with the file's name: "holds no private key in PEM".
 */
hf_err pem_key_read(const hf_secret *text, size_t len, hf_secret **ret, const char **reterr_why) HF_MUST_USE;

#endif
