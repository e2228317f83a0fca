/* The TLS key and the TLS stream: where the key lies, and what a peer may not do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tlsio/stream.h"
#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define SCALAR_BYTES 32
#define MAP_BYTES_MAX (256ul << 20)

typedef struct files {
    int chain, key;
} files;

static int memfd_of(BIO *bio)
{
    char *text;
    long len = BIO_get_mem_data(bio, &text);
    int fd = memfd_create("pem", MFD_CLOEXEC);

    assert_true(fd >= 0 && len > 0);
    assert_int_equal(write(fd, text, (size_t)len), len);
    OPENSSL_cleanse(text, (size_t)len);
    BIO_free(bio);
    return fd;
}

static X509 *self_signed(EVP_PKEY *key)
{
    X509 *x = X509_new();

    assert_non_null(x);
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"t", -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    return x;
}

static files make_files(uint8_t ret_scalar[static SCALAR_BYTES])
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    BIGNUM *d = NULL;
    BIO *chain = BIO_new(BIO_s_mem()), *pem = BIO_new(BIO_s_mem());
    files f;

    assert_non_null(key);
    assert_int_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &d), 1);
    assert_int_equal(BN_bn2binpad(d, ret_scalar, SCALAR_BYTES), SCALAR_BYTES);
    BN_clear_free(d);
    X509 *x = self_signed(key);
    assert_int_equal(PEM_write_bio_X509(chain, x), 1);
    assert_int_equal(PEM_write_bio_PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL), 1);
    X509_free(x);
    EVP_PKEY_free(key);
    f.chain = memfd_of(chain);
    f.key = memfd_of(pem);
    return f;
}

/* ---- where the key lies ---- */

static size_t count_in(const uint8_t *at, size_t len, const uint8_t *needle, size_t n)
{
    size_t found = 0;

    for (const uint8_t *p = at; (p = memmem(p, len - (size_t)(p - at), needle, n)) != NULL; p++)
        found++;
    return found;
}

/* Windows of the scalar in all readable, writable maps: inside locked memory (VmFlags lo) and outside. */
static void scan(const uint8_t scalar[static SCALAR_BYTES], size_t *ret_locked, size_t *ret_outside)
{
    uint8_t needles[2][16];
    char line[512];
    unsigned long from = 0, to = 0;
    bool wanted = false;
    int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    FILE *maps = fopen("/proc/self/smaps", "re");

    assert_true(mem >= 0 && maps != NULL);
    memcpy(needles[0], scalar, 16);
    for (size_t i = 0; i < 16; i++)
        needles[1][i] = scalar[15 - i];
    *ret_locked = *ret_outside = 0;
    while (fgets(line, sizeof(line), maps) != NULL) {
        char perms[8];
        unsigned long start, end;
        if (sscanf(line, "%lx-%lx %7s", &start, &end, perms) == 3) {
            from = start;
            to = end;
            /* Larger ones are the shadow of a sanitizer. */
            wanted = perms[0] == 'r' && perms[1] == 'w' && strstr(line, "[stack]") == NULL && to - from < MAP_BYTES_MAX;
        }
        if (!wanted || strncmp(line, "VmFlags:", 8) != 0)
            continue;
        uint8_t *copy = mmap(NULL, to - from, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_true(copy != MAP_FAILED);
        ssize_t n = pread(mem, copy, to - from, (off_t)from);
        for (size_t k = 0; n > 0 && k < 2; k++)
            *(strstr(line, " lo") != NULL ? ret_locked : ret_outside) += count_in(copy, (size_t)n, needles[k], 16);
        munmap(copy, to - from);
    }
    hf_wipe(needles, sizeof(needles));
    fclose(maps);
    close(mem);
}

#ifdef HF_ARENA_MALLOC
static const bool sanitized = true; /* freed blocks of others stay unwiped in quarantine */
#else
static const bool sanitized = false;
#endif

static void test_key_lies_in_locked_memory_only(void **state)
{
    if (sanitized)
        skip();
    /* Static, so it is one known copy outside; hidden by a mask while scanning. */
    static uint8_t scalar[SCALAR_BYTES];
    uint8_t seen[SCALAR_BYTES];
    hf_server_key *key = NULL;
    size_t locked, outside;

    (void)state;
    files f = make_files(scalar);
    assert_int_equal(hf_server_key_load(f.chain, f.key, &key), HF_OK);
    hf_tls_server *server = NULL;
    assert_int_equal(hf_tls_server_new(key, &server), HF_OK);
    memcpy(seen, scalar, sizeof(seen));
    for (size_t i = 0; i < sizeof(scalar); i++)
        scalar[i] ^= 0xff;
    scan(seen, &locked, &outside);
    if (!hf_server_key_locked(key))
        skip(); /* the memlock limit of this machine is too low */
    assert_true(locked >= 1); /* the control: the scan does find it */
    assert_int_equal(outside, 0);
    hf_tls_server_free(server);
    hf_server_key_free(key);
    scan(seen, &locked, &outside);
    assert_int_equal(locked + outside, 0);
    close(f.chain);
    close(f.key);
}

static void test_bad_files_are_refused(void **state)
{
    uint8_t scalar[SCALAR_BYTES];
    files f = make_files(scalar), g = make_files(scalar);
    hf_server_key *key = NULL;
    int junk = memfd_create("junk", MFD_CLOEXEC), empty = memfd_create("empty", MFD_CLOEXEC);

    (void)state;
    assert_int_equal(write(junk, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 58), 58);
    assert_int_equal(hf_server_key_load(f.chain, g.key, &key), HF_ERR_BAD_KEY);
    assert_int_equal(hf_server_key_load(f.key, f.key, &key), HF_ERR_BAD_KEY);
    assert_int_equal(hf_server_key_load(f.chain, f.chain, &key), HF_ERR_BAD_KEY);
    assert_int_equal(hf_server_key_load(junk, f.key, &key), HF_ERR_BAD_KEY);
    assert_int_equal(hf_server_key_load(empty, f.key, &key), HF_ERR_BAD_KEY);
    assert_int_equal(ftruncate(junk, HF_SERVER_CHAIN_MAX), 0);
    assert_int_equal(hf_server_key_load(junk, f.key, &key), HF_ERR_TOO_LARGE);
    assert_null(key);
    close(f.chain);
    close(f.key);
    close(g.chain);
    close(g.key);
    close(junk);
    close(empty);
}

/* ---- one connection ---- */

typedef struct pair {
    hf_tls_server *server;
    hf_stream stream;
    SSL_CTX *client_ctx;
    SSL *client;
} pair;

static void pair_open(pair *p)
{
    uint8_t scalar[SCALAR_BYTES];
    files f = make_files(scalar);
    hf_server_key *key = NULL;
    int fds[2];

    assert_int_equal(hf_server_key_load(f.chain, f.key, &key), HF_OK);
    assert_int_equal(hf_tls_server_new(key, &p->server), HF_OK);
    hf_server_key_free(key);
    close(f.chain);
    close(f.key);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(hf_stream_open(fds[0], p->server, &p->stream), HF_OK);
    p->client_ctx = SSL_CTX_new(TLS_client_method());
    p->client = SSL_new(p->client_ctx);
    assert_int_equal(SSL_set_fd(p->client, fds[1]), 1);
    SSL_set_connect_state(p->client);
    for (int i = 0; i < 20; i++) {
        SSL_do_handshake(p->client);
        if (hf_stream_handshake(&p->stream) == HF_IO_DONE && SSL_is_init_finished(p->client))
            return;
    }
    fail_msg("no handshake");
}

static void pair_close(pair *p)
{
    int fd = SSL_get_fd(p->client);

    SSL_free(p->client);
    SSL_CTX_free(p->client_ctx);
    close(fd);
    hf_stream_close(&p->stream);
    hf_tls_server_free(p->server);
}

static void test_bytes_pass(void **state)
{
    pair p;
    char got[16];
    size_t n;
    bool more;

    (void)state;
    pair_open(&p);
    assert_int_equal(hf_stream_read(&p.stream, got, sizeof(got), &n, &more), HF_IO_WANT_READ);
    assert_int_equal(SSL_write(p.client, "hello", 5), 5);
    assert_int_equal(hf_stream_read(&p.stream, got, sizeof(got), &n, &more), HF_IO_DONE);
    assert_int_equal(n, 5);
    assert_memory_equal(got, "hello", 5);
    assert_int_equal(hf_stream_write(&p.stream, "world", 5, &n), HF_IO_DONE);
    assert_int_equal(SSL_read(p.client, got, sizeof(got)), 5);
    SSL_shutdown(p.client);
    assert_int_equal(hf_stream_read(&p.stream, got, sizeof(got), &n, &more), HF_IO_CLOSED);
    pair_close(&p);
}

/* Rounds of one KeyUpdate and one byte until the server has enough; gives how many it took. */
static unsigned key_update_flood(pair *p, unsigned rounds)
{
    char got[16];
    size_t n;
    bool more;

    for (unsigned i = 0; i < rounds; i++) {
        if (SSL_key_update(p->client, SSL_KEY_UPDATE_NOT_REQUESTED) != 1 || SSL_write(p->client, "x", 1) != 1)
            return i;
        hf_io io = hf_stream_read(&p->stream, got, sizeof(got), &n, &more);
        if (io == HF_IO_CLOSED)
            return i;
    }
    return rounds;
}

static void test_key_updates_are_limited(void **state)
{
    pair p;

    (void)state;
    pair_open(&p);
    assert_int_equal(key_update_flood(&p, HF_TLS_KEY_UPDATES_MAX), HF_TLS_KEY_UPDATES_MAX);
    assert_in_range(key_update_flood(&p, 1000), 0, 3);
    pair_close(&p);
}

static void test_garbage_ends_the_stream(void **state)
{
    pair p;
    char got[16];
    size_t n;
    bool more;

    (void)state;
    pair_open(&p);
    assert_int_equal(write(SSL_get_fd(p.client), "GET / HTTP/1.1\r\n", 16), 16);
    assert_int_equal(hf_stream_read(&p.stream, got, sizeof(got), &n, &more), HF_IO_CLOSED);
    assert_int_equal(hf_stream_write(&p.stream, "x", 1, &n), HF_IO_CLOSED);
    pair_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_lies_in_locked_memory_only),
        cmocka_unit_test(test_bad_files_are_refused),
        cmocka_unit_test(test_bytes_pass),
        cmocka_unit_test(test_key_updates_are_limited),
        cmocka_unit_test(test_garbage_ends_the_stream),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
