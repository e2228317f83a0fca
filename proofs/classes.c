/* The size classes of slabs: src/mem/slab.c. */
#include "mem/slab.c"
#include "proof.h"

/*
 * Every size up to the largest class gets the smallest class that holds it: a multiple of 16, with at most a fifth of slack
 * above 64 bytes. Unwind 1030.
 */
void proof_class_of(void)
{
    fill_tables();
    size_t n = nondet_size();
    GIVEN(n >= 1 && n <= HF_CLASS_LARGEST);
    unsigned k = hf_class_of(n);
    PROVE(k < HF_CLASSES);
    size_t bytes = hf_class_bytes(k);
    PROVE(bytes >= n && bytes % HF_GRAIN == 0);
    PROVE(k == 0 || hf_class_bytes(k - 1) < n);
    PROVE(bytes <= 64 || (bytes - n) * 5 <= bytes);
    REACHED();
}

/* The blocks of a slab of any class lie inside it, there are at least two, and a bit for each. Unwind 1030. */
void proof_slab_shape(void)
{
    fill_tables();
    unsigned k = nondet_unsigned();
    GIVEN(k < HF_CLASSES);
    size_t n = blocks_in_slab(k);
    PROVE(n >= 2 && n <= 64 * HF_COUNT(((hf_page *)0)->free));
    PROVE(n * hf_class_bytes(k) <= class_pages[k] * HF_PAGE);
    PROVE(hf_class_batch(k) >= 2 && hf_class_batch(k) <= HF_MAGAZINE);
    REACHED();
}
