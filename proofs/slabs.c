/* The blocks of slabs: src/mem/slab.c. The region has PAGES pages; which of them are the slab's, and its class, is any. */
#include "mem/slab.c"
#include "proof.h"

#define PAGES 16

static uint8_t region[PAGES * 4096];
static hf_page page[PAGES];
static hf_arena arena;

/* ---- what slab.c calls: none of it is reached here ---- */

uint32_t hf_span_take(hf_arena *a, uint32_t n, hf_page_kind kind)
{
    (void)a, (void)n, (void)kind;
    return HF_NO_PAGE;
}

void hf_span_give(hf_arena *a, uint32_t first)
{
    (void)a, (void)first;
    PROVE(!"the only slab of its class is kept");
}

/* ---- a slab of class k from the page `slab` on; any of its blocks are free ---- */

static void make_slab(unsigned k, uint32_t slab)
{
    arena = (hf_arena) { .base = region, .page = page };
    for (uint32_t i = 0; i < PAGES; i++)
        page[i].head = i >= slab && i - slab < class_pages[k] ? slab : i;
    hf_page *p = &page[slab];
    *p = (hf_page) { .kind = HF_PAGE_SLAB,
                     .klass = (uint8_t)k,
                     .head = slab,
                     .n = class_pages[k],
                     .next = HF_NO_PAGE,
                     .prev = HF_NO_PAGE };
    uint32_t n = blocks_in_slab(k);
    uint64_t some = 0;
    for (uint32_t w = 0; w < HF_COUNT(p->free); w++) {
        uint32_t left = n > w * 64 ? n - w * 64 : 0;
        p->free[w] = nondet_u64() & (left >= 64 ? UINT64_MAX : (UINT64_C(1) << left) - 1);
        some |= p->free[w];
    }
    GIVEN(some != 0);
    p->n_free = nondet_u16();
    GIVEN(p->n_free >= 1 && p->n_free <= n);
    arena.partial[k] = slab;
}

static void prove_round_trip(unsigned k, uint32_t slab)
{
    make_slab(k, slab);
    const hf_page before = page[slab];
    void *block = NULL;
    PROVE(take_from(&arena, slab, &block, 1) == 1);
    size_t offset = (size_t)((uint8_t *)block - region);
    size_t start = slab * HF_PAGE, end = (slab + class_pages[k]) * HF_PAGE;
    PROVE(offset >= start && offset + hf_class_bytes(k) <= end);
    PROVE(offset % HF_GRAIN == 0 && (offset - start) % hf_class_bytes(k) == 0);
    size_t i = (offset - start) / hf_class_bytes(k);
    PROVE((before.free[i / 64] >> (i % 64) & 1) == 1);
    PROVE((page[slab].free[i / 64] >> (i % 64) & 1) == 0);
    give_one(&arena, k, block);
    for (unsigned w = 0; w < HF_COUNT(before.free); w++)
        PROVE(page[slab].free[w] == before.free[w]);
    PROVE(page[slab].n_free == before.n_free && arena.partial[k] == slab);
}

static void prove_class(unsigned k)
{
    class_pages[k] = pages_for(hf_class_sizes[k]);
    prove_round_trip(k, PAGES - class_pages[k]);
    REACHED();
}

/*
 * In a slab of blocks of 16 bytes, the most that there can be: a block that is taken lies inside its slab, is aligned, and was
 * free; given back it is free again, and nothing else has changed. Unwind 17. With HF_CACHES 1. With HF_MAGAZINE 2.
 */
void proof_blocks_of_16(void)
{
    prove_class(0);
}

/* The same for 48 bytes, which are no power of two: a secret of 32 with its canary. Unwind 17. With HF_CACHES 1. With HF_MAGAZINE 2. */
void proof_blocks_of_48(void)
{
    prove_class(2);
}

/* The same for the largest, 16 KiB, of which a slab has several pages each. Unwind 17. With HF_CACHES 1. With HF_MAGAZINE 2. */
void proof_blocks_of_16384(void)
{
    prove_class(HF_CLASSES - 1);
}
