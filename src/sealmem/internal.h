/* What the files of src/sealmem share. Nothing outside the folder may include it, but for its tests. */
#ifndef HF_SEALMEM_INTERNAL_H
#define HF_SEALMEM_INTERNAL_H

#include "base/buf.h"
#include <holdfast/sealed.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define HF_COFFER_KEY_BYTES 32
#define HF_COFFER_NONCE_BYTES 12
#define HF_COFFER_TAG_BYTES 16
#define HF_COFFER_FORMAT 1
#define HF_COFFER_SEATS 8 /* calls at once; further ones wait */

/* ---- size.c: the arithmetic of blobs, and what is authenticated beside them ---- */

#define HF_SEALED_AAD_HEAD_BYTES 24
#define HF_SEALED_AAD_MAX_BYTES (HF_SEALED_AAD_HEAD_BYTES + HF_SEALED_NAMES_MAX_BYTES)

/*
 * What is authenticated beside the text: format u8 | 0 u8 | name length u16 | owner length u16 | 0 u16 | version u64 |
 * expires u64 | name | owner, integers big endian. No two identities give the same bytes. HF_ERR_BOUNDS when they do
 * not fit into w, which has at most HF_SEALED_AAD_MAX_BYTES.
 */
hf_err hf_sealed_aad(const hf_sealed_id *id, hf_writer *w) HF_MUST_USE;

/* ---- split.c: the halves; the caller sees that nobody else uses them ---- */

/*
 * The right half as the block that SHA-256 makes of a message of 32 bytes (FIPS 180-4, 5.1.1): its hash is one step
 * over these 64 bytes, which never leave their place.
 */
typedef struct hf_right {
    _Alignas(16) uint8_t block[64];
} hf_right;

typedef struct hf_left {
    _Alignas(16) uint32_t words[HF_COFFER_KEY_BYTES / 4];
    uint64_t alive; /* 1; 0 after hf_wipe_all, as is the end of the block of the right half */
} hf_left;

/* Locked memory in which one call works. Zero between calls. */
typedef struct hf_work {
    _Alignas(16) uint8_t state[112]; /* SHA256_CTX: SHA-256(right) */
    uint32_t key[HF_COFFER_KEY_BYTES / 4]; /* as bytes: the key */
} hf_work;

/* Two halves of a random key, which itself comes into being nowhere. HF_ERR_SYSTEM: no randomness. */
hf_err hf_split_draw(hf_left *left, hf_right *right) HF_MUST_USE;
/* work->key becomes the key. HF_ERR_WRONG_STATE when a half was wiped. */
hf_err hf_split_join(const hf_left *left, const hf_right *right, hf_work *work) HF_MUST_USE;
/* Other halves of the same key, which is not put together for that. `next`: locked, zero afterwards. */
hf_err hf_split_renew(hf_left *left, hf_right *right, hf_work *work, hf_right *next) HF_MUST_USE;
/* Wipes what hf_split_join leaves. */
void hf_work_wipe(hf_work *work);

/* ---- cipher.c: AES-256-GCM with a context that keeps no key ---- */

/* HF_ERR_UNSUPPORTED when OpenSSL does not offer it; HF_ERR_SYSTEM: no memory. */
hf_err hf_cipher_fetch(EVP_CIPHER **ret) HF_MUST_USE;
/* Contexts without key, each for one thread at a time. HF_ERR_SYSTEM: no memory. The caller frees. */
hf_err hf_cipher_contexts(EVP_CIPHER *gcm, EVP_CIPHER_CTX *dst[static HF_COFFER_SEATS]) HF_MUST_USE;

/*
 * Key, nonce, AAD, text in one go; out gets the text's length and, sealing, the tag behind that. On failure out is
 * zero. wipes: hf_wipe_count_settled from before the key was there; HF_ERR_WRONG_STATE when hf_wipe_all was begun
 * since, so that key, context or text may be zero.
 */
hf_err hf_cipher_seal(EVP_CIPHER_CTX *ctx, uint64_t wipes, const uint8_t *key, const uint8_t *nonce, hf_view aad,
                      hf_view plain, uint8_t *out) HF_MUST_USE;
/* sealed: ciphertext and tag. HF_ERR_BAD_CIPHERTEXT. */
hf_err hf_cipher_open(EVP_CIPHER_CTX *ctx, uint64_t wipes, const uint8_t *key, const uint8_t *nonce, hf_view aad,
                      hf_view sealed, uint8_t *out) HF_MUST_USE;
/*
 * Leaves nothing of the last key, its round keys and its hash key in the context. To be called after each of the two
 * above.
 */
void hf_cipher_forget(EVP_CIPHER_CTX *ctx, EVP_CIPHER *gcm);

/* ---- coffer.c ---- */

/*
 * One call at a time sits here. All but `work` is ordinary memory and holds nothing secret. Seats have nonces of their
 * own: the first byte of the counter is the number of the seat.
 */
typedef struct hf_seat {
    pthread_mutex_t lock;
    EVP_CIPHER_CTX *ctx;
    hf_work *work;
    uint64_t sealed; /* nonces that were used */
    uint32_t uses_left; /* until new halves are due, unless seats count together */
    uint8_t number;
    uint8_t aad[HF_SEALED_AAD_MAX_BYTES];
} hf_seat;

/* The locked memory of all seats. */
typedef struct hf_desk {
    hf_work work[HF_COFFER_SEATS];
    hf_right next; /* used with all seats taken */
} hf_desk;

#define HF_SEAT_SEALS_MAX (UINT64_C(1) << 56)

struct hf_coffer {
    uint64_t fork_id;
    uint64_t wipes; /* hf_wipe_count_settled when it was made: any other, and its key may be gone */
    EVP_CIPHER *gcm;
    hf_pool *left_pool, *right_pool, *desk_pool; /* a mapping of its own each */
    hf_left *left;
    hf_right *right;
    hf_desk *desk;
    int64_t period_ns;
    uint32_t uses; /* between two renewals, by all seats */
    uint32_t uses_each; /* of these by one seat; 0: too few for that, the seats count together in uses_left */
    _Atomic uint32_t uses_left;
    _Atomic int64_t due_ns;
    _Atomic uint64_t renewals;
    _Atomic uint64_t objects; /* hf_sealed that were made */
    uint8_t nonce_prefix[4];
    hf_backing backing;
    const char *why;
    hf_seat seat[HF_COFFER_SEATS];
    hf_coffer *older, *newer; /* fork.c */
};

/*
 * The one place where this module reads a clock, because no caller of a seal or an open could be asked for the time. It
 * decides when halves change and which contexts are kept: a wrong clock costs time, or a renewal too few or too many.
 */
int64_t hf_coffer_clock_ns(clockid_t id);

/*
 * A seat for this thread, with halves that are not overdue. HF_ERR_FORKED; errors of hf_coffer_rerandomize. The caller
 * leaves it.
 */
hf_err hf_seat_take(hf_coffer *c, hf_seat **ret) HF_MUST_USE;
/*
 * Clears what the call left in the context, in locked memory, registers and on the stack, and lets the next one sit
 * down.
 */
void hf_seat_leave(hf_coffer *c, hf_seat *s);

void hf_seats_lock(hf_coffer *c);
void hf_seats_unlock(hf_coffer *c);

/* ---- fork.c: no call is under way in a process that forks ---- */

/* HF_ERR_SYSTEM: no memory for the handlers. */
hf_err hf_coffers_add(hf_coffer *c) HF_MUST_USE;
void hf_coffers_remove(hf_coffer *c);

#endif
