/* Secrets: a length and the bytes behind it, in the arena that the process has set, or else in its pool. */
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

static hf_arena *arena_now(void)
{
    return atomic_load_explicit(&secrets_arena, memory_order_acquire);
}

static hf_err bytes_of_arena(hf_arena *a, size_t n, void **ret)
{
    HF_CHECK(!hf_forked_since(a->generation), HF_ERR_FORKED);
    void *p = hf_arena_try_alloc(a, n);
    HF_CHECK(p != NULL, HF_ERR_LOCKED_MEMORY);
    hf_mem_zero(p, n);
    *ret = p;
    return HF_OK;
}

static hf_err bytes_of_pool(size_t n, void **ret)
{
    hf_pool *p = NULL;
    HF_TRY(hf_pool_of_process(&p));
    return hf_pool_alloc(p, n, ret);
}

hf_err hf_secret_new(size_t len, hf_secret **ret)
{
    HF_CHECK(len >= 1 && len <= SECRET_LARGEST, HF_ERR_BOUNDS);
    hf_arena *a = arena_now();
    void *p = NULL;
    HF_TRY(a != NULL ? bytes_of_arena(a, sizeof(hf_secret) + len, &p) : bytes_of_pool(sizeof(hf_secret) + len, &p));
    hf_secret *s = p;
    s->len = len;
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

hf_err hf_secret_random(size_t len, hf_secret **ret)
{
    hf_secret *s = NULL;
    HF_TRY(hf_secret_new(len, &s));
    if (!hf_random_fill(s->bytes, len)) {
        hf_secret_free(s);
        return HF_ERR_SYSTEM;
    }
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

bool hf_secret_equal(const hf_secret *a, const hf_secret *b)
{
    return a->len == b->len && hf_mem_equal(a->bytes, b->bytes, a->len);
}

void hf_secret_free(hf_secret *s)
{
    if (s == NULL)
        return;
    hf_arena *a = arena_now();
    if (a == NULL || !hf_arena_owns(a, s))
        hf_pool_of_process_free(s);
    else if (!hf_forked_since(a->generation))
        hf_arena_free(a, s);
}

void hf_secret_freep(hf_secret **s)
{
    hf_secret_free(*s);
    *s = NULL;
}
