#include "core/op.h"

#include "crypto/crypto.h"

#define RANDOM_MAX 65536u

/* From the kernel, as keys are; somebody may make a key of them, so they lie in locked memory until the answer. */
hf_err op_random(op *o)
{
    uint32_t n = o->in.random.bytes;
    HF_AUTO(hf_secret_freep) hf_secret *bytes = NULL;

    if (n < 1 || n > RANDOM_MAX)
        return op_fails(o, HF_ERR_BOUNDS, "1 to %u random bytes can be had at once", RANDOM_MAX);
    HF_TRY(hf_secret_new(n, &bytes));
    op_begin_work(o);
    hf_err e = hf_random(hf_secret_bytes(bytes), n);
    op_end_work(o);
    HF_TRY(e);
    struct hf_random_bytes m = { .random = hf_view_of(hf_secret_read(bytes), n) };
    return hf_random_bytes_encode(&m, &o->reply);
}
