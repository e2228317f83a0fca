/* Reads what signs tokens, a private key or a shared secret, straight into locked memory. */
#ifndef HF_MINT_KEY_FILE_H
#define HF_MINT_KEY_FILE_H

#include "crypto/crypto.h"

/* One of the two. */
struct mint_signer {
    hf_key *key;
    hf_secret *secret; /* of HS256 */
};

/*
 * Does: opens the file ("-": standard input) and loads what it holds: one unencrypted PEM block (RFC 7468) "PRIVATE KEY"
 * (PKCS #8) or "RSA PRIVATE KEY" (PKCS #1) of an algorithm that signs tokens; or, for is_secret, base64 of 32 to 64 bytes.
 * A file that others can read is refused, as it no longer says who minted a token. Owns: caller frees with
 * mint_signer_free. Errors: any; *reterr_why is a static sentence.
 */
hf_err mint_signer_read(const char *path, bool is_secret, struct mint_signer *ret, const char **reterr_why) HF_MUST_USE;
void mint_signer_free(struct mint_signer *signer);

#endif
