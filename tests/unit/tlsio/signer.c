#include "signer.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "signer: %s\n", what);
    abort();
}

static EVP_PKEY *key_new(const char *kind)
{
    if (kind[0] == 'P')
        return EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind);
    if (kind[0] == 'R')
        return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)atol(kind + 4));
    return EVP_PKEY_Q_keygen(NULL, NULL, kind);
}

static void text_of(signer *s)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;

    must(bio != NULL && PEM_write_bio_X509(bio, s->certificate) == 1, "no PEM");
    s->pem_len = (size_t)BIO_get_mem_data(bio, &text);
    must(s->pem_len < sizeof(s->pem), "the certificate is too large");
    memcpy(s->pem, text, s->pem_len);
    BIO_free(bio);
}

signer *signer_new(const char *kind)
{
    signer *s = calloc(1, sizeof(*s));

    must(s != NULL && (s->key = key_new(kind)) != NULL && (s->certificate = X509_new()) != NULL, "no key");
    X509 *x = s->certificate;
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, s->key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1,
                               0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    must(X509_sign(x, s->key, kind[0] == 'E' ? NULL : EVP_sha256()) > 0, "no certificate");
    text_of(s);
    return s;
}

signer *signer_read(const char *certificate_file, const char *key_file)
{
    signer *s = calloc(1, sizeof(*s));
    FILE *certificate = fopen(certificate_file, "re"), *key = fopen(key_file, "re");

    must(s != NULL, "no memory");
    if (certificate != NULL && key != NULL) {
        s->certificate = PEM_read_X509(certificate, NULL, NULL, NULL);
        s->key = PEM_read_PrivateKey(key, NULL, NULL, NULL);
    }
    if (certificate != NULL)
        fclose(certificate);
    if (key != NULL)
        fclose(key);
    if (s->certificate == NULL || s->key == NULL) {
        signer_free(s);
        return NULL;
    }
    text_of(s);
    return s;
}

void signer_free(signer *s)
{
    if (s == NULL)
        return;
    EVP_PKEY_free(s->key);
    X509_free(s->certificate);
    free(s);
}

static const EVP_MD *digest_of(uint16_t scheme)
{
    switch (scheme) {
    case HF_TLS_ED25519:
        return NULL;
    case HF_TLS_ECDSA_SECP384R1_SHA384:
    case HF_TLS_RSA_PSS_RSAE_SHA384:
        return EVP_sha384();
    case HF_TLS_RSA_PSS_RSAE_SHA512:
        return EVP_sha512();
    default:
        return EVP_sha256();
    }
}

size_t signer_sign(const signer *s, const hf_signing *question, uint8_t dst[static HF_TLS_SIGNATURE_MAX])
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx = NULL;
    size_t len = HF_TLS_SIGNATURE_MAX;

    must(md != NULL, "no memory");
    bool ok = EVP_DigestSignInit(md, &ctx, digest_of(question->scheme), NULL, s->key) == 1;
    if (ok && EVP_PKEY_is_a(s->key, "RSA"))
        ok = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
    ok = ok && EVP_DigestSign(md, dst, &len, question->input, question->input_len) == 1;
    EVP_MD_CTX_free(md);
    return ok ? len : 0;
}
