/* Owned secret bytes: in locked memory, wiped when freed. */
#ifndef HOLDFAST_SECRET_H
#define HOLDFAST_SECRET_H

#include <holdfast/arena.h>
#include <holdfast/mem.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Some bytes and their number, as one block of the process's pool (hf_pool_of_process), with its canary: 48 locked bytes for a secret of 32.
 * Does not convert to a view: hand out its bytes only by name.
 * Fork: a child has none of the bytes; there, freeing does nothing, and new secrets come from a pool of its own.
 */
typedef struct hf_secret hf_secret;

/*
 * For a process that has an arena: where new secrets go from now on, instead of the pool; NULL: the pool again. An arena that held secrets may
 * be replaced when these are freed. In a child, HF_ERR_FORKED for new secrets until it is called again.
 */
HF_API void hf_secret_use_arena(hf_arena *a);

/*
 * len zero bytes, 1 to 65536. HF_ERR_BOUNDS for other lengths, HF_ERR_LOCKED_MEMORY when the pool (or arena) is full or locked memory cannot be had
 * at all. The caller frees.
 */
HF_API hf_err hf_secret_new(size_t len, hf_secret **ret);
/* Copies len bytes in; the caller wipes its own copy. */
HF_API hf_err hf_secret_copy(const void *bytes, size_t len, hf_secret **ret);
/* len random bytes of the operating system (getrandom), which have been nowhere else. HF_ERR_SYSTEM when it gives none. */
HF_API hf_err hf_secret_random(size_t len, hf_secret **ret);

/* The bytes, to write and to read; valid until the secret is freed. 16-aligned. */
HF_API uint8_t *hf_secret_bytes(hf_secret *s);
HF_API const uint8_t *hf_secret_read(const hf_secret *s);
/* How many. In a child, for a secret of its parent: 0. */
HF_API size_t hf_secret_len(const hf_secret *s);

/* True when both have the same bytes. The time depends on their lengths alone. */
HF_API bool hf_secret_equal(const hf_secret *a, const hf_secret *b);

/* Wipes and frees; NULL is fine. A second free, or a write past the end, ends the process as hf_pool_free does. */
HF_API void hf_secret_free(hf_secret *s);
/* For cleanup attributes: frees and sets to NULL. */
HF_API void hf_secret_freep(hf_secret **s);

#ifdef __cplusplus
}
#endif
#endif
