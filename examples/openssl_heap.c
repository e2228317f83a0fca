/*
 * Everything that OpenSSL allocates, private keys and their round keys included, in an arena: a root user who reads the memory of this
 * process finds no key where the kernel has memfd_secret. Must come before anything else touches OpenSSL.
 *
 *   cc openssl_heap.c $(pkg-config --cflags --libs holdfast-mem libcrypto) -o openssl_heap
 */
#include <holdfast/arena.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdio.h>

static hf_arena *arena;

static void *take(size_t n, const char *file, int line)
{
    (void)file, (void)line;
    return n == 0 ? NULL : hf_arena_alloc(arena, n);
}

static void give(void *p, const char *file, int line)
{
    (void)file, (void)line;
    hf_arena_free(arena, p);
}

static void *resize(void *p, size_t n, const char *file, int line)
{
    if (n == 0) {
        give(p, file, line);
        return NULL;
    }
    return hf_arena_realloc(arena, p, n);
}

int main(void)
{
    const hf_arena_spec spec = { .bytes = 6u << 20, .weakest = HF_BACKING_MLOCK };
    const char *why;
    hf_err e = hf_arena_create(&spec, &arena, &why);

    if (e != HF_OK || CRYPTO_set_mem_functions(take, resize, give) != 1) {
        fprintf(stderr, "openssl_heap: %s (%s)\n", hf_err_text(e), why);
        return 1;
    }

    static const unsigned char message[] = "total: 12.50";
    unsigned char signature[128];
    size_t length = sizeof(signature);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    EVP_MD_CTX *sign = EVP_MD_CTX_new(), *verify = EVP_MD_CTX_new();
    int signed_well = EVP_DigestSignInit(sign, NULL, EVP_sha256(), NULL, key) == 1 &&
                      EVP_DigestSign(sign, signature, &length, message, sizeof(message)) == 1;
    int verified = EVP_DigestVerifyInit(verify, NULL, EVP_sha256(), NULL, key) == 1 &&
                   EVP_DigestVerify(verify, signature, length, message, sizeof(message)) == 1;
    printf("signed and verified: %s\n", signed_well && verified ? "yes" : "no");
    printf("the key lies in the arena: %s\n", hf_arena_owns(arena, key) ? "yes" : "no");
    printf("room for more work: %s\n", hf_arena_above_high_water(arena) ? "no" : "yes");

    EVP_MD_CTX_free(verify);
    EVP_MD_CTX_free(sign);
    EVP_PKEY_free(key);
    return signed_well && verified ? 0 : 1;
}
