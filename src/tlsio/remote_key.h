/*
 * A private key that is not in this process: an OpenSSL provider whose keys have a public half only and whose
 * "sign" puts the handshake to sleep until somebody brings the signature.
 *
 *   SSL_do_handshake -> job (its own stack) -> sign: fills the handshake's hf_signing, pauses the job
 *   ... the caller sends the question to the key's process and serves other connections ...
 *   answer: hf_signing filled, SSL_do_handshake again -> the job goes on and ends
 *
 * The hf_signing lies on the heap and belongs to the stream, never to the job's stack; a stream that is closed while
 * its job sleeps lets the job run to its end first (stream.c), so that nothing points into freed memory.
 */
#ifndef HF_TLSIO_REMOTE_KEY_H
#define HF_TLSIO_REMOTE_KEY_H

#include "base/buf.h"
#include <stdbool.h>

struct evp_pkey_st;

/* Schemes of TLS 1.3 (RFC 8446 section 4.2.3). */
#define HF_TLS_ECDSA_SECP256R1_SHA256 0x0403
#define HF_TLS_ECDSA_SECP384R1_SHA384 0x0503
#define HF_TLS_RSA_PSS_RSAE_SHA256 0x0804
#define HF_TLS_RSA_PSS_RSAE_SHA384 0x0805
#define HF_TLS_RSA_PSS_RSAE_SHA512 0x0806
#define HF_TLS_ED25519 0x0807

/*
 * What a server signs in its CertificateVerify (RFC 8446 section 4.4.3): 64 spaces, this text with its NUL, and the
 * transcript hash.
 */
#define HF_TLS_PADDING_BYTES 64
#define HF_TLS_SERVER_CONTEXT "TLS 1.3, server CertificateVerify"
#define HF_TLS_INPUT_MAX (HF_TLS_PADDING_BYTES + sizeof(HF_TLS_SERVER_CONTEXT) + 48)
#define HF_TLS_SIGNATURE_MAX 512

/* One signature that a handshake waits for. */
typedef struct hf_signing {
    enum { HF_SIGNING_IDLE, HF_SIGNING_ASKED, HF_SIGNING_DONE, HF_SIGNING_FAILED } state;
    uint8_t key_id[32]; /* SHA-256 of the SubjectPublicKeyInfo */
    uint16_t scheme;
    uint8_t input[HF_TLS_INPUT_MAX];
    size_t input_len;
    uint8_t signature[HF_TLS_SIGNATURE_MAX];
    size_t signature_len;
} hf_signing;

/* Once per process, before anything else of OpenSSL; later calls do nothing. No openssl.cnf is opened. HF_ERR_SYSTEM. */
hf_err hf_remote_key_start(void) HF_MUST_USE;

/* The stand-in for the private key of a DER SubjectPublicKeyInfo. Caller frees (EVP_PKEY_free). HF_ERR_BAD_KEY. */
hf_err hf_remote_key_new(hf_view spki, struct evp_pkey_st **ret) HF_MUST_USE;

/* Whose signature the next call of OpenSSL on this thread may ask for; NULL afterwards. */
void hf_remote_key_for(hf_signing *s);

/*
 * Sleeping handshakes that one thread may have: each has a stack of its own while it sleeps. Further ones wait before
 * they begin (HF_IO_WANT_JOB).
 */
#define HF_TLS_JOBS_MAX 128
#define HF_TLS_JOB_STACK_BYTES (64u << 10)
/* On each thread that shakes hands; later calls do nothing. */
hf_err hf_remote_key_thread(void) HF_MUST_USE;

#endif
