/* Runs of pages: src/mem/span.c, in a region of PAGES pages, for any lengths and any order of giving back. */
#include "mem/span.c"
#include "proof.h"

#define PAGES 5
#define TAKEN 3

static hf_page page[PAGES];
static hf_arena arena;

static void prove_apart(const uint32_t *first, const uint32_t *n, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (first[i] == HF_NO_PAGE)
            continue;
        PROVE(first[i] < PAGES && n[i] <= PAGES - first[i]);
        for (unsigned j = 0; j < i; j++)
            PROVE(first[j] == HF_NO_PAGE || first[i] + n[i] <= first[j] || first[j] + n[j] <= first[i]);
    }
}

/*
 * Spans that are live lie in the region and do not overlap, also after one was given back and another taken; when all were
 * given back, one free span is left that has every page, and nothing counts as used. There are three bins, so
 * that the list of long spans is walked too. Unwind 6. With HF_CACHES 1. With HF_MAGAZINE 2. With HF_BINS 3.
 */
void proof_spans(void)
{
    arena.page = page;
    arena.n_pages = PAGES;
    hf_span_init(&arena);
    uint32_t first[TAKEN], n[TAKEN];
    for (unsigned i = 0; i < TAKEN; i++) {
        n[i] = nondet_u32();
        GIVEN(n[i] >= 1 && n[i] <= PAGES);
    }
    for (unsigned i = 0; i < 2; i++)
        first[i] = hf_span_take(&arena, n[i], HF_PAGE_SPAN);
    PROVE(first[0] != HF_NO_PAGE);
    PROVE((first[1] != HF_NO_PAGE) == (n[0] + n[1] <= PAGES));
    prove_apart(first, n, 2);
    unsigned out = nondet_unsigned();
    GIVEN(out < 2 && first[out] != HF_NO_PAGE);
    hf_span_give(&arena, first[out]);
    first[out] = HF_NO_PAGE;
    first[2] = hf_span_take(&arena, n[2], HF_PAGE_SPAN);
    prove_apart(first, n, TAKEN);
    for (unsigned i = 0; i < TAKEN; i++)
        if (first[i] != HF_NO_PAGE)
            hf_span_give(&arena, first[i]);
    PROVE(page[0].kind == HF_PAGE_FREE && page[0].n == PAGES && page[PAGES - 1].head == 0);
    PROVE(arena.bin[bin_of(PAGES)] == 0 && page[0].next == HF_NO_PAGE);
    PROVE(atomic_load(&arena.used) == 0);
    REACHED();
}
