/* Holdfast's hf_secret: a length and the bytes behind it, in the pool of the process. */
#include "floor.h"
#include <holdfast/secret.h>

static const char subject_name[] = "hf_secret";

static void subject_start(void)
{
}

static void *subject_alloc(size_t n)
{
    hf_secret *s = NULL;
    return hf_secret_new(n, &s) == HF_OK ? s : NULL;
}

static void subject_free(void *p, size_t n)
{
    (void)n;
    hf_secret_free(p);
}

static void *subject_bytes(void *object)
{
    return hf_secret_bytes(object);
}

#include "allocator.h"
