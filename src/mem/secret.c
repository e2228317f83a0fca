/* Secrets: a length and the bytes behind it, in the arena of the process. */
#include "mem/internal.h"
#include <holdfast/secret.h>

#define SECRET_LARGEST 65536

struct hf_secret {
    _Alignas(16) size_t len;
    _Alignas(16) uint8_t bytes[];
};

static hf_arena *_Atomic secrets_arena;

void hf_secret_use_arena(hf_arena *a)
{
    atomic_store(&secrets_arena, a);
}

hf_err hf_secret_new(size_t len, hf_secret **ret)
{
    HF_CHECK(len >= 1 && len <= SECRET_LARGEST, HF_ERR_BOUNDS);
    hf_arena *a = atomic_load_explicit(&secrets_arena, memory_order_acquire);
    HF_CHECK(a != NULL, HF_ERR_LOCKED_MEMORY);
    hf_secret *s = hf_arena_alloc(a, sizeof *s + len);
    s->len = len;
    hf_mem_zero(s->bytes, len);
    *ret = s;
    return HF_OK;
}

hf_err hf_secret_copy(const void *bytes, size_t len, hf_secret **ret)
{
    hf_secret *s = NULL;
    HF_TRY(hf_secret_new(len, &s));
    memcpy(s->bytes, bytes, len);
    *ret = s;
    return HF_OK;
}

uint8_t *hf_secret_bytes(hf_secret *s)
{
    return s->bytes;
}

const uint8_t *hf_secret_read(const hf_secret *s)
{
    return s->bytes;
}

size_t hf_secret_len(const hf_secret *s)
{
    return s->len;
}

void hf_secret_free(hf_secret *s)
{
    if (s != NULL)
        hf_arena_free(atomic_load_explicit(&secrets_arena, memory_order_acquire), s);
}

void hf_secret_freep(hf_secret **s)
{
    hf_secret_free(*s);
    *s = NULL;
}
