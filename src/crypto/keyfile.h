/*
 * Private keys of people in files: PEM with PKCS#8 inside (RFC 7468 section 10, RFC 5958). EC P-256 and Ed25519
 * only.
 */
#ifndef HF_CRYPTO_KEYFILE_H
#define HF_CRYPTO_KEYFILE_H

#include "crypto/crypto.h"

/* Largest text that is looked at; ours have about 240 and 120 bytes. */
#define HF_KEYFILE_MAX_BYTES 4096

/*
 * Does: loads the one PRIVATE KEY block that the text consists of, without a passphrase, named curve only; the
 * public key in the file, if any, must be the private key's. Owns: the caller frees *ret, and wipes the text.
 * Errors: HF_ERR_BAD_KEY, HF_ERR_TOO_LARGE.
 */
hf_err hf_key_load_pem_private(hf_view pem, hf_key **ret) HF_MUST_USE;

/*
 * The PEM text of a private key, ending in a line feed. Caller frees. HF_ERR_UNSUPPORTED for public keys and
 * other algorithms.
 */
hf_err hf_key_private_pem(const hf_key *key, hf_secret **ret_pem) HF_MUST_USE;

#endif
