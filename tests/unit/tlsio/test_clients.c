/* Clients' certificates at the TLS server: who is let in, and the hash by which tokens are bound (RFC 8705). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "signer.h"
#include "tlsio/stream.h"
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct authority {
    EVP_PKEY *key;
    X509 *certificate;
} authority;

typedef struct wish {
    const char *usage; /* extended key usage */
    long from_s, to_s; /* relative to now */
    bool ca;
    bool weak; /* a key of 1024 bits */
} wish;

static void extend(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;

    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(e);
    assert_int_equal(X509_add_ext(x, e, -1), 1);
    X509_EXTENSION_free(e);
}

static authority issue(const authority *by, const char *name, wish w)
{
    authority a = { .key = w.weak ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024)
                                  : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"),
                    .certificate = X509_new() };
    X509 *x = a.certificate, *issuer = by == NULL ? x : by->certificate;

    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
    X509_gmtime_adj(X509_getm_notBefore(x), w.from_s);
    X509_gmtime_adj(X509_getm_notAfter(x), w.to_s);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(issuer));
    X509_set_pubkey(x, a.key);
    extend(x, issuer, NID_subject_key_identifier, "hash");
    if (by != NULL)
        extend(x, issuer, NID_authority_key_identifier, "keyid:always");
    extend(x, issuer, NID_basic_constraints, w.ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    extend(x, issuer, NID_key_usage, w.ca ? "critical,keyCertSign" : "critical,digitalSignature");
    if (w.usage != NULL)
        extend(x, issuer, NID_ext_key_usage, w.usage);
    assert_true(X509_sign(x, by == NULL ? a.key : by->key, EVP_sha256()) > 0);
    return a;
}

static void authority_free(authority *a)
{
    EVP_PKEY_free(a->key);
    X509_free(a->certificate);
}

static size_t pem_of(X509 *x, char *dst, size_t cap)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;

    assert_int_equal(PEM_write_bio_X509(bio, x), 1);
    size_t len = (size_t)BIO_get_mem_data(bio, &text);
    assert_true(len < cap);
    memcpy(dst, text, len);
    BIO_free(bio);
    return len;
}

/* True when the server takes this client; *ret_hash is then what it knows of its certificate. */
static bool admitted(const authority *ca, hf_client_certificates rule, const authority *client, bool *ret_has,
                     uint8_t ret_hash[static 32])
{
    signer *s = signer_new("P-256");
    hf_certificate *c = NULL;
    hf_tls_server *server = NULL;
    hf_stream stream;
    char pem[8192];
    uint8_t signature[HF_TLS_SIGNATURE_MAX];
    int fds[2];
    hf_io io = HF_IO_WANT_READ;

    assert_int_equal(hf_certificate_parse(hf_view_of(s->pem, s->pem_len), &c), HF_OK);
    hf_tls_config config = { .certificate = c,
                             .clients = rule,
                             .client_ca = hf_view_of(pem, pem_of(ca->certificate, pem, sizeof(pem))) };
    assert_int_equal(hf_tls_server_new(&config, &server), HF_OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(hf_stream_open(fds[0], server, &stream), HF_OK);
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(ctx, 0); /* the server shall refuse, not we */
    SSL *ssl = SSL_new(ctx);
    SSL_set_fd(ssl, fds[1]);
    SSL_set_connect_state(ssl);
    if (client != NULL) {
        assert_int_equal(SSL_use_certificate(ssl, client->certificate), 1);
        assert_int_equal(SSL_use_PrivateKey(ssl, client->key), 1);
    }
    for (int i = 0; i < 20 && io != HF_IO_DONE && io != HF_IO_CLOSED; i++) {
        SSL_do_handshake(ssl);
        io = hf_stream_handshake(&stream);
        if (io == HF_IO_WANT_SIGNATURE)
            hf_stream_answer(&stream, hf_view_of(signature, signer_sign(s, hf_stream_question(&stream), signature)));
    }
    *ret_has = io == HF_IO_DONE && hf_stream_client(&stream, ret_hash);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fds[1]);
    hf_stream_close(&stream);
    hf_tls_server_free(server);
    hf_certificate_free(c);
    signer_free(s);
    return io == HF_IO_DONE;
}

#define DAY 86400L

static void who_is_let_in(void **state)
{
    const wish ca_wish = { .from_s = -DAY, .to_s = DAY, .ca = true };
    authority ca = issue(NULL, "clients", ca_wish), foreign = issue(NULL, "clients", ca_wish);
    const struct {
        const char *what;
        authority who;
        bool good;
    } rows[] = {
        { "good", issue(&ca, "a", (wish) { "clientAuth", -DAY, DAY, false, false }), true },
        { "no extended usage", issue(&ca, "b", (wish) { NULL, -DAY, DAY, false, false }), true },
        { "another authority of that name", issue(&foreign, "c", (wish) { "clientAuth", -DAY, DAY, false, false }),
          false },
        { "expired", issue(&ca, "d", (wish) { "clientAuth", -2 * DAY, -DAY, false, false }), false },
        { "not yet valid", issue(&ca, "e", (wish) { "clientAuth", DAY, 2 * DAY, false, false }), false },
        { "for servers", issue(&ca, "f", (wish) { "serverAuth", -DAY, DAY, false, false }), false },
        { "signed by itself", issue(NULL, "g", (wish) { "clientAuth", -DAY, DAY, false, false }), false },
        { "a weak key", issue(&ca, "h", (wish) { "clientAuth", -DAY, DAY, false, true }), false },
    };
    uint8_t hash[32], expected[32];
    bool has;

    (void)state;
    for (size_t i = 0; i < HF_COUNT(rows); i++)
        for (int rule = HF_CLIENTS_OPTIONAL; rule <= HF_CLIENTS_REQUIRED; rule++) {
            bool in = admitted(&ca, (hf_client_certificates)rule, &rows[i].who, &has, hash);
            if (in != rows[i].good || has != rows[i].good)
                fail_msg("%s (rule %d): in %d, has %d", rows[i].what, rule, in, has);
            assert_int_equal(X509_digest(rows[i].who.certificate, EVP_sha256(), expected, NULL), 1);
            if (has)
                assert_memory_equal(hash, expected, sizeof(hash));
        }
    assert_true(admitted(&ca, HF_CLIENTS_OPTIONAL, NULL, &has, hash));
    assert_false(has);
    assert_false(admitted(&ca, HF_CLIENTS_REQUIRED, NULL, &has, hash));
    /* Nobody asks for it, so it is not even sent. */
    assert_true(admitted(&ca, HF_CLIENTS_OFF, &rows[0].who, &has, hash));
    assert_false(has);
    for (size_t i = 0; i < HF_COUNT(rows); i++)
        authority_free((authority *)(uintptr_t)&rows[i].who);
    authority_free(&ca);
    authority_free(&foreign);
}

/* An intermediate that is not in the file and an authority that is none do not carry a chain. */
static void chains_end_at_a_root_that_we_have(void **state)
{
    const wish leaf = { "clientAuth", -DAY, DAY, false, false };
    authority root = issue(NULL, "root", (wish) { NULL, -DAY, DAY, true, false });
    authority middle = issue(&root, "middle", (wish) { NULL, -DAY, DAY, true, false });
    authority pretender = issue(&root, "pretender", (wish) { NULL, -DAY, DAY, false, false });
    authority below = issue(&middle, "below", leaf), wrong = issue(&pretender, "wrong", leaf);
    uint8_t hash[32];
    bool has;

    (void)state;
    assert_false(admitted(&root, HF_CLIENTS_REQUIRED, &below, &has, hash)); /* its intermediate is not sent */
    assert_false(admitted(&middle, HF_CLIENTS_REQUIRED, &below, &has, hash)); /* no root, no partial chain */
    assert_false(admitted(&pretender, HF_CLIENTS_REQUIRED, &wrong, &has, hash));
    authority_free(&root);
    authority_free(&middle);
    authority_free(&pretender);
    authority_free(&below);
    authority_free(&wrong);
}

static void bad_authorities_are_refused(void **state)
{
    static const char *const texts[] = { "", "nothing",
                                         "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" };
    signer *s = signer_new("P-256");
    hf_certificate *c = NULL;
    hf_tls_server *server = NULL;

    (void)state;
    assert_int_equal(hf_certificate_parse(hf_view_of(s->pem, s->pem_len), &c), HF_OK);
    for (size_t i = 0; i < HF_COUNT(texts); i++) {
        hf_tls_config config = { .certificate = c, .clients = HF_CLIENTS_REQUIRED, .client_ca = hf_view_str(texts[i]) };
        assert_int_equal(hf_tls_server_new(&config, &server), HF_ERR_INVALID);
    }
    assert_null(server);
    hf_certificate_free(c);
    signer_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_let_in),
        cmocka_unit_test(chains_end_at_a_root_that_we_have),
        cmocka_unit_test(bad_authorities_are_refused),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
