/* What is to be wrapped: read, recognised and checked before anything is done with it. */
#ifndef HF_WRAP_MATERIAL_H
#define HF_WRAP_MATERIAL_H

#include "crypto/crypto.h"

#define MATERIAL_FILE_MAX_BYTES 32768

/*
 * Does: finds out the form of a key file's content and checks the key as core will: PKCS#8 in PEM or DER, or with the
 * algorithm of an AES or HMAC key its bytes. Owns: the caller frees *ret_plain, PKCS#8 DER or the bytes.
 * Errors: HF_ERR_BAD_KEY, HF_ERR_UNSUPPORTED, HF_ERR_LOCKED_MEMORY; *reterr_why is a static sentence.
 */
hf_err material_read(hf_view file, hf_alg want, hf_secret **ret_plain, hf_alg *ret_alg, const char **reterr_why)
    HF_MUST_USE;

#endif
