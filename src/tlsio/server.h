/* What all connections of a TLS server have in common: certificate, versions, groups, who may be a client. */
#ifndef HF_TLSIO_SERVER_H
#define HF_TLSIO_SERVER_H

#include "tlsio/certificate.h"

struct ssl_st;

typedef struct hf_tls_server hf_tls_server;

/* Must a client show a certificate? Numbers as in CONFIG_GATEWAY. */
typedef enum hf_client_certificates {
    HF_CLIENTS_OFF = 1,
    HF_CLIENTS_OPTIONAL = 2, /* one that is shown must be good */
    HF_CLIENTS_REQUIRED = 3
} hf_client_certificates;

typedef struct hf_tls_config {
    const hf_certificate *certificate;
    hf_client_certificates clients;
    hf_view client_ca; /* PEM, their authorities; only with clients above HF_CLIENTS_OFF */
} hf_tls_config;

/*
 * TLS 1.3 only; groups X25519MLKEM768, X25519, P-256; ALPN http/1.1 (another offer is refused with the alert
 * no_application_protocol, no offer is accepted); no tickets, no resumption, no early data, no renegotiation.
 * Clients' certificates: a chain to one of client_ca (RFC 5280 section 6), made for clients (extended key usage), keys
 * and digests of at least 112 bits; revocation lists are not consulted. Not X509_V_FLAG_X509_STRICT: it refuses every
 * authority without a key usage, as `openssl req -x509` makes them, and names no cause that its owner would see.
 * What config points to may be freed afterwards. One server serves all threads.
 * HF_ERR_BAD_KEY, HF_ERR_INVALID when client_ca holds no certificate or one that cannot be read, HF_ERR_SYSTEM.
 */
hf_err hf_tls_server_new(const hf_tls_config *config, hf_tls_server **ret) HF_MUST_USE;
/* Another owner of the same server; each frees its own. Any thread. */
hf_tls_server *hf_tls_server_share(hf_tls_server *s);
void hf_tls_server_free(hf_tls_server *s);

/* A connection that waits for its client; NULL: no memory. Used by hf_stream_open. */
struct ssl_st *hf_tls_server_connection(const hf_tls_server *s, int fd);

#endif
