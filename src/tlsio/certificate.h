/*
 * The server's certificate chain. Its private key is not here: whoever serves TLS with it asks for each signature
 * (remote_key.h), so that the key can lie in another process.
 */
#ifndef HF_TLSIO_CERTIFICATE_H
#define HF_TLSIO_CERTIFICATE_H

#include "base/buf.h"
#include <stdbool.h>

struct ssl_ctx_st;

typedef struct hf_certificate hf_certificate;

#define HF_CERTIFICATE_FILE_MAX 65536
#define HF_KEY_ID_BYTES 32 /* SHA-256 of the SubjectPublicKeyInfo */

/*
 * Does: reads a PEM certificate chain, leaf first, of at most 8 certificates. The leaf's key must be EC P-256 or P-384,
 * Ed25519 or RSA of 2048 bits and more. The descriptor stays the caller's and is read from its start.
 * Owns: hf_certificate_free. Errors: HF_ERR_BAD_KEY when it cannot be used, HF_ERR_TOO_LARGE, HF_ERR_SYSTEM.
 */
hf_err hf_certificate_read(int fd, hf_certificate **ret) HF_MUST_USE;
hf_err hf_certificate_parse(hf_view pem, hf_certificate **ret) HF_MUST_USE;
void hf_certificate_free(hf_certificate *c); /* NULL is fine */

const uint8_t *hf_certificate_key_id(const hf_certificate *c); /* HF_KEY_ID_BYTES */
bool hf_certificate_equal(const hf_certificate *a, const hf_certificate *b);

/*
 * A signature that proves that the other side holds the key of this certificate: the TLS 1.3 scheme to ask for, and the
 * check of what came back.
 */
uint16_t hf_certificate_scheme(const hf_certificate *c);
hf_err hf_certificate_check(const hf_certificate *c, hf_view input, hf_view signature) HF_MUST_USE;

/* Puts chain and the stand-in for the private key into a server context. Used by hf_tls_server_new. */
hf_err hf_certificate_install(const hf_certificate *c, struct ssl_ctx_st *ctx) HF_MUST_USE;

/* A whole file from its start, by pread, so that the same descriptor can be read again. Caller frees. */
hf_err hf_certificate_file(int fd, uint8_t **ret, size_t *ret_len) HF_MUST_USE;

#endif
