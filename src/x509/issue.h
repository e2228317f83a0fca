/*
 * Making certificates: a local CA and a server certificate under it (RFC 5280). Only programs that run for seconds link
 * this; never core. Before the first call: hf_crypto_start and hf_secret_use_arena, so that private keys lie in
 * locked memory.
 */
#ifndef HF_X509_ISSUE_H
#define HF_X509_ISSUE_H

#include "base/buf.h"
#include "base/time.h"
#include <holdfast/secret.h>

#define HF_X509_HOSTS_MAX 32
#define HF_X509_PEM_CAP 8192

typedef struct hf_x509_request {
    /* More names and addresses for the server certificate; 127.0.0.1, ::1 and localhost are always in it. */
    const char *const *hosts;
    size_t n_hosts;
    hf_wall now; /* both are valid from one hour before */
} hf_x509_request;

typedef struct hf_x509_bundle {
    char ca_pem[HF_X509_PEM_CAP];     /* the CA's certificate */
    char server_pem[HF_X509_PEM_CAP]; /* the server's certificate */
    hf_secret *server_key;            /* PEM (PKCS #8), not NUL-terminated */
    hf_secret *ca_key;                /* PEM; the caller wipes it or keeps it */
} hf_x509_bundle;

/* True for an IP address or a DNS name of letters, digits, '-' and '.', at most 253 bytes; a leading "*." is fine. */
bool hf_x509_host_ok(const char *host);

/*
 * Does: makes two P-256 keys, a CA valid for 10 years (path length 0, signs certificates only) and a server
 * certificate valid for 397 days (serverAuth). Owns: free with hf_x509_bundle_free. Errors: HF_ERR_INVALID for a host
 * that is neither name nor address, HF_ERR_BOUNDS for too many, HF_ERR_INTERNAL.
 */
hf_err hf_x509_issue(const hf_x509_request *request, hf_x509_bundle *ret) HF_MUST_USE;
void hf_x509_bundle_free(hf_x509_bundle *bundle);

#endif
