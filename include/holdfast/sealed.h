/* Sealed memory: secrets at rest in memory as AES-256-GCM, under a master key that never lies there whole. */
#ifndef HOLDFAST_SEALED_H
#define HOLDFAST_SEALED_H

#include <holdfast/mem.h>
#include <holdfast/secret.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the coffer: a master key in two halves ---- */

/*
 * 256 random bits that live as long as the coffer and never leave it. Each half lies in locked memory in a mapping of
 * its own:
 *
 *   | guard | left = key XOR SHA-256(right) | guard |        | guard | right | guard |
 *
 * Either half alone is 32 random bytes that say nothing about the key. Both are made new, under the same key, at the
 * first use after rerandomize_ms and after at most rerandomize_uses uses, so that what somebody reads of one half now
 * does not fit what he reads of the other later. The library starts no thread: while nobody uses the coffer its halves
 * rest, unless the program calls hf_coffer_rerandomize from a timer of its own. What was sealed before opens as before.
 *
 * A call puts the key together in a third piece of locked memory for as long as OpenSSL expands it, some 0.1 us, and
 * afterwards clears that, OpenSSL's cipher context, the vector registers and the stack below it. In a program of its
 * own OpenSSL's heap is ordinary memory, so during a call (and only then) it holds the expanded key: call
 * hf_harden_process, or make the heap an hf_arena.
 *
 * Threads: any number may use one coffer at once, eight of them without waiting; hf_coffer_free when no other does. Not
 * for signal handlers. Fork: a child has neither half, so that every call there gives HF_ERR_FORKED and no nonce is
 * ever used twice. fork() waits until no call is under way, after the program's own pthread_atfork handlers, so that
 * these may take locks under which the program seals (set before a dlopen of this library they would come after, and
 * must not); a child made by the bare system call (clone) while another
 * thread is inside one gets a copy of OpenSSL's heap with the key in it, as it does of everything else. After
 * hf_wipe_all: HF_ERR_WRONG_STATE.
 *
 * AES-256-GCM is fetched once for each coffer from OpenSSL's default library context, so that the configuration of the
 * program (a FIPS provider, default properties) holds for it too. A program with settings of its own makes them before.
 */
typedef struct hf_coffer hf_coffer;

typedef struct hf_coffer_spec {
    hf_backing weakest;        /* of the memory of the halves: strict callers say HF_BACKING_MEMFD_SECRET */
    uint32_t rerandomize_ms;   /* 0: 1,000 */
    uint32_t rerandomize_uses; /* 0: 4,096; 1: at every use */
} hf_coffer_spec;

/*
 * spec NULL: HF_BACKING_MLOCK and the defaults. HF_ERR_LOCKED_MEMORY; HF_ERR_UNSUPPORTED when OpenSSL has no
 * AES-256-GCM for this program; HF_ERR_SYSTEM when there is no randomness. *reterr_why is always set, as with
 * hf_pool_new. The caller ends it with hf_coffer_free.
 */
HF_API hf_err hf_coffer_new(const hf_coffer_spec *spec, hf_coffer **ret, const char **reterr_why);

/*
 * Wipes the key: what is sealed under it stays sealed for ever. NULL is fine. In a forked child it gives back what is
 * ordinary memory.
 */
HF_API void hf_coffer_free(hf_coffer *c);

/*
 * New halves now, for callers with a timer. HF_ERR_SYSTEM, and the halves stay, when there is no randomness;
 * HF_ERR_FORKED, HF_ERR_WRONG_STATE.
 */
HF_API hf_err hf_coffer_rerandomize(hf_coffer *c);

typedef struct hf_coffer_status {
    hf_backing backing; /* the weaker one of both halves */
    const char *why; /* static; why that is not the best; empty when it is */
    uint64_t rerandomizations; /* so far */
    size_t locked_bytes; /* by this coffer */
} hf_coffer_status;

HF_API void hf_coffer_status_get(hf_coffer *c, hf_coffer_status *ret);

/* ---- sealing and opening ---- */

/*
 * What a blob is: it opens under exactly the identity that it was sealed with. Name and owner are told apart by their
 * lengths. None of this is secret, none of it is in the blob. NULL stands for the identity of which everything is empty
 * or 0.
 */
typedef struct hf_sealed_id {
    const void *name; /* bytes; may be NULL when name_len is 0 */
    size_t name_len;
    const void *owner; /* bytes; may be NULL when owner_len is 0 */
    size_t owner_len; /* with name_len at most HF_SEALED_NAMES_MAX_BYTES */
    uint64_t version;
    uint64_t expires; /* in the caller's unit; bound to the blob, judged by the caller, who knows the time */
} hf_sealed_id;

#define HF_SEALED_NAMES_MAX_BYTES 512
#define HF_SEALED_MAX_BYTES ((size_t)16 << 20) /* of plaintext */

/*
 * A blob: format 1, nonce, ciphertext, tag (SP 800-38D: AES-256-GCM, 96-bit nonces of 32 random bits and a counter as
 * in 8.2.1, 128-bit tags). Its place may be ordinary memory; it is good for this coffer alone.
 */
#define HF_SEALED_OVERHEAD_BYTES 29

/* Bytes of the blob of `len` bytes of plaintext; 0 when that is not 1 to HF_SEALED_MAX_BYTES. */
HF_API size_t hf_sealed_size(size_t len);
/* Bytes of plaintext in a blob of `blob_len` bytes; 0 when no blob has that length. */
HF_API size_t hf_sealed_plain_size(size_t blob_len);

/*
 * Seals len bytes into dst, which has cap >= hf_sealed_size(len) bytes and does not overlap them. *ret_len: bytes
 * written. The caller wipes the plaintext. HF_ERR_BOUNDS for a length, a name or a cap outside its bounds;
 * HF_ERR_FORKED; HF_ERR_WRONG_STATE; HF_ERR_SYSTEM when new halves were due and there is no randomness; HF_ERR_QUOTA
 * when the nonces are used up (2^56 seals of one thread).
 */
HF_API hf_err hf_coffer_seal(hf_coffer *c, const hf_sealed_id *id, const void *plain, size_t len, void *dst, size_t cap,
                             size_t *ret_len);

/*
 * The same for an owned secret, which is wiped and freed, and *taken set to NULL, when it is sealed; on failure it
 * stays as it is.
 */
HF_API hf_err hf_coffer_seal_secret(hf_coffer *c, const hf_sealed_id *id, hf_secret **taken, void *dst, size_t cap,
                                    size_t *ret_len);

/*
 * Opens a blob into dst, which has cap >= hf_sealed_plain_size(blob_len) bytes, is locked memory (a block of a pool, an
 * opened buffer) and does not overlap the blob. HF_ERR_BAD_CIPHERTEXT for bytes that this coffer did not make under
 * this identity, a bit changed, too short or too long: then these bytes of dst are zero. HF_ERR_BOUNDS for a cap or a
 * name outside its bounds; else as hf_coffer_seal.
 */
HF_API hf_err hf_coffer_open_into(hf_coffer *c, const hf_sealed_id *id, const void *blob, size_t blob_len, void *dst,
                                  size_t cap, size_t *ret_len);

/*
 * Opens a blob into a new secret, which the caller frees. HF_ERR_BOUNDS for more than the 65,536 bytes of a secret;
 * HF_ERR_LOCKED_MEMORY.
 */
HF_API hf_err hf_coffer_open(hf_coffer *c, const hf_sealed_id *id, const void *blob, size_t blob_len, hf_secret **ret);

/*
 * Opens a blob into a new guarded buffer, which the caller frees; at_rest: its rights while no scope is open.
 * HF_ERR_LOCKED_MEMORY with the cause in *reterr_why, which is always set.
 */
HF_API hf_err hf_coffer_open_guarded(hf_coffer *c, const hf_sealed_id *id, const void *blob, size_t blob_len,
                                     hf_access at_rest, hf_buffer **ret, const char **reterr_why);

/* ---- a sealed secret as an object ---- */

/*
 * A blob with an identity of its own, which no other object has: one is never mistaken for another. The coffer must
 * outlive it. Threads: may be opened by several at once.
 */
typedef struct hf_sealed hf_sealed;

/* Seals a copy; the caller wipes the plaintext. Caller frees. Errors as hf_coffer_seal. */
HF_API hf_err hf_sealed_new(hf_coffer *c, const void *plain, size_t len, hf_sealed **ret);
/* Seals an owned secret, as hf_coffer_seal_secret does. */
HF_API hf_err hf_sealed_take(hf_coffer *c, hf_secret **taken, hf_sealed **ret);
/* The plaintext in a new secret, for as long as the caller needs it: then hf_secret_free. Errors as hf_coffer_open. */
HF_API hf_err hf_sealed_open(const hf_sealed *s, hf_secret **ret);
HF_API size_t hf_sealed_len(const hf_sealed *s); /* of the plaintext */
HF_API void hf_sealed_free(hf_sealed *s); /* NULL is fine */
/* For scope cleanup: frees *s and sets it to NULL. */
HF_API void hf_sealed_freep(hf_sealed **s);

#ifdef __cplusplus
}
#endif
#endif
