/* Secrets: blocks of the arena that the process has set, or else of its pool. Their canary says how long they are. */
#include "mem/internal.h"
#include <holdfast/secret.h>

#define SECRET_LARGEST 65536

struct hf_secret {
    uint8_t bytes[1]; /* as many as the canary says */
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

/* Told from the address, so that a secret outlives a change of hf_secret_use_arena, and a fork. */
static hf_arena *owner_of(const hf_secret *s)
{
    hf_arena *a = arena_now();
    if (a == NULL || !hf_arena_owns(a, s))
        a = hf_pool_of_process_at(s);
    if (a == NULL)
        hf_arena_misuse("holdfast: a pointer that is no secret was used as one\n");
    return a;
}

hf_err hf_secret_new(size_t len, hf_secret **ret)
{
    HF_CHECK(len >= 1 && len <= SECRET_LARGEST, HF_ERR_BOUNDS);
    hf_pool *p = (hf_pool *)arena_now(); /* an arena is a pool that cannot grow */
    if (p == NULL)
        HF_TRY(hf_pool_of_process(&p));
    void *block = NULL;
    HF_TRY(hf_pool_alloc(p, len, &block));
    *ret = block;
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
    return hf_pool_block_len(owner_of(s), s);
}

bool hf_secret_equal(const hf_secret *a, const hf_secret *b)
{
    size_t len = hf_secret_len(a);
    /* 0: wiped, or left behind by a fork. Two of these are no match. */
    return len != 0 && len == hf_secret_len(b) && hf_mem_equal(a->bytes, b->bytes, len);
}

void hf_secret_free(hf_secret *s)
{
    if (s != NULL)
        hf_pool_free((hf_pool *)owner_of(s), s);
}

void hf_secret_freep(hf_secret **s)
{
    hf_secret_free(*s);
    *s = NULL;
}
