#include "keysetfmt/wiping.h"

#include "base/buf.h"
#include <stdlib.h>
#include <string.h>

/* In front of what yyjson sees, aligned like it. */
union head {
    size_t size;
    max_align_t align;
};

static void *block_new(void *ctx, size_t size)
{
    union head *h;

    (void)ctx;
    if (size > SIZE_MAX - sizeof *h || (h = malloc(sizeof *h + size)) == NULL)
        return NULL;
    h->size = size;
    return h + 1;
}

static void block_free(void *ctx, void *ptr)
{
    union head *h;

    (void)ctx;
    if (ptr == NULL)
        return;
    h = (union head *)ptr - 1;
    hf_wipe(ptr, h->size);
    free(h);
}

/* realloc may leave the old bytes behind, so this copies. */
static void *block_resize(void *ctx, void *ptr, size_t old_size, size_t size)
{
    void *fresh = block_new(ctx, size);

    if (fresh == NULL)
        return NULL;
    if (ptr != NULL)
        memcpy(fresh, ptr, old_size < size ? old_size : size);
    block_free(ctx, ptr);
    return fresh;
}

yyjson_alc hf_wiping_alloc(void)
{
    return (yyjson_alc) { .malloc = block_new, .realloc = block_resize, .free = block_free };
}
