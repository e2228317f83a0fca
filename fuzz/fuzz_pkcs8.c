/*
 * Target functions: hf_key_read_pkcs8, hf_rsa_private_is_sound, hf_rsa_alg_of_private, hf_der_take, hf_der_take_uint
 *
 * A private key from outside. What is taken loads again from the material that was given, and OpenSSL reads a key from
 * the same bytes whose public half is ours. The input is the structure itself; tests/unit/crypto judges right keys,
 * here every seed is one that the fuzzer bends.
 */
#include "crypto/crypto.h"
#include <holdfast/arena.h>
#include <holdfast/secret.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static hf_arena *arena;
    const hf_arena_spec spec = { 4u << 20, HF_BACKING_MALLOC };
    const char *why = "";
    (void)argc;
    (void)argv;
    if (hf_arena_create(&spec, &arena, &why) != HF_OK)
        abort();
    hf_secret_use_arena(arena);
    if (hf_crypto_start(NULL) != HF_OK)
        abort();
    return 0;
}

static void openssl_agrees(hf_view pkcs8, const hf_key *key)
{
    uint8_t ours[HF_SPKI_MAX_BYTES];
    unsigned char *theirs = NULL;
    size_t len = 0;
    const unsigned char *at = pkcs8.ptr;
    EVP_PKEY *pkey = d2i_AutoPrivateKey(NULL, &at, (long)pkcs8.len);
    int n = pkey != NULL ? i2d_PUBKEY(pkey, &theirs) : -1;
    if (n <= 0 || hf_key_public_der(key, ours, sizeof ours, &len) != HF_OK ||
        !hf_view_eq((hf_view) { ours, len }, (hf_view) { theirs, (size_t)n }))
        abort();
    OPENSSL_free(theirs);
    EVP_PKEY_free(pkey);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HF_AUTO(hf_secret_freep) hf_secret *in = NULL;
    HF_AUTO(hf_secret_freep) hf_secret *material = NULL;
    hf_alg a = HF_ALG_NONE;
    hf_key *key = NULL;
    if (hf_secret_copy(data, size, &in) != HF_OK)
        return 0;
    hf_err e = hf_key_read_pkcs8(HF_ALG_NONE, in, &a, &material);
    if ((e == HF_OK) != (material != NULL))
        abort();
    if (e != HF_OK)
        return 0;
    if (hf_key_load_private(a, material, &key) != HF_OK)
        abort();
    openssl_agrees((hf_view) { data, size }, key);
    hf_key_free(key);
    return 0;
}
