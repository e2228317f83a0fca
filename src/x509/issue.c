#include "x509/issue.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#define CA_DAYS 3653
#define SERVER_DAYS 397
#define SERIAL_BYTES 16

static const char *const own_hosts[] = { "localhost", "127.0.0.1", "::1" };

/* Keys and certificates under way; freed together. */
struct issuing {
    EVP_PKEY *ca_key;
    EVP_PKEY *server_key;
    X509 *ca;
    X509 *server;
};

static void issuing_free(struct issuing *i)
{
    EVP_PKEY_free(i->ca_key);
    EVP_PKEY_free(i->server_key);
    X509_free(i->ca);
    X509_free(i->server);
}

static bool label_ok(const char *label, size_t len)
{
    if (len == 0 || len > 63 || label[0] == '-' || label[len - 1] == '-')
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)label[i]) && label[i] != '-')
            return false;
    return true;
}

static bool is_address(const char *host)
{
    uint8_t bytes[16];

    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

bool hf_x509_host_ok(const char *host)
{
    if (is_address(host))
        return true;
    if (strlen(host) > 253)
        return false;
    if (strncmp(host, "*.", 2) == 0)
        host += 2;
    for (;;) {
        size_t len = strcspn(host, ".");
        if (!label_ok(host, len))
            return false;
        if (host[len] == '\0')
            return true;
        host += len + 1;
    }
}

/* Positive, 127 bits of it random (RFC 5280 4.1.2.2). */
static bool serial_set(X509 *cert)
{
    BIGNUM *n = BN_new();
    bool ok = n != NULL && BN_rand(n, SERIAL_BYTES * 8 - 1, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
              BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert)) != NULL;

    BN_free(n);
    return ok;
}

static bool name_add(X509_NAME *name, const char *field, const char *text)
{
    return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0) == 1;
}

static bool times_set(X509 *cert, hf_wall now, int days)
{
    time_t t = (time_t)hf_wall_s(now);

    return X509_time_adj_ex(X509_getm_notBefore(cert), 0, -3600, &t) != NULL &&
           X509_time_adj_ex(X509_getm_notAfter(cert), days, 0, &t) != NULL;
}

static bool extension_add(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;

    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = e != NULL && X509_add_ext(cert, e, -1) == 1;
    X509_EXTENSION_free(e);
    return ok;
}

static GENERAL_NAME *general_name(const char *host)
{
    GENERAL_NAME *g = GENERAL_NAME_new();
    ASN1_OCTET_STRING *ip = is_address(host) ? a2i_IPADDRESS(host) : NULL;
    ASN1_IA5STRING *dns = ip == NULL ? ASN1_IA5STRING_new() : NULL;

    if (g != NULL && ip != NULL) {
        GENERAL_NAME_set0_value(g, GEN_IPADD, ip);
        return g;
    }
    if (g != NULL && dns != NULL && ASN1_STRING_set(dns, host, -1) == 1) {
        GENERAL_NAME_set0_value(g, GEN_DNS, dns);
        return g;
    }
    ASN1_OCTET_STRING_free(ip);
    ASN1_IA5STRING_free(dns);
    GENERAL_NAME_free(g);
    return NULL;
}

static bool names_push(GENERAL_NAMES *names, const char *const *hosts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        GENERAL_NAME *g = general_name(hosts[i]);
        if (g == NULL || sk_GENERAL_NAME_push(names, g) == 0) {
            GENERAL_NAME_free(g);
            return false;
        }
    }
    return true;
}

/* Built from typed names, not from a configuration text: a host cannot smuggle in another kind of name. */
static bool alt_names_add(X509 *cert, const hf_x509_request *request)
{
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    bool ok = names != NULL && names_push(names, own_hosts, HF_COUNT(own_hosts)) &&
              names_push(names, request->hosts, request->n_hosts) &&
              X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1;

    sk_GENERAL_NAME_pop_free(names, GENERAL_NAME_free);
    return ok;
}

static X509 *certificate_new(EVP_PKEY *key, const char *common_name, hf_wall now, int days)
{
    X509 *cert = X509_new();

    if (cert != NULL && X509_set_version(cert, X509_VERSION_3) == 1 && serial_set(cert) && times_set(cert, now, days) &&
        X509_set_pubkey(cert, key) == 1 && name_add(X509_get_subject_name(cert), "O", "Holdfast") &&
        name_add(X509_get_subject_name(cert), "CN", common_name))
        return cert;
    X509_free(cert);
    return NULL;
}

static bool ca_make(struct issuing *i, hf_wall now)
{
    i->ca_key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    i->ca = i->ca_key == NULL ? NULL : certificate_new(i->ca_key, "Holdfast local CA", now, CA_DAYS);
    return i->ca != NULL && X509_set_issuer_name(i->ca, X509_get_subject_name(i->ca)) == 1 &&
           extension_add(i->ca, i->ca, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
           extension_add(i->ca, i->ca, NID_key_usage, "critical,keyCertSign,cRLSign") &&
           extension_add(i->ca, i->ca, NID_subject_key_identifier, "hash") &&
           X509_sign(i->ca, i->ca_key, EVP_sha256()) > 0;
}

static bool server_make(struct issuing *i, const hf_x509_request *request)
{
    i->server_key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    i->server =
        i->server_key == NULL ? NULL : certificate_new(i->server_key, "Holdfast server", request->now, SERVER_DAYS);
    return i->server != NULL && X509_set_issuer_name(i->server, X509_get_subject_name(i->ca)) == 1 &&
           extension_add(i->server, i->ca, NID_basic_constraints, "critical,CA:FALSE") &&
           extension_add(i->server, i->ca, NID_key_usage, "critical,digitalSignature") &&
           extension_add(i->server, i->ca, NID_ext_key_usage, "serverAuth") &&
           extension_add(i->server, i->ca, NID_subject_key_identifier, "hash") &&
           extension_add(i->server, i->ca, NID_authority_key_identifier, "keyid:always") &&
           alt_names_add(i->server, request) && X509_sign(i->server, i->ca_key, EVP_sha256()) > 0;
}

/* A memory BIO's bytes; borrowed. */
static hf_view bio_view(BIO *bio)
{
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);

    return hf_view_of(data, len > 0 ? (size_t)len : 0);
}

static hf_err certificate_pem(X509 *cert, char dst[static HF_X509_PEM_CAP])
{
    BIO *bio = BIO_new(BIO_s_mem());
    hf_err err = HF_ERR_INTERNAL;

    if (bio != NULL && PEM_write_bio_X509(bio, cert) == 1)
        err = hf_view_to_str(bio_view(bio), dst, HF_X509_PEM_CAP);
    BIO_free(bio);
    return err;
}

/* The BIO lies in OpenSSL's heap, which is the arena here, and is wiped when freed. */
static hf_err key_pem(EVP_PKEY *key, hf_secret **ret)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    hf_err err = HF_ERR_INTERNAL;

    if (bio != NULL && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1)
        err = hf_secret_copy(bio_view(bio).ptr, bio_view(bio).len, ret);
    BIO_free(bio);
    return err;
}

static hf_err bundle_fill(const struct issuing *i, hf_x509_bundle *b)
{
    HF_TRY(certificate_pem(i->ca, b->ca_pem));
    HF_TRY(certificate_pem(i->server, b->server_pem));
    HF_TRY(key_pem(i->server_key, &b->server_key));
    return key_pem(i->ca_key, &b->ca_key);
}

hf_err hf_x509_issue(const hf_x509_request *request, hf_x509_bundle *ret)
{
    HF_AUTO(issuing_free) struct issuing i = { 0 };
    hf_x509_bundle bundle = { .server_key = NULL };

    HF_CHECK(request->n_hosts <= HF_X509_HOSTS_MAX, HF_ERR_BOUNDS);
    for (size_t n = 0; n < request->n_hosts; n++)
        HF_CHECK(hf_x509_host_ok(request->hosts[n]), HF_ERR_INVALID);
    HF_CHECK(ca_make(&i, request->now) && server_make(&i, request), HF_ERR_INTERNAL);
    hf_err err = bundle_fill(&i, &bundle);
    if (err != HF_OK) {
        hf_x509_bundle_free(&bundle);
        return err;
    }
    *ret = bundle;
    return HF_OK;
}

void hf_x509_bundle_free(hf_x509_bundle *bundle)
{
    hf_secret_free(bundle->server_key);
    hf_secret_free(bundle->ca_key);
    bundle->server_key = NULL;
    bundle->ca_key = NULL;
}
