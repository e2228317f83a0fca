/* A sealed secret as an object: the blob, and the number that no other object of its coffer has. */
#include "sealmem/internal.h"
#include <stdlib.h>

struct hf_sealed {
    hf_coffer *coffer;
    uint64_t number;
    size_t len; /* of the blob */
    uint8_t blob[];
};

static const char owner[] = "hf_sealed";

static hf_sealed_id id_of(const hf_sealed *s)
{
    return (hf_sealed_id) { .owner = owner, .owner_len = sizeof(owner) - 1, .version = s->number };
}

hf_err hf_sealed_new(hf_coffer *c, const void *plain, size_t len, hf_sealed **ret)
{
    size_t size = hf_sealed_size(len);
    HF_CHECK(size != 0, HF_ERR_BOUNDS);
    HF_AUTO(hf_sealed_freep) hf_sealed *s = calloc(1, sizeof *s + size);
    HF_CHECK(s != NULL, HF_ERR_SYSTEM);
    s->coffer = c;
    s->number = atomic_fetch_add_explicit(&c->objects, 1, memory_order_relaxed);
    const hf_sealed_id id = id_of(s);
    HF_TRY(hf_coffer_seal(c, &id, plain, len, s->blob, size, &s->len));
    *ret = s;
    s = NULL; /* handed over */
    return HF_OK;
}

hf_err hf_sealed_take(hf_coffer *c, hf_secret **taken, hf_sealed **ret)
{
    HF_TRY(hf_sealed_new(c, hf_secret_read(*taken), hf_secret_len(*taken), ret));
    hf_secret_freep(taken);
    return HF_OK;
}

hf_err hf_sealed_open(const hf_sealed *s, hf_secret **ret)
{
    const hf_sealed_id id = id_of(s);
    return hf_coffer_open(s->coffer, &id, s->blob, s->len, ret);
}

size_t hf_sealed_len(const hf_sealed *s)
{
    return hf_sealed_plain_size(s->len);
}

void hf_sealed_free(hf_sealed *s)
{
    free(s);
}

void hf_sealed_freep(hf_sealed **s)
{
    hf_sealed_free(*s);
    *s = NULL;
}
