#include "tlsio/certificate.h"

#include "tlsio/remote_key.h"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHAIN_CERTIFICATES_MAX 8
#define RSA_BITS_MIN 2048

struct hf_certificate {
    EVP_PKEY *key; /* the stand-in */
    X509 *chain[CHAIN_CERTIFICATES_MAX]; /* leaf first */
    size_t n_chain;
    uint8_t key_id[HF_KEY_ID_BYTES];
    uint16_t scheme;
};

hf_err hf_certificate_file(int fd, uint8_t **ret, size_t *ret_len)
{
    uint8_t *text = malloc(HF_CERTIFICATE_FILE_MAX);
    size_t len = 0;
    ssize_t n = -1;

    HF_CHECK(text != NULL, HF_ERR_SYSTEM);
    while (len < HF_CERTIFICATE_FILE_MAX) {
        n = pread(fd, text + len, HF_CERTIFICATE_FILE_MAX - len, (off_t)len);
        if (n == 0 || (n < 0 && errno != EINTR))
            break;
        len += n > 0 ? (size_t)n : 0;
    }
    if (n != 0) {
        free(text);
        return len == HF_CERTIFICATE_FILE_MAX ? HF_ERR_TOO_LARGE : HF_ERR_SYSTEM;
    }
    *ret = text;
    *ret_len = len;
    return HF_OK;
}

/* Nothing here is encrypted: never ask a terminal for a passphrase. */
static int no_passphrase(char *buf, int size, int rwflag, void *arg)
{
    (void)buf;
    (void)size;
    (void)rwflag;
    (void)arg;
    return -1;
}

static hf_err parse_chain(hf_certificate *c, hf_view pem)
{
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    X509 *one;

    HF_CHECK(bio != NULL, HF_ERR_SYSTEM);
    while ((one = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)) != NULL && c->n_chain < CHAIN_CERTIFICATES_MAX)
        c->chain[c->n_chain++] = one;
    /* What stops the loop must be the end of the file, not a certificate too much or one that cannot be read. */
    bool at_end = one == NULL && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    X509_free(one);
    BIO_free(bio);
    HF_CHECK(c->n_chain > 0 && at_end, HF_ERR_BAD_KEY);
    return HF_OK;
}

/* The one scheme that fits an elliptic key; for RSA the first that we offer (RFC 8446 section 4.2.3). */
static uint16_t scheme_of(EVP_PKEY *key)
{
    char group[32] = "";

    if (EVP_PKEY_is_a(key, "ED25519"))
        return HF_TLS_ED25519;
    if (EVP_PKEY_is_a(key, "RSA"))
        return EVP_PKEY_get_bits(key) >= RSA_BITS_MIN ? HF_TLS_RSA_PSS_RSAE_SHA256 : 0;
    if (!EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1)
        return 0;
    if (strcmp(group, "prime256v1") == 0)
        return HF_TLS_ECDSA_SECP256R1_SHA256;
    return strcmp(group, "secp384r1") == 0 ? HF_TLS_ECDSA_SECP384R1_SHA384 : 0;
}

static hf_err take_public(hf_certificate *c)
{
    X509_PUBKEY *spki = X509_get_X509_PUBKEY(c->chain[0]);
    EVP_PKEY *key = X509_get0_pubkey(c->chain[0]);
    uint8_t *der = NULL;

    HF_CHECK(key != NULL, HF_ERR_BAD_KEY);
    c->scheme = scheme_of(key);
    HF_CHECK(c->scheme != 0, HF_ERR_BAD_KEY);
    int len = i2d_X509_PUBKEY(spki, &der);
    HF_CHECK(len > 0, HF_ERR_BAD_KEY);
    hf_err e = EVP_Q_digest(NULL, "SHA256", NULL, der, (size_t)len, c->key_id, NULL) == 1 ? HF_OK : HF_ERR_SYSTEM;
    if (e == HF_OK)
        e = hf_remote_key_new(hf_view_of(der, (size_t)len), &c->key);
    OPENSSL_free(der);
    HF_TRY(e);
    /* That two halves of one stand-in belong together is no proof: hf_certificate_check is. */
    return X509_check_private_key(c->chain[0], c->key) == 1 ? HF_OK : HF_ERR_BAD_KEY;
}

hf_err hf_certificate_parse(hf_view pem, hf_certificate **ret)
{
    HF_CHECK(pem.len > 0, HF_ERR_BAD_KEY);
    HF_CHECK(pem.len <= HF_CERTIFICATE_FILE_MAX, HF_ERR_TOO_LARGE);
    HF_TRY(hf_remote_key_start());
    hf_certificate *c = calloc(1, sizeof(*c));
    HF_CHECK(c != NULL, HF_ERR_SYSTEM);
    hf_err e = parse_chain(c, pem);
    if (e == HF_OK)
        e = take_public(c);
    ERR_clear_error();
    if (e != HF_OK) {
        hf_certificate_free(c);
        return e;
    }
    *ret = c;
    return HF_OK;
}

hf_err hf_certificate_read(int fd, hf_certificate **ret)
{
    uint8_t *text = NULL;
    size_t len = 0;

    HF_TRY(hf_certificate_file(fd, &text, &len));
    hf_err e = hf_certificate_parse(hf_view_of(text, len), ret);
    free(text);
    return e;
}

void hf_certificate_free(hf_certificate *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->n_chain; i++)
        X509_free(c->chain[i]);
    EVP_PKEY_free(c->key);
    free(c);
}

const uint8_t *hf_certificate_key_id(const hf_certificate *c)
{
    return c->key_id;
}

bool hf_certificate_equal(const hf_certificate *a, const hf_certificate *b)
{
    if (a->n_chain != b->n_chain)
        return false;
    for (size_t i = 0; i < a->n_chain; i++)
        if (X509_cmp(a->chain[i], b->chain[i]) != 0)
            return false;
    return true;
}

uint16_t hf_certificate_scheme(const hf_certificate *c)
{
    return c->scheme;
}

static const char *digest_of(uint16_t scheme)
{
    switch (scheme) {
    case HF_TLS_ED25519:
        return NULL;
    case HF_TLS_ECDSA_SECP384R1_SHA384:
        return "SHA384";
    default:
        return "SHA256";
    }
}

static bool verify(const hf_certificate *c, EVP_MD_CTX *md, hf_view input, hf_view signature)
{
    EVP_PKEY_CTX *ctx = NULL;

    if (EVP_DigestVerifyInit_ex(md, &ctx, digest_of(c->scheme), NULL, NULL, X509_get0_pubkey(c->chain[0]), NULL) != 1)
        return false;
    if (c->scheme == HF_TLS_RSA_PSS_RSAE_SHA256 && (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) != 1 ||
                                                    EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) != 1))
        return false;
    return EVP_DigestVerify(md, signature.ptr, signature.len, input.ptr, input.len) == 1;
}

hf_err hf_certificate_check(const hf_certificate *c, hf_view input, hf_view signature)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();

    HF_CHECK(md != NULL, HF_ERR_SYSTEM);
    bool good = verify(c, md, input, signature);
    EVP_MD_CTX_free(md);
    ERR_clear_error();
    return good ? HF_OK : HF_ERR_BAD_SIGNATURE;
}

hf_err hf_certificate_install(const hf_certificate *c, struct ssl_ctx_st *ctx)
{
    HF_CHECK(SSL_CTX_use_certificate(ctx, c->chain[0]) == 1, HF_ERR_BAD_KEY);
    for (size_t i = 1; i < c->n_chain; i++)
        HF_CHECK(SSL_CTX_add1_chain_cert(ctx, c->chain[i]) == 1, HF_ERR_BAD_KEY);
    HF_CHECK(SSL_CTX_use_PrivateKey(ctx, c->key) == 1, HF_ERR_BAD_KEY);
    HF_CHECK(SSL_CTX_check_private_key(ctx) == 1, HF_ERR_BAD_KEY);
    return HF_OK;
}
