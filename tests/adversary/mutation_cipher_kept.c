/* A mutation: the cipher context keeps the key of the last call. */
#include "sealmem/internal.h"

void __wrap_hf_cipher_forget(EVP_CIPHER_CTX *ctx, EVP_CIPHER *gcm);

void __wrap_hf_cipher_forget(EVP_CIPHER_CTX *ctx, EVP_CIPHER *gcm)
{
    (void)ctx;
    (void)gcm;
}
