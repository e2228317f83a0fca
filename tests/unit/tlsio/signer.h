/*
 * The other side of a remote key, for tests: certificates with their keys, and the signatures that a handshake asks for,
 * made here by OpenSSL itself instead of by core.
 */
#ifndef HF_TESTS_SIGNER_H
#define HF_TESTS_SIGNER_H

#include "tlsio/remote_key.h"
#include <openssl/evp.h>
#include <openssl/x509.h>

typedef struct signer {
    EVP_PKEY *key;
    X509 *certificate; /* self-signed, for "localhost" */
    char pem[16384];   /* the certificate */
    size_t pem_len;
} signer;

/* kind: "P-256", "P-384", "ED25519", "RSA-2048" and so on. Ends the process when it cannot. */
signer *signer_new(const char *kind);
/* From files, PEM. NULL when they cannot be read. */
signer *signer_read(const char *certificate_file, const char *key_file);
void signer_free(signer *s);

/* The signature that is asked for; its length, 0 for none. */
size_t signer_sign(const signer *s, const hf_signing *question, uint8_t dst[static HF_TLS_SIGNATURE_MAX]);

#endif
