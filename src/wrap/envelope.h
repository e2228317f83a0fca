/* The form that `key import` takes: wrapped so that only the import key's holder can open it. */
#ifndef HF_WRAP_ENVELOPE_H
#define HF_WRAP_ENVELOPE_H

#include "crypto/crypto.h"

#define ENVELOPE_MAX_BYTES 16384

/*
 * To an RSA key: RSAES-OAEP (SHA-256) of 32 random bytes, then AES-256-KWP (RFC 5649) of the key under them. To an
 * ML-KEM-768 key: its ciphertext, then AES-256-KWP under the shared secret. HF_ERR_UNSUPPORTED for other keys,
 * HF_ERR_BOUNDS when it does not fit.
 */
hf_err envelope_make(const hf_key *to, const hf_secret *plain, uint8_t dst[static ENVELOPE_MAX_BYTES], size_t *ret_len)
    HF_MUST_USE;

#endif
