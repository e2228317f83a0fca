/* Where the data of guarded buffers lie: src/mem/home.c and src/mem/guarded.c. Pages have 4 KiB. */
#include "mem/home.c"
#include "proof.h"

#define PAGE ((size_t)4096)
#define HF_PLACES 3

/* ---- what home.c calls: the region is a map of its own here ---- */

void hf_maps_reserve(void)
{
}

static hf_heap heap;
static hf_shelf shelf;
static hf_buffer places[HF_PLACES];

/*
 * Places in a home of class k, for any size of data that goes into such a place: the data end where the guard begins; canary and
 * data lie in the pages of the place; and no place reaches into the guard or the pages of another.
 */
static void prove_places(unsigned k)
{
    hf_shelf *s = &shelf;
    heap.page = PAGE;
    shelf =
        (hf_shelf) { .heap = &heap, .backing = HF_BACKING_MLOCK, .rights = HF_ACCESS_READ_WRITE, .klass = (uint8_t)k };
    size_t stride = hf_home_stride(s), n = nondet_size();
    GIVEN(n >= 1 && n <= (PAGE << k) - HF_CANARY);
    hf_home home = { .shelf = s, .place = places, .most = HF_PLACES, .region = { .bytes = HF_PLACES * stride } };
    home.region.base = __CPROVER_allocate(HF_PLACES * stride, 0);
    PROVE(settle(&home) == HF_OK && home.places == HF_PLACES);
    for (size_t i = 0; i < HF_PLACES; i++) {
        size_t low = (size_t)(places[i].low - home.region.base), end = (size_t)(places[i].end - home.region.base);
        PROVE(low == i * stride && hf_place_bytes(&places[i]) == end - low);
        PROVE(end == low + stride - PAGE);  /* the guard: the last page of the stride */
        PROVE(end - low >= HF_CANARY + n); /* room for canary and data before it */
    }
}

/* For places of 1, 2, 4, 8 and 16 pages. Unwind 6. With HF_GATES 1. Without --pointer-overflow-check. */
void proof_guarded_places(void)
{
    for (unsigned k = 0; k < HF_PLACE_CLASSES; k++)
        prove_places(k);
    REACHED();
}
