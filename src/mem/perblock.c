/*
 * The arena of builds with AddressSanitizer: every block is its own malloc, so that overflows, use after free and
 * leaks are seen that an allocator inside one region would hide. It protects nothing. ThreadSanitizer keeps the real
 * arena: its races are what is looked for.
 */
#include "mem/internal.h"
#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HF_SANITIZED 1
#endif
#endif
#if defined(HF_ARENA_MALLOC) || defined(__SANITIZE_ADDRESS__) || defined(HF_SANITIZED)
#define HF_PER_BLOCK true
#else
#define HF_PER_BLOCK false
#endif

#define MAGIC UINT64_C(0x486f6c6466617374)

typedef struct head { /* before each block; keeps it 16-aligned */
    uint64_t magic;
    uint64_t bytes;
} head;

bool hf_perblock_wanted(void)
{
    return HF_PER_BLOCK;
}

static uint64_t magic_of(const hf_arena *a)
{
    return MAGIC ^ (uint64_t)(uintptr_t)a;
}

void *hf_perblock_alloc(hf_arena *a, size_t n)
{
    size_t used = atomic_fetch_add_explicit(&a->used, n, memory_order_relaxed);
    head *h = n > a->limit || used + n > a->limit ? NULL : calloc(1, sizeof *h + n);
    if (h == NULL) {
        atomic_fetch_sub_explicit(&a->used, n, memory_order_relaxed);
        return NULL;
    }
    atomic_fetch_add_explicit(&a->blocks, 1, memory_order_relaxed);
    *h = (head) { magic_of(a), n };
    return h + 1;
}

void hf_perblock_free(hf_arena *a, void *p)
{
    head *h = (head *)p - 1;
    if ((uintptr_t)p % HF_GRAIN != 0 || h->magic != magic_of(a))
        hf_arena_misuse("holdfast: a pointer that is not a live block of this arena was freed\n");
    size_t n = h->bytes;
    atomic_fetch_sub_explicit(&a->used, n, memory_order_relaxed);
    atomic_fetch_sub_explicit(&a->blocks, 1, memory_order_relaxed);
    hf_mem_zero(h, sizeof *h + n);
    free(h);
}

void *hf_perblock_realloc(hf_arena *a, void *p, size_t n)
{
    size_t have = ((head *)p - 1)->bytes;
    void *moved = hf_arena_alloc(a, n);
    memcpy(moved, p, have < n ? have : n);
    hf_perblock_free(a, p);
    return moved;
}

size_t hf_perblock_len(const void *p)
{
    return ((const head *)p - 1)->bytes;
}

__attribute__((no_sanitize("address", "thread"))) bool hf_perblock_owns(const hf_arena *a, const void *p)
{
    return p != NULL && (uintptr_t)p % HF_GRAIN == 0 && ((const head *)p - 1)->magic == magic_of(a);
}
