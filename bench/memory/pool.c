/* Holdfast's pool: hf_pool_alloc and hf_pool_free, in the best backing that can be had. */
#include "floor.h"
#include <holdfast/mem.h>

static const char subject_name[] = "hf_pool";

static hf_pool *pool;

static void subject_start(void)
{
    hf_pool_spec spec = { .max_bytes = floor_setting("max_bytes", 0), .weakest = HF_BACKING_MLOCK };
    const char *why = "";
    if (hf_pool_new(&spec, &pool, &why) != HF_OK) {
        fprintf(stderr, "pool: %s\n", why);
        exit(1);
    }
}

static void *subject_alloc(size_t n)
{
    void *p = NULL;
    return hf_pool_alloc(pool, n, &p) == HF_OK ? p : NULL;
}

static void subject_free(void *p, size_t n)
{
    (void)n;
    hf_pool_free(pool, p);
}

static void *subject_bytes(void *object)
{
    return object;
}

#include "allocator.h"
