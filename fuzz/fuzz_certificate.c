/*
 * Target functions: hf_certificate_parse, hf_certificate_install, hf_tls_server_new, pem_key_read, wrap_sec1, der_take
 *
 * The files behind TLS: a server's chain, the authorities of its clients, a private key. Input: one byte of kind, then
 * the file; kinds 3 and 4 put a PEM frame around raw DER, so that the structures behind base64 are reached.
 */
#include "base/text.h"
#include "config/pem_key.h"
#include "tlsio/server.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static hf_certificate *good; /* of the corpus' first good chain; NULL until there was one */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    hf_arena_spec spec = { 4u << 20, HF_BACKING_MALLOC };
    hf_arena *arena = NULL;
    const char *why;

    (void)argc;
    (void)argv;
    if (hf_arena_create(&spec, &arena, &why) != HF_OK)
        abort();
    hf_secret_use_arena(arena);
    return 0;
}

static void as_chain(hf_view text)
{
    hf_certificate *c = NULL;
    hf_tls_server *s = NULL;

    if (hf_certificate_parse(text, &c) != HF_OK)
        return;
    hf_tls_config config = { .certificate = c, .clients = HF_CLIENTS_OFF };
    if (hf_tls_server_new(&config, &s) == HF_OK)
        hf_tls_server_free(s);
    if (good == NULL)
        good = c;
    else
        hf_certificate_free(c);
}

static void as_authorities(hf_view text)
{
    hf_tls_server *s = NULL;
    hf_tls_config config = { .certificate = good, .clients = HF_CLIENTS_REQUIRED, .client_ca = text };

    if (good == NULL)
        return;
    if (hf_tls_server_new(&config, &s) == HF_OK)
        hf_tls_server_free(s);
}

static void as_key(hf_view text)
{
    hf_secret *copy = NULL, *pkcs8 = NULL;
    const char *why = "";

    if (text.len == 0 || text.len > PEM_KEY_FILE_MAX || hf_secret_copy(text.ptr, text.len, &copy) != HF_OK)
        return;
    if (pem_key_read(copy, text.len, &pkcs8, &why) != HF_OK) {
        if (why[0] == '\0')
            abort(); /* a refusal says why */
    } else if (hf_secret_len(pkcs8) == 0 || hf_secret_len(pkcs8) > PEM_KEY_PKCS8_MAX) {
        abort();
    }
    hf_secret_free(pkcs8);
    hf_secret_free(copy);
}

static void framed_key(hf_view der, const char *label)
{
    char text[24000], body[16000];

    if (der.len > 8000)
        return;
    size_t n = hf_b64_encode(der, body);
    int len = snprintf(text, sizeof(text), "-----BEGIN %s-----\n%.*s\n-----END %s-----\n", label, (int)n, body, label);
    as_key(hf_view_of(text, (size_t)len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    hf_view in = hf_view_of(data + 1, size - 1);
    switch (data[0] % 5) {
    case 0:
        as_chain(in);
        break;
    case 1:
        as_authorities(in);
        break;
    case 2:
        as_key(in);
        break;
    case 3:
        framed_key(in, "EC PRIVATE KEY");
        break;
    case 4:
        framed_key(in, "RSA PRIVATE KEY");
        break;
    }
    return 0;
}
