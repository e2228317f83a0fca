/* Runs of pages: src/mem/span.c, in a region of PAGES pages. All lengths are gone through one by one. */
#include "mem/span.c"
#include "proof.h"

#define PAGES 3
#define SPANS 3

static hf_page page[PAGES];
static hf_arena arena;

static void prove_apart(const uint32_t *first, const uint32_t *n)
{
    for (unsigned i = 0; i < SPANS; i++) {
        if (first[i] == HF_NO_PAGE)
            continue;
        PROVE(first[i] < PAGES && n[i] <= PAGES - first[i]);
        for (unsigned j = 0; j < i; j++)
            PROVE(first[j] == HF_NO_PAGE || first[i] + n[i] <= first[j] || first[j] + n[j] <= first[i]);
    }
}

static uint32_t live_pages(const uint32_t *first, const uint32_t *n)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < SPANS; i++)
        sum += first[i] == HF_NO_PAGE ? 0 : n[i];
    return sum;
}

static void give(uint32_t *first)
{
    if (*first != HF_NO_PAGE)
        hf_span_give(&arena, *first);
    *first = HF_NO_PAGE;
}

/* Two are taken, one of them is given back, a third is taken, and all are given back, from `start` on. */
static void prove_spans(const uint32_t *n, unsigned out, unsigned start)
{
    uint32_t first[SPANS] = { HF_NO_PAGE, HF_NO_PAGE, HF_NO_PAGE };
    arena = (hf_arena) { .page = page, .n_pages = PAGES };
    for (unsigned i = 0; i < PAGES; i++)
        page[i] = (hf_page) { .kind = HF_PAGE_INNER };
    hf_span_init(&arena);
    first[0] = hf_span_take(&arena, n[0], HF_PAGE_SPAN);
    first[1] = hf_span_take(&arena, n[1], HF_PAGE_SPAN);
    PROVE(first[0] != HF_NO_PAGE && (first[1] != HF_NO_PAGE) == (n[0] + n[1] <= PAGES));
    give(&first[out]);
    first[2] = hf_span_take(&arena, n[2], HF_PAGE_SPAN);
    prove_apart(first, n);
    PROVE(atomic_load(&arena.used) == live_pages(first, n) * HF_PAGE);
    for (unsigned i = 0; i < SPANS; i++)
        give(&first[(start + i) % SPANS]);
    PROVE(page[0].kind == HF_PAGE_FREE && page[0].n == PAGES && page[PAGES - 1].head == 0);
    PROVE(arena.bin[bin_of(PAGES)] == 0 && page[0].next == HF_NO_PAGE && atomic_load(&arena.used) == 0);
}

/*
 * Spans that are live lie in the region and do not overlap, also after one was given back and another taken; what is used is
 * counted; when all were given back, one free span is left that has every page. There are two bins, so that the list of long
 * spans is walked too. Unwind 5. With HF_CACHES 1. With HF_MAGAZINE 2. With HF_STACKS 1. With HF_BINS 2.
 */
void proof_spans(void)
{
    for (uint32_t a = 1; a <= PAGES; a++)
        for (uint32_t b = 1; b <= PAGES; b++)
            for (uint32_t c = 1; c <= PAGES; c++)
                for (unsigned way = 0; way < 2; way++)
                    prove_spans((const uint32_t[]) { a, b, c }, way, 2 * way);
    REACHED();
}
