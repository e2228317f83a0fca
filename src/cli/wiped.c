#include "cli/wiped.h"

#include "base/num.h"
#include "cli/cli.h"
#include <holdfast/mem.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Larger ones are payloads, never tokens or keys: they must not use up what may be locked. */
#define LOCKED_MAX_BYTES ((size_t)1 << 20)

/* What stands before the bytes, so that freeing knows what to overwrite and where it belongs. */
typedef struct block {
    alignas(max_align_t) size_t len;
    bool locked;
    alignas(max_align_t) uint8_t bytes[];
} block;

static block *block_of(void *p)
{
    return (block *)(void *)((uint8_t *)p - offsetof(block, bytes));
}

static bool strict;

hf_err wiped_strict(void)
{
    hf_pool *pool = NULL;

    strict = true;
    return hf_pool_of_process(&pool);
}

static block *block_locked(size_t whole)
{
    hf_pool *pool = NULL;
    void *p = NULL;

    if (whole > LOCKED_MAX_BYTES || hf_pool_of_process(&pool) != HF_OK || hf_pool_alloc(pool, whole, &p) != HF_OK)
        return NULL;
    block *b = p;
    b->locked = true;
    return b;
}

static block *block_ordinary(size_t whole)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;
    bool too_little = whole <= LOCKED_MAX_BYTES;

    if (too_little && strict)
        return NULL;
    if (too_little && !atomic_flag_test_and_set(&said))
        cli_note(
            "warning: RLIMIT_MEMLOCK is too low, so part of what this command handles could be swapped; raise it with "
            "'ulimit -l'");
    return calloc(1, whole);
}

void *wiped_alloc(size_t n)
{
    size_t whole;

    if (hf_add_size(n, sizeof(block), &whole) != HF_OK)
        return NULL;
    block *b = block_locked(whole);
    if (b == NULL)
        b = block_ordinary(whole);
    if (b == NULL)
        return NULL;
    b->len = n;
    // cppcheck-suppress memleak ; wiped_free finds the block by its bytes
    return b->bytes;
}

void *wiped_array(size_t n, size_t size)
{
    size_t whole;

    return hf_mul_size(n, size, &whole) == HF_OK ? wiped_alloc(whole) : NULL;
}

void wiped_free(void *p)
{
    if (p == NULL)
        return;
    block *b = block_of(p);
    hf_pool *pool = NULL;
    if (!b->locked) {
        hf_wipe(b->bytes, b->len);
        free(b);
    } else if (hf_pool_of_process(&pool) == HF_OK) {
        hf_pool_free(pool, b); /* which wipes it */
    }
}

void *wiped_resize(void *p, size_t n)
{
    void *larger = wiped_alloc(n);

    if (larger == NULL || p == NULL)
        return larger;
    hf_writer w = hf_writer_on(larger, n);
    hf_put_bytes(&w, p, hf_min_size(block_of(p)->len, n));
    wiped_free(p);
    return larger;
}

char *wiped_copy(const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = wiped_alloc(n);

    if (copy == NULL)
        return NULL;
    hf_writer w = hf_writer_on(copy, n);
    hf_put_bytes(&w, text, n);
    return copy;
}

static void *pool_alloc(void *context, size_t n)
{
    (void)context;
    return wiped_alloc(n);
}

static void *pool_resize(void *context, void *p, size_t old, size_t n)
{
    (void)context;
    (void)old;
    return wiped_resize(p, n);
}

static void pool_free(void *context, void *p)
{
    (void)context;
    wiped_free(p);
}

const yyjson_alc wiped_pool = { pool_alloc, pool_resize, pool_free, NULL };

#define FIRST_BYTES 4096

static hf_err grow(bytes *b, size_t wanted)
{
    size_t cap = b->cap == 0 ? FIRST_BYTES : b->cap;

    while (cap < wanted)
        HF_TRY(hf_mul_size(cap, 2, &cap));
    if (cap == b->cap)
        return HF_OK;
    uint8_t *larger = wiped_resize(b->ptr, cap);
    HF_CHECK(larger != NULL, HF_ERR_SYSTEM);
    b->ptr = larger;
    b->cap = cap;
    return HF_OK;
}

hf_err bytes_put(bytes *b, hf_view more, size_t max)
{
    size_t wanted;

    HF_TRY(hf_add_size(b->len, more.len, &wanted));
    HF_CHECK(wanted <= max, HF_ERR_TOO_LARGE);
    HF_TRY(grow(b, wanted));
    hf_writer w = hf_writer_on(b->ptr + b->len, b->cap - b->len);
    hf_put_view(&w, more);
    b->len = wanted;
    return HF_OK;
}

hf_view bytes_view(const bytes *b)
{
    return hf_view_of(b->ptr, b->len);
}

void bytes_free(bytes *b)
{
    wiped_free(b->ptr);
    *b = (bytes) { 0 };
}
