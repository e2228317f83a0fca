/*
 * The halves of the master key. SHA-256 comes from libcrypto's functions on state that the caller places (deprecated
 * since OpenSSL 3.0, but not replaced: every EVP_MD_CTX lies in OpenSSL's heap, which in a program of others is
 * ordinary memory, and would hold the right half and its hash). So both stay in locked memory even during a call. It
 * masks one half with the other and is no digest of anybody's data, so that a choice of providers does not concern it.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/crypto.h"
#include "sealmem/internal.h"
#include <endian.h>
#include <openssl/sha.h>

_Static_assert(sizeof(SHA256_CTX) <= sizeof(((hf_work *)0)->state) && SHA256_CBLOCK == sizeof(hf_right), "FIPS 180-4");

#define MESSAGE_BITS (8u * HF_COFFER_KEY_BYTES)
#define LENGTH_AT 62 /* its last two bytes: the others are zero */

/* The padding of a message of 32 bytes. */
static void pad(hf_right *r)
{
    r->block[HF_COFFER_KEY_BYTES] = 0x80;
    r->block[LENGTH_AT] = MESSAGE_BITS >> 8;
    r->block[LENGTH_AT + 1] = MESSAGE_BITS & 0xff;
}

static bool wiped(const hf_left *left, const hf_right *right)
{
    return left->alive == 0 || right->block[HF_COFFER_KEY_BYTES] == 0;
}

/* work->state becomes SHA-256(right). */
static void hash(const hf_right *right, hf_work *work)
{
    SHA256_CTX *state = (SHA256_CTX *)(void *)work->state;
    SHA256_Init(state);
    SHA256_Transform(state, right->block);
}

/* dst = a XOR the hash in work->state, whose words are big endian in the hash. */
static void mask(uint32_t *dst, const uint32_t *a, const hf_work *work)
{
    const SHA256_CTX *state = (const SHA256_CTX *)(const void *)work->state;
    for (size_t i = 0; i < HF_COFFER_KEY_BYTES / 4; i++)
        dst[i] = a[i] ^ htobe32(state->h[i]);
}

hf_err hf_split_draw(hf_left *left, hf_right *right)
{
    HF_TRY(hf_random(left->words, sizeof(left->words)));
    HF_TRY(hf_random(right->block, HF_COFFER_KEY_BYTES));
    pad(right);
    left->alive = 1;
    return HF_OK;
}

hf_err hf_split_join(const hf_left *left, const hf_right *right, hf_work *work)
{
    hash(right, work);
    mask(work->key, left->words, work);
    /* Looked at last: what was wiped before this is not used, and what is wiped after it was whole. */
    atomic_signal_fence(memory_order_seq_cst);
    if (wiped(left, right)) {
        hf_work_wipe(work);
        return HF_ERR_WRONG_STATE;
    }
    return HF_OK;
}

hf_err hf_split_renew(hf_left *left, hf_right *right, hf_work *work, hf_right *next)
{
    HF_CHECK(!wiped(left, right), HF_ERR_WRONG_STATE);
    HF_TRY(hf_random(next->block, HF_COFFER_KEY_BYTES));
    pad(next);
    hash(next, work); /* first the new mask, then the old one off: the key itself never stands in `left` */
    mask(left->words, left->words, work);
    hash(right, work);
    mask(left->words, left->words, work);
    memcpy(right->block, next->block, sizeof(right->block));
    hf_wipe(next, sizeof(*next));
    hf_work_wipe(work);
    return HF_OK;
}

void hf_work_wipe(hf_work *work)
{
    hf_wipe(work, sizeof(*work));
}
