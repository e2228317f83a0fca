/* Holdfast's guarded buffers: one object between guards. memfd_secret=0 measures them over mlock and guard marks. */
#include "floor.h"
#include <holdfast/mem.h>

static const char subject_name[] = "hf_buffer";

static void subject_start(void)
{
}

static void *subject_alloc(size_t n)
{
    hf_buffer_spec spec = { .bytes = n, .weakest = HF_BACKING_MLOCK, .at_rest = HF_ACCESS_READ_WRITE };
    hf_buffer *b = NULL;
    const char *why = "";
    return hf_buffer_new(&spec, &b, &why) == HF_OK ? b : NULL;
}

static void subject_free(void *p, size_t n)
{
    (void)n;
    hf_buffer_free(p);
}

static void *subject_bytes(void *object)
{
    return hf_buffer_bytes(object);
}

#include "allocator.h"
