/* Slabs: spans cut into equal blocks, with a bit for each free one. */
#include "mem/internal.h"

/*
 * Steps of a quarter or less, so that at most a fifth of a block is slack above 64 bytes; and powers of two with room for a canary, as most
 * secrets have such sizes.
 */
const uint16_t hf_class_sizes[HF_CLASSES] = {
    16,   32,   48,   64,   80,   96,   112,  128,  144,  160,  192,   224,   256,   272,
    320,  384,  448,  512,  528,  640,  768,  896,  1024, 1040, 1280,  1536,  1792,  2048,
    2064, 2560, 3072, 3584, 4096, 4112, 5120, 6144, 7168, 8192, 10240, 12288, 14336, 16384,
};

uint8_t hf_class_by_grains[HF_CLASS_LARGEST / HF_GRAIN + 1];
uint8_t hf_class_batches[HF_CLASSES];
static uint8_t class_pages[HF_CLASSES];

/* Fewest pages that hold at least two blocks and waste at most an eighth. */
static uint8_t pages_for(size_t bytes)
{
    size_t n = 1;
    while (n * HF_PAGE / bytes < 2 || (n * HF_PAGE % bytes) * 8 > n * HF_PAGE)
        n++;
    return (uint8_t)n;
}

/* A thread keeps at most about 8 KiB of each class. */
static uint8_t batch_for(size_t bytes)
{
    size_t n = 8192 / bytes;
    return (uint8_t)(n < 2 ? 2 : n > HF_MAGAZINE ? HF_MAGAZINE : n);
}

static void fill_tables(void)
{
    unsigned k = 0;
    for (size_t g = 0; g <= HF_CLASS_LARGEST / HF_GRAIN; g++) {
        if (g * HF_GRAIN > hf_class_sizes[k])
            k++;
        hf_class_by_grains[g] = (uint8_t)k;
    }
    for (k = 0; k < HF_CLASSES; k++) {
        class_pages[k] = pages_for(hf_class_sizes[k]);
        hf_class_batches[k] = batch_for(hf_class_sizes[k]);
    }
}

void hf_class_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, fill_tables);
}

static uint32_t blocks_in_slab(unsigned k)
{
    return (uint32_t)(class_pages[k] * HF_PAGE / hf_class_sizes[k]);
}

size_t hf_slab_bytes(unsigned k, uint32_t *ret_blocks)
{
    hf_class_init();
    *ret_blocks = blocks_in_slab(k);
    return class_pages[k] * HF_PAGE;
}

static void link_partial(hf_arena *a, uint32_t slab)
{
    hf_page *p = &a->page[slab];
    uint32_t *list = &a->partial[p->klass];
    p->prev = HF_NO_PAGE;
    p->next = *list;
    if (*list != HF_NO_PAGE)
        a->page[*list].prev = slab;
    *list = slab;
}

static void unlink_partial(hf_arena *a, uint32_t slab)
{
    hf_page *p = &a->page[slab];
    if (p->prev != HF_NO_PAGE)
        a->page[p->prev].next = p->next;
    else
        a->partial[p->klass] = p->next;
    if (p->next != HF_NO_PAGE)
        a->page[p->next].prev = p->prev;
}

static bool add_slab(hf_arena *a, unsigned k, bool may_grow)
{
    uint32_t slab = hf_span_take(a, class_pages[k], HF_PAGE_SLAB);
    if (slab == HF_NO_PAGE && may_grow && hf_arena_grow(a, class_pages[k]))
        slab = hf_span_take(a, class_pages[k], HF_PAGE_SLAB);
    if (slab == HF_NO_PAGE)
        return false;
    hf_page *p = &a->page[slab];
    uint32_t n = blocks_in_slab(k);
    p->klass = (uint8_t)k;
    p->n_free = (uint16_t)n;
    for (unsigned w = 0; w < HF_COUNT(p->free); w++) {
        uint32_t left = n > w * 64 ? n - w * 64 : 0;
        p->free[w] = left >= 64 ? UINT64_MAX : (UINT64_C(1) << left) - 1;
    }
    link_partial(a, slab);
    return true;
}

static uint32_t take_from(hf_arena *a, uint32_t slab, void **blocks, uint32_t n)
{
    hf_page *p = &a->page[slab];
    uint8_t *start = a->base + slab * HF_PAGE;
    uint32_t got = 0;
    for (unsigned w = 0; w < HF_COUNT(p->free); w++)
        while (p->free[w] != 0 && got < n) {
            unsigned bit = (unsigned)__builtin_ctzll(p->free[w]);
            p->free[w] &= p->free[w] - 1;
            blocks[got++] = start + (w * 64 + bit) * (size_t)hf_class_sizes[p->klass];
        }
    p->n_free = (uint16_t)(p->n_free - got);
    if (p->n_free == 0)
        unlink_partial(a, slab);
    return got;
}

/* Above this size two threads' blocks seldom share a cache line. */
#define OWNED_LARGEST 512
#define OWNED_LOOKS 8

static bool usable_by(const hf_arena *a, uint32_t slab, uint8_t owner)
{
    uint8_t o = a->page[slab].owner;
    return o == 0 || o == owner || !a->cache[o - 1].taken;
}

/*
 * The slab to take from. Small blocks of different threads come from different slabs while there is plenty of
 * room: two threads writing to one cache line make each allocation ten times slower.
 */
static uint32_t choose_slab(hf_arena *a, uint8_t owner, unsigned k)
{
    uint32_t slab = a->partial[k];
    if (hf_class_sizes[k] > OWNED_LARGEST || owner == 0)
        return slab;
    for (unsigned looks = 0; slab != HF_NO_PAGE && looks < OWNED_LOOKS; looks++, slab = a->page[slab].next)
        if (usable_by(a, slab, owner))
            return slab;
    if (!hf_arena_above_high_water(a))
        (void)add_slab(a, k, false);
    return a->partial[k];
}

uint32_t hf_slab_take(hf_arena *a, const hf_cache *c, unsigned k, void **blocks, uint32_t n)
{
    uint8_t owner = c == NULL ? 0 : (uint8_t)(c - a->cache + 1);
    uint32_t got = 0;
    while (got < n) {
        uint32_t slab = got > 0 ? a->partial[k] : choose_slab(a, owner, k);
        if (slab == HF_NO_PAGE && (got > 0 || !add_slab(a, k, true)))
            break;
        if (slab == HF_NO_PAGE)
            slab = a->partial[k];
        if (got > 0 && !usable_by(a, slab, owner))
            break;
        a->page[slab].owner = owner;
        got += take_from(a, slab, blocks + got, n - got);
    }
    return got;
}

static void give_one(hf_arena *a, unsigned k, void *block)
{
    size_t offset = (size_t)((uint8_t *)block - a->base);
    uint32_t slab = a->page[offset / HF_PAGE].head;
    hf_page *p = &a->page[slab];
    uint32_t i = (uint32_t)((offset - slab * HF_PAGE) / hf_class_sizes[k]);
    p->free[i / 64] |= UINT64_C(1) << (i % 64);
    if (p->n_free++ == 0)
        link_partial(a, slab);
    bool only = a->partial[k] == slab && p->next == HF_NO_PAGE;
    if (p->n_free == blocks_in_slab(k) && !only) {
        unlink_partial(a, slab);
        hf_span_give(a, slab);
    }
}

void hf_slab_give(hf_arena *a, unsigned k, void *const *blocks, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        give_one(a, k, blocks[i]);
}

void hf_slab_trim(hf_arena *a)
{
    for (unsigned k = 0; k < HF_CLASSES; k++)
        for (uint32_t slab = a->partial[k], next; slab != HF_NO_PAGE; slab = next) {
            next = a->page[slab].next;
            if (a->page[slab].n_free != blocks_in_slab(k))
                continue;
            unlink_partial(a, slab);
            hf_span_give(a, slab);
        }
}
