/* Runs of pages: best fit from binned lists, joined with free neighbours when given back. */
#include "mem/internal.h"

static unsigned bin_of(uint32_t n)
{
    return n < HF_BINS ? n - 1 : HF_BINS - 1;
}

static void unlink_free(hf_arena *a, uint32_t first)
{
    hf_page *p = &a->page[first];
    if (p->prev != HF_NO_PAGE)
        a->page[p->prev].next = p->next;
    else
        a->bin[bin_of(p->n)] = p->next;
    if (p->next != HF_NO_PAGE)
        a->page[p->next].prev = p->prev;
    a->page[first + p->n - 1].kind = HF_PAGE_INNER;
    p->kind = HF_PAGE_INNER;
}

static void link_free(hf_arena *a, uint32_t first, uint32_t n)
{
    hf_page *last = &a->page[first + n - 1];
    last->kind = HF_PAGE_FREE;
    last->head = first;
    last->n = n;
    hf_page *p = &a->page[first];
    uint32_t *list = &a->bin[bin_of(n)];
    p->kind = HF_PAGE_FREE;
    p->head = first;
    p->n = n;
    p->prev = HF_NO_PAGE;
    p->next = *list;
    if (*list != HF_NO_PAGE)
        a->page[*list].prev = first;
    *list = first;
}

/* Free pages get into the list joined with their free neighbours. */
static void link_joined(hf_arena *a, uint32_t first, uint32_t n)
{
    uint32_t after = first + n;
    if (after < a->n_pages && a->page[after].kind == HF_PAGE_FREE) {
        uint32_t more = a->page[after].n;
        unlink_free(a, after);
        n += more;
    }
    if (first > 0 && a->page[first - 1].kind == HF_PAGE_FREE) {
        uint32_t before = a->page[first - 1].head;
        uint32_t more = a->page[before].n;
        unlink_free(a, before);
        first = before;
        n += more;
    }
    link_free(a, first, n);
}

void hf_span_init(hf_arena *a)
{
    for (unsigned i = 0; i < HF_BINS; i++)
        a->bin[i] = HF_NO_PAGE;
    link_free(a, 0, a->n_pages);
}

uint32_t hf_span_tail(const hf_arena *a)
{
    const hf_page *last = &a->page[a->n_pages - 1];
    return last->kind == HF_PAGE_FREE ? last->n : 0;
}

void hf_span_grown(hf_arena *a, uint32_t n_pages)
{
    uint32_t first = a->n_pages;
    a->n_pages = n_pages;
    link_joined(a, first, n_pages - first);
}

/* The shortest free span of at least n pages, the first of equals. */
static uint32_t best_fit(const hf_arena *a, uint32_t n)
{
    unsigned b = bin_of(n);
    while (b < HF_BINS - 1 && a->bin[b] == HF_NO_PAGE)
        b++;
    if (b < HF_BINS - 1)
        return a->bin[b];
    uint32_t best = HF_NO_PAGE;
    for (uint32_t i = a->bin[HF_BINS - 1]; i != HF_NO_PAGE; i = a->page[i].next)
        if (a->page[i].n >= n && (best == HF_NO_PAGE || a->page[i].n < a->page[best].n))
            best = i;
    return best;
}

uint32_t hf_span_take(hf_arena *a, uint32_t n, hf_page_kind kind)
{
    uint32_t first = best_fit(a, n);
    if (first == HF_NO_PAGE)
        return HF_NO_PAGE;
    uint32_t rest = a->page[first].n - n;
    unlink_free(a, first);
    if (rest > 0)
        link_free(a, first + n, rest);
    for (uint32_t i = first; i < first + n; i++)
        a->page[i] = (hf_page) { .kind = HF_PAGE_INNER, .head = first };
    a->page[first].kind = (uint8_t)kind;
    a->page[first].n = n;
    a->page[first].next = a->page[first].prev = HF_NO_PAGE;
    atomic_fetch_add_explicit(&a->used, n * HF_PAGE, memory_order_relaxed);
    return first;
}

void hf_span_give(hf_arena *a, uint32_t first)
{
    uint32_t n = a->page[first].n;
    atomic_fetch_sub_explicit(&a->used, n * HF_PAGE, memory_order_relaxed);
    a->page[first].kind = HF_PAGE_INNER;
    link_joined(a, first, n);
}
