/* Runs of pages: src/mem/span.c, in a region of PAGES pages, for any lengths and both orders of giving back. */
#include "mem/span.c"
#include "proof.h"

#define PAGES 3

static hf_page page[PAGES];
static hf_arena arena;

/*
 * Two spans that are live lie in the region and do not overlap; a second one is had exactly when there is room; when both were
 * given back, in either order, one free span is left that has every page, and nothing counts as used. There are two bins, so
 * that the list of long spans is walked too. Unwind 4. With HF_CACHES 1. With HF_MAGAZINE 2. With HF_BINS 2.
 */
void proof_spans(void)
{
    arena.page = page;
    arena.n_pages = PAGES;
    hf_span_init(&arena);
    uint32_t n = nondet_u32(), m = nondet_u32();
    GIVEN(n >= 1 && n <= PAGES && m >= 1 && m <= PAGES);
    uint32_t a = hf_span_take(&arena, n, HF_PAGE_SPAN), b = hf_span_take(&arena, m, HF_PAGE_SPAN);
    PROVE(a < PAGES && n <= PAGES - a);
    PROVE((b != HF_NO_PAGE) == (n + m <= PAGES));
    PROVE(b == HF_NO_PAGE || (b < PAGES && m <= PAGES - b && (a + n <= b || b + m <= a)));
    PROVE(atomic_load(&arena.used) == (n + (b != HF_NO_PAGE ? m : 0)) * HF_PAGE);
    bool first_one_first = nondet_bool();
    if (first_one_first)
        hf_span_give(&arena, a);
    if (b != HF_NO_PAGE)
        hf_span_give(&arena, b);
    if (!first_one_first)
        hf_span_give(&arena, a);
    PROVE(page[0].kind == HF_PAGE_FREE && page[0].n == PAGES && page[PAGES - 1].head == 0);
    PROVE(arena.bin[bin_of(PAGES)] == 0 && page[0].next == HF_NO_PAGE);
    PROVE(atomic_load(&arena.used) == 0);
    REACHED();
}
