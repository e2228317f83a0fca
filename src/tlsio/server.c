#include "tlsio/server.h"

#include "tlsio/remote_key.h"
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdlib.h>

#define CLIENT_CA_MAX 64
#define CLIENT_DEPTH_MAX 4 /* intermediate certificates */
#define SECURITY_LEVEL 2   /* of OpenSSL: 112 bits */

struct hf_tls_server {
    SSL_CTX *ctx;
    atomic_uint owners;
};

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
                       unsigned int in_len, void *arg)
{
    static const unsigned char http11[] = "\x08http/1.1";

    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto((unsigned char **)(uintptr_t)out, out_len, http11, sizeof(http11) - 1, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    return SSL_TLSEXT_ERR_OK;
}

/* ---- clients' certificates ---- */

static int no_passphrase(char *buf, int size, int rwflag, void *arg)
{
    (void)buf;
    (void)size;
    (void)rwflag;
    (void)arg;
    return -1;
}

static bool trust(SSL_CTX *ctx, X509 *authority)
{
    return X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), authority) == 1 &&
           SSL_CTX_add_client_CA(ctx, authority) == 1;
}

static hf_err trust_all(SSL_CTX *ctx, hf_view pem)
{
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    X509 *one;
    size_t n = 0;
    bool ok = true;

    HF_CHECK(bio != NULL, HF_ERR_SYSTEM);
    while (ok && (one = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)) != NULL) {
        ok = n++ < CLIENT_CA_MAX && trust(ctx, one);
        X509_free(one);
    }
    bool at_end = ok && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    BIO_free(bio);
    return n > 0 && at_end ? HF_OK : HF_ERR_INVALID;
}

static hf_err set_clients(SSL_CTX *ctx, const hf_tls_config *config)
{
    X509_VERIFY_PARAM *rules = SSL_CTX_get0_param(ctx);
    int mode = SSL_VERIFY_PEER | (config->clients == HF_CLIENTS_REQUIRED ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);

    if (config->clients == HF_CLIENTS_OFF) {
        SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
        return HF_OK;
    }
    HF_CHECK(config->clients == HF_CLIENTS_OPTIONAL || config->clients == HF_CLIENTS_REQUIRED, HF_ERR_INVALID);
    HF_CHECK(config->client_ca.len > 0, HF_ERR_INVALID);
    HF_CHECK(config->client_ca.len <= HF_CERTIFICATE_FILE_MAX, HF_ERR_TOO_LARGE);
    HF_TRY(trust_all(ctx, config->client_ca));
    HF_CHECK(X509_VERIFY_PARAM_set_purpose(rules, X509_PURPOSE_SSL_CLIENT) == 1, HF_ERR_SYSTEM);
    X509_VERIFY_PARAM_set_auth_level(rules, SECURITY_LEVEL);
    X509_VERIFY_PARAM_set_depth(rules, CLIENT_DEPTH_MAX);
    SSL_CTX_set_verify(ctx, mode, NULL);
    return HF_OK;
}

/* ---- the server ---- */

static hf_err set_up(SSL_CTX *ctx, const hf_tls_config *config)
{
    HF_CHECK(SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1, HF_ERR_SYSTEM);
    HF_CHECK(SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1, HF_ERR_SYSTEM);
    HF_CHECK(SSL_CTX_set1_groups_list(ctx, "X25519MLKEM768:X25519:P-256") == 1, HF_ERR_SYSTEM);
    HF_CHECK(SSL_CTX_set_num_tickets(ctx, 0) == 1, HF_ERR_SYSTEM);
    SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
    SSL_CTX_set_options(ctx,
                        SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CLEANSE_PLAINTEXT);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    /* Asynchronous until the signature is there: hf_stream_handshake ends it. */
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_ASYNC);
    /* One read(2) takes a whole record, its header included. */
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, NULL);
    HF_TRY(set_clients(ctx, config));
    return hf_certificate_install(config->certificate, ctx);
}

hf_err hf_tls_server_new(const hf_tls_config *config, hf_tls_server **ret)
{
    HF_TRY(hf_remote_key_start());
    hf_tls_server *s = calloc(1, sizeof(*s));
    HF_CHECK(s != NULL, HF_ERR_SYSTEM);
    atomic_init(&s->owners, 1);
    s->ctx = SSL_CTX_new(TLS_server_method());
    hf_err e = s->ctx == NULL ? HF_ERR_SYSTEM : set_up(s->ctx, config);
    ERR_clear_error();
    if (e != HF_OK) {
        hf_tls_server_free(s);
        return e;
    }
    *ret = s;
    return HF_OK;
}

hf_tls_server *hf_tls_server_share(hf_tls_server *s)
{
    atomic_fetch_add(&s->owners, 1);
    return s;
}

void hf_tls_server_free(hf_tls_server *s)
{
    if (s == NULL || atomic_fetch_sub(&s->owners, 1) > 1)
        return;
    SSL_CTX_free(s->ctx);
    free(s);
}

SSL *hf_tls_server_connection(const hf_tls_server *s, int fd)
{
    SSL *ssl = SSL_new(s->ctx);

    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        ERR_clear_error();
        return NULL;
    }
    SSL_set_accept_state(ssl);
    return ssl;
}
