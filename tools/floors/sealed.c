/*
 * AES-256-GCM by bare EVP calls, with a new key for each and one SHA-256 of 32 bytes: the floor of sealed memory, whose
 * key is put together from a half and the hash of the other one. Contexts are reused, nothing is fetched, tags and
 * nonces are 16 and 12 bytes, the AAD is 32.
 *
 *   speed     bytes=32      SHA-256, key, seal; SHA-256, key, open; ns for both together
 *   cleared   bytes=32      the same with another key after each, as sealed memory does so that the context keeps none
 *   digest                  the SHA-256 alone
 *   key                     the key alone
 */
#include "floor.h"
#include <openssl/evp.h>

#define LARGEST ((size_t)1 << 20)

static EVP_CIPHER_CTX *cipher;
static EVP_MD_CTX *digest;
static EVP_MD *sha256;
static size_t text_bytes;
static unsigned char text[LARGEST], sealed[LARGEST + 16], opened[LARGEST];
static const unsigned char half[32] = { 1 }, aad[32] = { 2 }, no_key[32];
static unsigned char key[32], nonce[12];

static void must(int ok)
{
    if (ok != 1)
        floor_fail("EVP");
}

static void take_key(int encrypt)
{
    unsigned n = 0;
    must(EVP_DigestInit_ex2(digest, sha256, NULL));
    must(EVP_DigestUpdate(digest, half, sizeof half));
    must(EVP_DigestFinal_ex(digest, key, &n));
    if (encrypt != 0)
        nonce[0]++;
    must(EVP_CipherInit_ex2(cipher, NULL, key, nonce, encrypt, NULL));
}

static void seal(void)
{
    int n = 0;
    take_key(1);
    must(EVP_EncryptUpdate(cipher, NULL, &n, aad, sizeof aad));
    must(EVP_EncryptUpdate(cipher, sealed, &n, text, (int)text_bytes));
    must(EVP_EncryptFinal_ex(cipher, sealed + text_bytes, &n));
    must(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, 16, sealed + text_bytes));
}

static void open_it(void)
{
    int n = 0;
    take_key(0);
    must(EVP_DecryptUpdate(cipher, NULL, &n, aad, sizeof aad));
    must(EVP_DecryptUpdate(cipher, opened, &n, sealed, (int)text_bytes));
    must(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, 16, sealed + text_bytes));
    must(EVP_DecryptFinal_ex(cipher, opened + text_bytes, &n));
}

static void pairs(void *state, uint64_t n)
{
    (void)state;
    for (uint64_t i = 0; i < n; i++) {
        seal();
        open_it();
        floor_touch(opened);
    }
}

static void cleared_pairs(void *state, uint64_t n)
{
    (void)state;
    for (uint64_t i = 0; i < n; i++) {
        seal();
        must(EVP_CipherInit_ex2(cipher, NULL, no_key, NULL, 1, NULL));
        open_it();
        must(EVP_CipherInit_ex2(cipher, NULL, no_key, NULL, 1, NULL));
        floor_touch(opened);
    }
}

static void digests(void *state, uint64_t n)
{
    unsigned length = 0;
    (void)state;
    for (uint64_t i = 0; i < n; i++) {
        must(EVP_DigestInit_ex2(digest, sha256, NULL));
        must(EVP_DigestUpdate(digest, half, sizeof half));
        must(EVP_DigestFinal_ex(digest, key, &length));
    }
}

static void keys(void *state, uint64_t n)
{
    (void)state;
    for (uint64_t i = 0; i < n; i++)
        must(EVP_CipherInit_ex2(cipher, NULL, no_key, NULL, 1, NULL));
}

int main(int argc, char **argv)
{
    const char *mode = floor_start(argc, argv);
    static const struct {
        const char *mode;
        void (*work)(void *, uint64_t);
    } modes[] = { { "speed", pairs }, { "cleared", cleared_pairs }, { "digest", digests }, { "key", keys } };
    EVP_CIPHER *gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
    cipher = EVP_CIPHER_CTX_new();
    digest = EVP_MD_CTX_new();
    text_bytes = floor_setting("bytes", 32);
    if (gcm == NULL || sha256 == NULL || cipher == NULL || digest == NULL || text_bytes > LARGEST - 16)
        floor_fail("EVP");
    must(EVP_CipherInit_ex2(cipher, gcm, no_key, nonce, 1, NULL));
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(modes[i].mode, mode) != 0)
            continue;
        floor_print_timing("EVP re-keyed + SHA-256", mode, floor_measure(modes[i].work, NULL));
        return 0;
    }
    return 2;
}
