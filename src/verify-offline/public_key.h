/* A public key from a PEM file (RFC 7468 section 13: one PUBLIC KEY block, SubjectPublicKeyInfo inside). */
#ifndef HF_VERIFY_OFFLINE_PUBLIC_KEY_H
#define HF_VERIFY_OFFLINE_PUBLIC_KEY_H

#include "crypto/crypto.h"

#define PUBLIC_KEY_PEM_MAX_BYTES 8192

/* Caller frees *ret. HF_ERR_BAD_KEY unless the text is one such block and white space around it. */
hf_err public_key_load(hf_view pem, hf_key **ret) HF_MUST_USE;

#endif
