/* Owned secret bytes: in an arena, wiped when freed. */
#ifndef HOLDFAST_SECRET_H
#define HOLDFAST_SECRET_H

#include <holdfast/arena.h>
#include <holdfast/mem.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Does not convert to a view: hand out its bytes only by name. */
typedef struct hf_secret hf_secret;

/* Where new secrets of this process go. Set once at start, before the first secret. */
void hf_secret_use_arena(hf_arena *a);

/* len zero bytes, 1 to 65536. HF_ERR_BOUNDS, or HF_ERR_LOCKED_MEMORY when no arena was set. Caller frees. */
hf_err hf_secret_new(size_t len, hf_secret **ret);
/* Copies len bytes in; the caller wipes its own copy. */
hf_err hf_secret_copy(const void *bytes, size_t len, hf_secret **ret);
uint8_t *hf_secret_bytes(hf_secret *s);
const uint8_t *hf_secret_read(const hf_secret *s);
size_t hf_secret_len(const hf_secret *s);
/* Wipes and frees; NULL is fine. */
void hf_secret_free(hf_secret *s);
/* For HF_AUTO(hf_secret_freep). */
void hf_secret_freep(hf_secret **s);

#ifdef __cplusplus
}
#endif
#endif
