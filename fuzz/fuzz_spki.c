/*
 * Target functions: hf_key_load_any_public, hf_key_load_public, hf_key_public_der, hf_key_verify, hf_rsa_read_public
 *
 * A public key from outside. What is taken must be the one right encoding: OpenSSL reads the same key from it, writes
 * it back byte for byte, and it works as a key of exactly one algorithm. Input: one byte of kind, then the rest; every
 * kind but 0 puts the right prefix and length around the rest, so that the checks behind the prefix are reached.
 */
#include "crypto/crypto.h"
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
    size_t raw_len;
    size_t prefix_len;
    uint8_t prefix[33];
} kinds[] = {
    { 0, 0, { 0 } },
    { 65, 26, { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
                0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00 } },
    { 32, 12, { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00 } },
    { 1184, 22, { 0x30, 0x82, 0x04, 0xb2, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48,
                  0x01, 0x65, 0x03, 0x04, 0x04, 0x02, 0x03, 0x82, 0x04, 0xa1, 0x00 } },
    { 97, 23, { 0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
                0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00 } },
    { 1952, 22, { 0x30, 0x82, 0x07, 0xb2, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48,
                  0x01, 0x65, 0x03, 0x04, 0x03, 0x12, 0x03, 0x82, 0x07, 0xa1, 0x00 } },
    /* rsaEncryption with a modulus of 2048 bits whose length is given: the rest is the modulus and the exponent */
    { 261, 33, { 0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01,
                 0x05, 0x00, 0x03, 0x82, 0x01, 0x0f, 0x00, 0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00 } },
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    if (hf_crypto_start(NULL) != HF_OK)
        abort();
    return 0;
}

/* Short input is filled up with zeros, long input is cut. */
static hf_view build(size_t kind, const uint8_t *data, size_t size, uint8_t *buf)
{
    size_t n = size < kinds[kind].raw_len ? size : kinds[kind].raw_len;
    memcpy(buf, kinds[kind].prefix, kinds[kind].prefix_len);
    memset(buf + kinds[kind].prefix_len, 0, kinds[kind].raw_len);
    memcpy(buf + kinds[kind].prefix_len, data, n);
    return (hf_view) { buf, kinds[kind].prefix_len + kinds[kind].raw_len };
}

static void openssl_agrees(hf_view spki)
{
    const unsigned char *at = spki.ptr;
    unsigned char *again = NULL;
    EVP_PKEY *pkey = d2i_PUBKEY(NULL, &at, (long)spki.len);
    if (pkey == NULL || at != spki.ptr + spki.len)
        abort();
    int len = i2d_PUBKEY(pkey, &again);
    if (len < 0 || !hf_view_eq((hf_view) { again, (size_t)len }, spki))
        abort();
    OPENSSL_free(again);
    EVP_PKEY_free(pkey);
}

static void is_one_algorithm(hf_view spki, hf_alg is)
{
    for (int a = HF_ALG_NONE; a <= HF_ALG_HMAC_SHA512; a++) {
        hf_key *k = NULL;
        if ((hf_key_load_public((hf_alg)a, spki, &k) == HF_OK) != ((hf_alg)a == is))
            abort();
        hf_key_free(k);
    }
}

static void round_trips(const hf_key *key, hf_view spki)
{
    uint8_t again[HF_SPKI_MAX_BYTES];
    size_t len = 0;
    if (hf_key_public_der(key, again, sizeof again, &len) != HF_OK || !hf_view_eq((hf_view) { again, len }, spki))
        abort();
}

/* No signature is good by accident: zero bytes hold for nothing. */
static void verifies_nothing(const hf_key *key)
{
    static const uint8_t zero[3309] = { 0 };
    static const size_t lengths[] = { 64, 96, 256, 384, 3309 };
    hf_alg a = hf_key_alg(key);
    hf_scheme raw = a == HF_ALG_EC_P256 || a == HF_ALG_EC_P384 ? HF_SCHEME_ECDSA_RAW : HF_SCHEME_DEFAULT;
    for (size_t i = 0; i < HF_COUNT(lengths); i++) {
        if (hf_key_verify(key, raw, HF_HASH_NONE, false, hf_view_str("text"), (hf_view) { zero, lengths[i] }) == HF_OK)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t buf[33 + 1952];
    hf_key *key = NULL;
    if (size == 0)
        return 0;
    size_t kind = data[0] % HF_COUNT(kinds);
    hf_view spki = kind == 0 ? (hf_view) { data + 1, size - 1 } : build(kind, data + 1, size - 1, buf);
    if (hf_key_load_any_public(spki, &key) != HF_OK)
        return 0;
    openssl_agrees(spki);
    is_one_algorithm(spki, hf_key_alg(key));
    round_trips(key, spki);
    verifies_nothing(key);
    hf_key_free(key);
    return 0;
}
