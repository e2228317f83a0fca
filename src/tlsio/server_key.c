#include "tlsio/server_key.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <unistd.h>

#define SECURE_HEAP_BYTES (256u * 1024)
#define SECURE_HEAP_SMALLEST 32
#define CHAIN_CERTIFICATES_MAX 8

struct hf_server_key {
    EVP_PKEY *pkey;
    X509 *chain[CHAIN_CERTIFICATES_MAX]; /* leaf first */
    size_t n_chain;
    bool locked;
};

/* Once per process: OpenSSL answers 1 for a locked heap, 2 for one that could not be locked or guarded. */
static hf_err secure_heap_start(bool *ret_locked)
{
    static int state;

    if (state == 0)
        state = CRYPTO_secure_malloc_init(SECURE_HEAP_BYTES, SECURE_HEAP_SMALLEST);
    if (state == 0)
        return HF_ERR_LOCKED_MEMORY;
    *ret_locked = state == 1;
    return HF_OK;
}

/* From the start of the file to its end; pread, so that the same descriptor can be read again after a restart. */
static hf_err read_file(int fd, uint8_t *dst, size_t cap, size_t *ret_len)
{
    size_t len = 0;

    for (;;) {
        ssize_t n = pread(fd, dst + len, cap - len, (off_t)len);
        if (n < 0 && errno == EINTR)
            continue;
        HF_CHECK(n >= 0, HF_ERR_SYSTEM);
        if (n == 0)
            break;
        len += (size_t)n;
        HF_CHECK(len < cap, HF_ERR_TOO_LARGE);
    }
    *ret_len = len;
    return HF_OK;
}

/* An encrypted key is refused instead of asking a terminal for its passphrase. */
static int no_passphrase(char *buf, int size, int rwflag, void *arg)
{
    (void)buf;
    (void)size;
    (void)rwflag;
    (void)arg;
    return -1;
}

static hf_err parse_key(const uint8_t *pem, size_t len, EVP_PKEY **ret)
{
    BIO *bio = BIO_new_mem_buf(pem, (int)len);

    HF_CHECK(bio != NULL, HF_ERR_SYSTEM);
    *ret = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
    BIO_free(bio);
    HF_CHECK(*ret != NULL, HF_ERR_BAD_KEY);
    return HF_OK;
}

static hf_err load_key(hf_server_key *k, int fd)
{
    size_t len = 0;
    uint8_t *pem = OPENSSL_secure_malloc(HF_SERVER_KEY_MAX);

    HF_CHECK(pem != NULL, HF_ERR_LOCKED_MEMORY);
    hf_err e = read_file(fd, pem, HF_SERVER_KEY_MAX, &len);
    if (e == HF_OK)
        e = parse_key(pem, len, &k->pkey);
    OPENSSL_secure_clear_free(pem, HF_SERVER_KEY_MAX);
    return e;
}

static hf_err parse_chain(hf_server_key *k, const uint8_t *pem, size_t len)
{
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    X509 *one;

    HF_CHECK(bio != NULL, HF_ERR_SYSTEM);
    while (k->n_chain < CHAIN_CERTIFICATES_MAX && (one = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)) != NULL)
        k->chain[k->n_chain++] = one;
    /* What stops the loop must be the end of the file, not a certificate that cannot be read. */
    bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    BIO_free(bio);
    HF_CHECK(k->n_chain > 0 && at_end, HF_ERR_BAD_KEY);
    return HF_OK;
}

static hf_err load_chain(hf_server_key *k, int fd)
{
    size_t len = 0;
    uint8_t *pem = malloc(HF_SERVER_CHAIN_MAX);

    HF_CHECK(pem != NULL, HF_ERR_SYSTEM);
    hf_err e = read_file(fd, pem, HF_SERVER_CHAIN_MAX, &len);
    if (e == HF_OK)
        e = parse_chain(k, pem, len);
    free(pem);
    return e;
}

static hf_err load(hf_server_key *k, int chain_fd, int key_fd)
{
    HF_TRY(secure_heap_start(&k->locked));
    HF_TRY(load_chain(k, chain_fd));
    HF_TRY(load_key(k, key_fd));
    HF_CHECK(X509_check_private_key(k->chain[0], k->pkey) == 1, HF_ERR_BAD_KEY);
    return HF_OK;
}

hf_err hf_server_key_load(int chain_fd, int key_fd, hf_server_key **ret)
{
    hf_server_key *k = calloc(1, sizeof(*k));

    HF_CHECK(k != NULL, HF_ERR_SYSTEM);
    /* Before anything else of OpenSSL: no openssl.cnf is opened, now or later. */
    OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    hf_err e = load(k, chain_fd, key_fd);
    ERR_clear_error();
    if (e != HF_OK) {
        hf_server_key_free(k);
        return e;
    }
    *ret = k;
    return HF_OK;
}

void hf_server_key_free(hf_server_key *k)
{
    if (k == NULL)
        return;
    for (size_t i = 0; i < k->n_chain; i++)
        X509_free(k->chain[i]);
    EVP_PKEY_free(k->pkey);
    free(k);
}

bool hf_server_key_locked(const hf_server_key *k)
{
    return k->locked;
}

hf_err hf_server_key_install(const hf_server_key *k, struct ssl_ctx_st *ctx)
{
    HF_CHECK(SSL_CTX_use_certificate(ctx, k->chain[0]) == 1, HF_ERR_BAD_KEY);
    for (size_t i = 1; i < k->n_chain; i++)
        HF_CHECK(SSL_CTX_add1_chain_cert(ctx, k->chain[i]) == 1, HF_ERR_BAD_KEY);
    HF_CHECK(SSL_CTX_use_PrivateKey(ctx, k->pkey) == 1, HF_ERR_BAD_KEY);
    HF_CHECK(SSL_CTX_check_private_key(ctx) == 1, HF_ERR_BAD_KEY);
    return HF_OK;
}
