#include "crypto/openssl.h"

/* AES-256 key wrap with padding (RFC 5649, SP 800-38F section 6.3). */

#define KWP_BLOCK 8
#define KWP_MIN_BYTES 16
#define KWP_MAX_BYTES (65536 + KWP_BLOCK) /* around the largest secret */

static void cipher_ctx_freep(EVP_CIPHER_CTX **p)
{
    EVP_CIPHER_CTX_free(*p);
}

/* The whole input at once. Gives the length, or 0 when it failed. */
static size_t run(const uint8_t *kek, bool wrap, hf_view in, uint8_t *dst, size_t cap)
{
    HF_AUTO(cipher_ctx_freep) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t none[EVP_MAX_BLOCK_LENGTH];
    int n = 0, last = 0;
    if (ctx == NULL)
        return 0;
    EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    if (EVP_CipherInit_ex2(ctx, hf_openssl.kwp, kek, NULL, wrap ? 1 : 0, NULL) != 1 ||
        EVP_CipherUpdate(ctx, dst, &n, in.ptr, (int)in.len) != 1 || n <= 0 || (size_t)n > cap ||
        EVP_CipherFinal_ex(ctx, none, &last) != 1 || last != 0)
        return 0;
    return (size_t)n;
}

static hf_err wrap_into(const uint8_t *kek, hf_view in, uint8_t *dst, size_t cap, size_t *ret_len)
{
    size_t want = (in.len + KWP_BLOCK - 1) / KWP_BLOCK * KWP_BLOCK + KWP_BLOCK;
    HF_CHECK(in.len > 0 && want <= KWP_MAX_BYTES && cap >= want, HF_ERR_BOUNDS);
    if (run(kek, true, in, dst, cap) != want) {
        hf_wipe(dst, want);
        return hf_openssl_error(HF_ERR_INTERNAL);
    }
    *ret_len = want;
    return HF_OK;
}

static hf_err unwrap_into(const uint8_t *kek, hf_view in, uint8_t *dst, size_t cap, size_t *ret_len)
{
    HF_CHECK(cap >= in.len, HF_ERR_BOUNDS); /* OpenSSL writes the padding too */
    size_t n = run(kek, false, in, dst, cap);
    if (n + 2 * KWP_BLOCK <= in.len || n > in.len - KWP_BLOCK) {
        hf_wipe(dst, in.len);
        return hf_openssl_error(HF_ERR_BAD_CIPHERTEXT);
    }
    *ret_len = n;
    return HF_OK;
}

hf_err hf_kwp_into(const uint8_t kek[static HF_KEK_BYTES], bool wrap, hf_view in, uint8_t *dst, size_t cap,
                   size_t *ret_len)
{
    if (wrap)
        return wrap_into(kek, in, dst, cap, ret_len);
    /* OpenSSL calls an unwrap of nothing a success with 0 bytes */
    HF_CHECK(in.len >= KWP_MIN_BYTES && in.len % KWP_BLOCK == 0 && in.len <= KWP_MAX_BYTES, HF_ERR_BAD_CIPHERTEXT);
    return unwrap_into(kek, in, dst, cap, ret_len);
}

hf_err hf_kwp_wrap(const hf_secret *kek, const hf_secret *plain, uint8_t *dst, size_t cap, size_t *ret_len)
{
    HF_CHECK(hf_secret_len(kek) == HF_KEK_BYTES, HF_ERR_BOUNDS);
    return hf_kwp_into(hf_secret_read(kek), true, (hf_view) { hf_secret_read(plain), hf_secret_len(plain) }, dst, cap,
                       ret_len);
}

hf_err hf_kwp_unwrap(const hf_secret *kek, hf_view wrapped, hf_secret **ret)
{
    HF_AUTO(hf_secret_freep) hf_secret *buf = NULL;
    size_t len = 0;
    HF_CHECK(hf_secret_len(kek) == HF_KEK_BYTES, HF_ERR_BOUNDS);
    HF_CHECK(wrapped.len > 0 && wrapped.len <= 65536, HF_ERR_BAD_CIPHERTEXT); /* what a secret can hold */
    HF_TRY(hf_secret_new(wrapped.len, &buf));
    HF_TRY(hf_kwp_into(hf_secret_read(kek), false, wrapped, hf_secret_bytes(buf), wrapped.len, &len));
    return hf_secret_copy(hf_secret_read(buf), len, ret);
}
