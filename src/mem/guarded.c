/* Places of guarded buffers: shelves of one kind each, and a few places that a thread keeps for itself. */
#include "mem/guarded.h"
#include "mem/internal.h"
#include "mem/maps.h"
#include <stdlib.h>
#include <unistd.h>

#define STOCK 8 /* most places of one kind that a thread keeps */
#define RESERVE_FIRST ((size_t)64 << 20)
#define RESERVE_MOST ((size_t)1 << 30)
#define RESERVE_LEAST ((size_t)1 << 20)
#define GROW_FIRST 4 /* pages; later a quarter of what there is */
#define GROW_MOST 256
#define MAPS_FOR_OTHERS 5530
#define ASK_AGAIN 64 /* a shelf that could not grow is asked again by one request in so many */

static const char why_heap[] = "ordinary memory for the records of guarded buffers cannot be had; is RLIMIT_AS set?";
static const char why_random[] = "the operating system gives no random bytes for canaries";

/* Only of kinds that are read-write at rest: the others need system calls anyway. */
typedef struct stock {
    hf_heap *heap;
    struct {
        uint32_t count;
        hf_buffer *place[STOCK];
    } of[HF_BACKING_MALLOC + 1][HF_PLACE_CLASSES];
} stock;

static _Thread_local stock *my_stock;
static _Thread_local bool my_end; /* this thread is ending: its stock was given back */
static pthread_key_t end_key;
static pthread_once_t end_once = PTHREAD_ONCE_INIT;
static bool have_end_key;

void hf_guarded_end(const char *line)
{
    hf_wipe_all();
    ssize_t n = write(STDERR_FILENO, line, (unsigned)strlen(line));
    (void)n;
    abort();
}

/* ---- the heap of this process ---- */

static _Atomic(hf_heap *) heap_now;

static hf_heap *heap_new(uint64_t generation)
{
    hf_heap *h = calloc(1, sizeof(*h));
    if (h == NULL)
        return NULL;
    h->generation = generation;
    h->page = hf_page_bytes();
    uint32_t maps = hf_maps_limit();
    h->mapped_most = maps > MAPS_FOR_OTHERS ? (maps - MAPS_FOR_OTHERS) / 2 : 0;
    for (unsigned i = 0; i < HF_GATES; i++) {
        (void)pthread_mutex_init(&h->gate[i].lock, NULL);
        (void)pthread_cond_init(&h->gate[i].closed, NULL);
    }
    for (unsigned b = 0; b <= HF_BACKING_MALLOC; b++)
        for (unsigned r = 0; r <= HF_ACCESS_READ_WRITE; r++)
            for (unsigned k = 0; k <= HF_PLACE_CLASSES; k++) {
                hf_shelf *s = &h->shelf[b][r][k];
                s->heap = h;
                s->backing = (hf_backing)b;
                s->rights = (hf_access)r;
                s->klass = (uint8_t)k;
                (void)pthread_mutex_init(&s->lock, NULL);
            }
    return h;
}

/*
 * Made without a lock, which a child could inherit held for ever. A child leaves the heap of its parent behind.
 * HF_ERR_LOCKED_MEMORY, HF_ERR_SYSTEM.
 */
static hf_err heap_have(hf_heap **ret, const char **reterr_why)
{
    uint64_t generation = hf_fork_generation();
    hf_heap *h = atomic_load_explicit(&heap_now, memory_order_acquire);
    if (h == NULL || h->generation != generation) {
        *reterr_why = why_heap;
        hf_heap *mine = heap_new(generation);
        HF_CHECK(mine != NULL, HF_ERR_LOCKED_MEMORY);
        *reterr_why = why_random;
        bool random = hf_random_fill(mine->secret, sizeof(mine->secret));
        if (random && atomic_compare_exchange_strong(&heap_now, &h, mine))
            h = mine;
        else
            free(mine); /* nobody has used its locks */
        HF_CHECK(random, HF_ERR_SYSTEM);
    }
    *ret = h;
    return HF_OK;
}

bool hf_guarded_changes(void)
{
    const hf_heap *h = atomic_load_explicit(&heap_now, memory_order_acquire);
    return h != NULL && h->generation == hf_fork_generation() && hf_gate_any_taken(h->gate);
}

/* HF_PLACE_CLASSES for what needs a region of its own. */
static unsigned class_of(size_t page, size_t bytes)
{
    unsigned k = 0;
    while (k < HF_PLACE_CLASSES && bytes > page << k)
        k++;
    return k;
}

/* ---- shelves; the lock is held ---- */

static void shelf_put(hf_shelf *s, hf_buffer *b)
{
    b->next = s->idle;
    s->idle = b;
    b->home->idle++;
}

static hf_buffer *shelf_pop(hf_shelf *s)
{
    hf_buffer *b = s->idle;
    if (b != NULL) {
        s->idle = b->next;
        b->home->idle--;
    }
    return b;
}

static uint32_t growth(const hf_shelf *s)
{
    uint32_t places = s->places / 4, least = GROW_FIRST >> s->klass, most = GROW_MOST >> s->klass;
    if (places > most)
        places = most;
    return places > least ? places : least > 0 ? least : 1;
}

/* A reserve of address space is free; but where it is limited, a smaller one may do. */
static hf_err shelf_extend(hf_shelf *s, const char **reterr_why)
{
    size_t reserve = RESERVE_FIRST;
    for (const hf_home *home = s->homes; home != NULL && reserve < RESERVE_MOST; home = home->next)
        reserve *= 2;
    hf_err e = HF_ERR_LOCKED_MEMORY;
    for (; reserve >= RESERVE_LEAST && e != HF_OK; reserve /= 8) {
        uint32_t most = (uint32_t)(reserve / hf_home_stride(s));
        e = hf_home_new(s, most, growth(s), reterr_why);
        if (e != HF_OK)
            e = hf_home_new(s, most, 1, reterr_why);
    }
    return e;
}

static hf_err shelf_grow(hf_shelf *s, const char **reterr_why)
{
    hf_home *home = s->homes;
    if (home == NULL || home->places == home->most)
        return shelf_extend(s, reterr_why);
    uint32_t left = home->most - home->places, by = growth(s);
    hf_err e = hf_home_grow(home, by < left ? by : left, reterr_why);
    return e == HF_OK ? e : hf_home_grow(home, 1, reterr_why);
}

/*
 * A place, and as far as they are there already, up to `more` further ones. NULL: *reterr_why says why. Unless it is
 * the last hope, a shelf that could not grow is seldom asked.
 */
static hf_buffer *shelf_take(hf_shelf *s, bool last, hf_buffer **more, uint32_t *n_more, const char **reterr_why)
{
    uint32_t most = *n_more;
    *n_more = 0;
    (void)pthread_mutex_lock(&s->lock);
    *reterr_why = atomic_load_explicit(&s->full, memory_order_relaxed);
    if (s->idle == NULL && (last || *reterr_why == NULL || ++s->passed % ASK_AGAIN == 0))
        atomic_store_explicit(&s->full, shelf_grow(s, reterr_why) == HF_OK ? NULL : *reterr_why, memory_order_relaxed);
    hf_buffer *b = shelf_pop(s);
    while (b != NULL && *n_more < most && s->idle != NULL)
        more[(*n_more)++] = shelf_pop(s);
    (void)pthread_mutex_unlock(&s->lock);
    return b;
}

/* Gives regions without a single buffer back to the system. */
static bool shelf_trim(hf_shelf *s)
{
    bool some = false;
    (void)pthread_mutex_lock(&s->lock);
    for (hf_home **at = &s->homes; *at != NULL;) {
        hf_home *home = *at;
        if (home->idle < home->places) {
            at = &home->next;
            continue;
        }
        for (hf_buffer **b = &s->idle; *b != NULL;)
            if ((*b)->home == home)
                *b = (*b)->next;
            else
                b = &(*b)->next;
        *at = home->next;
        hf_home_release(home);
        some = true;
    }
    (void)pthread_mutex_unlock(&s->lock);
    return some;
}

/* ---- what a thread keeps ---- */

static void stock_return(stock *t, unsigned backing, unsigned k, uint32_t n)
{
    hf_shelf *s = &t->heap->shelf[backing][HF_ACCESS_READ_WRITE][k];
    (void)pthread_mutex_lock(&s->lock);
    for (; n > 0; n--)
        shelf_put(s, t->of[backing][k].place[--t->of[backing][k].count]);
    (void)pthread_mutex_unlock(&s->lock);
}

static void stock_return_all(stock *t)
{
    if (t == NULL || t->heap == NULL || hf_forked_since(t->heap->generation))
        return;
    for (unsigned b = 0; b <= HF_BACKING_MALLOC; b++)
        for (unsigned k = 0; k < HF_PLACE_CLASSES; k++)
            stock_return(t, b, k, t->of[b][k].count);
}

static void thread_ends(void *unused)
{
    (void)unused;
    stock *t = my_stock;
    my_end = true;
    my_stock = NULL;
    stock_return_all(t);
    free(t);
}

static void make_end_key(void)
{
    have_end_key = pthread_key_create(&end_key, thread_ends) == 0;
}

/* NULL when this thread has to do without. */
static stock *stock_have(hf_heap *h)
{
    (void)pthread_once(&end_once, make_end_key);
    if (my_end || !have_end_key)
        return NULL;
    if (my_stock == NULL) {
        my_stock = calloc(1, sizeof(*my_stock));
        if (my_stock == NULL || pthread_setspecific(end_key, my_stock) != 0) {
            free(my_stock);
            my_stock = NULL;
            return NULL;
        }
    }
    if (my_stock->heap != h)
        *my_stock = (stock) { .heap = h }; /* what it held was the parent's */
    return my_stock;
}

/* Without a lock, or NULL. A weaker backing comes only after those that are known to be full. */
static hf_buffer *stock_take(const hf_buffer_spec *spec)
{
    stock *t = my_stock;
    if (t == NULL || spec->at_rest != HF_ACCESS_READ_WRITE || hf_forked_since(t->heap->generation))
        return NULL;
    unsigned k = class_of(t->heap->page, spec->bytes + HF_CANARY);
    for (unsigned b = spec->strongest; k < HF_PLACE_CLASSES && b <= (unsigned)spec->weakest; b++) {
        if (t->of[b][k].count > 0)
            return t->of[b][k].place[--t->of[b][k].count];
        if (atomic_load_explicit(&t->heap->shelf[b][HF_ACCESS_READ_WRITE][k].full, memory_order_relaxed) == NULL)
            break;
    }
    return NULL;
}

/* ---- taking and giving ---- */

/* From the shelf, and some for the stock of this thread. */
static hf_buffer *take_shared(hf_shelf *s, bool last, const char **reterr_why)
{
    stock *t = s->rights == HF_ACCESS_READ_WRITE ? stock_have(s->heap) : NULL;
    hf_buffer *more[STOCK / 2];
    uint32_t n = t == NULL || t->of[s->backing][s->klass].count > 0 ? 0 : STOCK / 2;
    hf_buffer *b = shelf_take(s, last, more, &n, reterr_why);
    while (t != NULL && n > 0)
        t->of[s->backing][s->klass].place[t->of[s->backing][s->klass].count++] = more[--n];
    return b;
}

/* From the best backing that has one. NULL: *reterr_why says what is wrong with the weakest. */
static hf_buffer *take_best(hf_heap *h, const hf_buffer_spec *spec, const char **reterr_why)
{
    size_t bytes = spec->bytes + HF_CANARY;
    unsigned k = class_of(h->page, bytes);
    for (unsigned b = spec->strongest; b <= (unsigned)spec->weakest; b++) {
        hf_shelf *s = &h->shelf[b][spec->at_rest][k];
        hf_buffer *place = NULL;
        if (k < HF_PLACE_CLASSES)
            place = take_shared(s, b == (unsigned)spec->weakest, reterr_why);
        else if (hf_home_large(s, bytes, &place, reterr_why) != HF_OK)
            atomic_store_explicit(&s->full, *reterr_why, memory_order_relaxed);
        if (place != NULL)
            return place;
    }
    return NULL;
}

static bool heap_trim(hf_heap *h)
{
    bool some = false;
    stock_return_all(my_stock);
    for (unsigned b = 0; b <= HF_BACKING_MALLOC; b++)
        for (unsigned r = 0; r <= HF_ACCESS_READ_WRITE; r++)
            for (unsigned k = 0; k < HF_PLACE_CLASSES; k++)
                some |= shelf_trim(&h->shelf[b][r][k]);
    return some;
}

/* Why the backing is not the best that was asked for; empty when it is. */
static const char *why_not_best(const hf_buffer *b, const hf_buffer_spec *spec)
{
    const hf_shelf *s = b->home->shelf;
    if (s->backing == spec->strongest)
        return b->home->region.why;
    const char *why =
        atomic_load_explicit(&s->heap->shelf[spec->strongest][s->rights][s->klass].full, memory_order_relaxed);
    return why != NULL ? why : "memfd_secret could not be had when this was asked for";
}

static __attribute__((noinline)) hf_err take_slow(const hf_buffer_spec *spec, hf_buffer **ret, const char **reterr_why)
{
    hf_heap *h = NULL;
    HF_TRY(heap_have(&h, reterr_why));
    hf_buffer *b = take_best(h, spec, reterr_why);
    if (b == NULL && heap_trim(h))
        b = take_best(h, spec, reterr_why);
    HF_CHECK(b != NULL, HF_ERR_LOCKED_MEMORY);
    *ret = b;
    return HF_OK;
}

hf_err hf_place_take(const hf_buffer_spec *spec, hf_buffer **ret, const char **reterr_why)
{
    hf_buffer *b = stock_take(spec);
    if (b == NULL)
        HF_TRY(take_slow(spec, &b, reterr_why));
    *reterr_why = why_not_best(b, spec);
    *ret = b;
    return HF_OK;
}

void hf_place_give(hf_buffer *b)
{
    hf_shelf *s = b->home->shelf;
    stock *t = my_stock;
    if (s->klass < HF_PLACE_CLASSES && s->rights == HF_ACCESS_READ_WRITE && t != NULL && t->heap == s->heap) {
        if (t->of[s->backing][s->klass].count == STOCK)
            stock_return(t, s->backing, s->klass, STOCK / 2);
        t->of[s->backing][s->klass].place[t->of[s->backing][s->klass].count++] = b;
        return;
    }
    (void)pthread_mutex_lock(&s->lock);
    if (s->klass == HF_PLACE_CLASSES)
        hf_home_release(b->home);
    else
        shelf_put(s, b);
    (void)pthread_mutex_unlock(&s->lock);
}
