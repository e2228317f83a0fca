/* The regions that guarded buffers live in. */
#include "mem/guarded.h"
#include "mem/maps.h"
#include "mem/registry.h"
#include <stdlib.h>

#define APART_BEYOND 1024 /* places that may be set apart although the rest of the maps is for others */

static const char why_records[] = "ordinary memory for the records of guarded buffers cannot be had; is RLIMIT_AS set?";
static const char why_maps[] = "vm.max_map_count (usually 65530) allows no more guarded buffers; raise it with sysctl";
static const char why_table[] = "4,096 large buffers and pools live, and more cannot; free some";

size_t hf_home_stride(const hf_shelf *s)
{
    return (((size_t)1 << s->klass) + 1) * s->heap->page;
}

static bool is_large(const hf_shelf *s)
{
    return s->klass == HF_PLACE_CLASSES;
}

/* A new record, or one whose region is gone: freed handles then still point to records, where a second free is seen. */
static hf_home *record_take(hf_shelf *s, uint32_t most)
{
    hf_home *home = s->dormant;
    if (home != NULL) {
        s->dormant = home->next;
        return home;
    }
    home = calloc(1, sizeof(*home));
    hf_buffer *place = calloc(most, sizeof(*place));
    if (home == NULL || place == NULL) {
        free(home);
        free(place);
        return NULL;
    }
    *home = (hf_home) { .gates = s->heap->gate, .shelf = s, .place = place, .most = most };
    return home;
}

static void record_give(hf_home *home)
{
    home->places = home->idle = 0;
    home->region.generation =
        home->shelf->heap->generation; /* its handles are of this process still: a second free is seen */
    home->next = home->shelf->dormant;
    home->shelf->dormant = home;
}

/* True when each place of the home is two maps anyway. */
static bool is_mapped(const hf_home *home)
{
    return home->region.guards_mapped && home->shelf->rights != HF_ACCESS_NONE;
}

/* False when the maps of the process are for others from here on. */
static bool maps_left(const hf_heap *h, uint32_t most, uint32_t places)
{
    uint32_t now = atomic_load(&h->mapped);
    return now < most && places <= most - now;
}

hf_err hf_place_set_apart(hf_buffer *b)
{
    if (b->apart)
        return HF_OK;
    HF_TRY(hf_region_set_apart(&b->home->region, hf_place_offset(b), hf_place_bytes(b)));
    b->apart = true;
    if (!is_mapped(b->home)) {
        atomic_fetch_add(&b->home->apart, 1);
        atomic_fetch_add(&b->home->shelf->heap->mapped, 1);
    }
    return HF_OK;
}

void hf_place_try_apart(hf_buffer *b)
{
    hf_heap *h = b->home->shelf->heap;
    if (maps_left(h, h->mapped_most + APART_BEYOND, 1) && hf_place_set_apart(b) != HF_OK)
        return; /* nothing is lost but time */
}

static void place_init(hf_home *home, hf_buffer *b, size_t offset, size_t bytes)
{
    b->home = home;
    b->low = home->region.base + offset;
    b->end = b->low + bytes;
    b->rights = (uint8_t)home->shelf->rights;
    b->apart = is_large(home->shelf); /* what surrounds it is not locked */
}

/* Of all that is locked from there on. */
static hf_err rights_take(hf_home *home, size_t from)
{
    hf_region *r = &home->region;
    hf_maps_reserve();
    hf_gate_take(home->gates, r->generation);
    hf_err e = hf_region_protect(r, from, r->bytes - from, home->shelf->rights);
    hf_gate_give(home->gates);
    return e;
}

/* Everything that is locked becomes places with the rights of the shelf. */
static hf_err settle(hf_home *home)
{
    hf_shelf *s = home->shelf;
    size_t stride = hf_home_stride(s), from = home->places * stride;
    if (s->rights != HF_ACCESS_READ_WRITE) {
        HF_TRY(rights_take(home, from));
    }
    uint32_t before = home->places;
    for (; home->places < home->region.bytes / stride; home->places++) {
        hf_buffer *b = &home->place[home->places];
        place_init(home, b, home->places * stride, stride - s->heap->page);
        b->next = s->idle;
        s->idle = b;
        s->places++;
        home->idle++;
    }
    if (is_mapped(home))
        atomic_fetch_add(&s->heap->mapped, home->places - before);
    return HF_OK;
}

hf_err hf_home_grow(hf_home *home, uint32_t by, const char **reterr_why)
{
    hf_shelf *s = home->shelf;
    size_t stride = hf_home_stride(s);
    *reterr_why = why_maps;
    HF_CHECK(!is_mapped(home) || maps_left(s->heap, s->heap->mapped_most, by), HF_ERR_LOCKED_MEMORY);
    if (home->region.bytes == home->places * stride)
        HF_TRY(hf_region_grow(&home->region, by * stride, reterr_why));
    *reterr_why = why_maps;
    HF_CHECK(settle(home) == HF_OK, HF_ERR_LOCKED_MEMORY);
    *reterr_why = "";
    return HF_OK;
}

/* The region of a home, where hf_wipe_all finds it. */
static hf_err region_have(hf_home *home, const hf_region_spec *spec, const char **reterr_why)
{
    HF_TRY(hf_region_new(spec, &home->region, reterr_why));
    if (hf_registry_add(&home->region) == HF_OK)
        return HF_OK;
    hf_region_release(&home->region);
    *reterr_why = why_table;
    return HF_ERR_LOCKED_MEMORY;
}

static void region_end(hf_home *home)
{
    hf_registry_remove(&home->region);
    hf_region_release(&home->region);
}

hf_err hf_home_new(hf_shelf *s, uint32_t most, uint32_t first, const char **reterr_why)
{
    *reterr_why = why_maps;
    bool mapped = s->backing != HF_BACKING_MLOCK && s->rights != HF_ACCESS_NONE;
    HF_CHECK(!mapped || maps_left(s->heap, s->heap->mapped_most, first), HF_ERR_LOCKED_MEMORY);
    *reterr_why = why_records;
    hf_home *home = record_take(s, most);
    HF_CHECK(home != NULL, HF_ERR_LOCKED_MEMORY);
    const hf_region_spec spec = { .reserve = home->most * hf_home_stride(s),
                                  .first = (first < home->most ? first : home->most) * hf_home_stride(s),
                                  .stride_pages = (1u << s->klass) + 1,
                                  .weakest = s->backing,
                                  .strongest = s->backing,
                                  .protects = true };
    hf_err e = region_have(home, &spec, reterr_why);
    if (e == HF_OK && (e = settle(home)) != HF_OK) {
        region_end(home);
        *reterr_why = why_maps;
        e = HF_ERR_LOCKED_MEMORY;
    }
    if (e != HF_OK) {
        record_give(home);
        return e;
    }
    home->next = s->homes;
    s->homes = home;
    *reterr_why = "";
    return HF_OK;
}

void hf_home_release(hf_home *home)
{
    hf_shelf *s = home->shelf;
    if (!is_large(s)) {
        s->places -= home->places;
        atomic_fetch_sub(&s->heap->mapped, is_mapped(home) ? home->places : atomic_load(&home->apart));
        atomic_store(&home->apart, 0);
    }
    region_end(home);
    record_give(home);
}

hf_err hf_home_large(hf_shelf *s, size_t bytes, hf_buffer **ret, const char **reterr_why)
{
    *reterr_why = why_records;
    (void)pthread_mutex_lock(&s->lock);
    hf_home *home = record_take(s, 1);
    (void)pthread_mutex_unlock(&s->lock);
    HF_CHECK(home != NULL, HF_ERR_LOCKED_MEMORY);
    const hf_region_spec spec = {
        .reserve = bytes, .first = bytes, .weakest = s->backing, .strongest = s->backing, .protects = true
    };
    hf_err e = region_have(home, &spec, reterr_why);
    if (e == HF_OK && s->rights != HF_ACCESS_READ_WRITE) {
        if (rights_take(home, 0) != HF_OK) {
            region_end(home);
            *reterr_why = why_maps;
            e = HF_ERR_LOCKED_MEMORY;
        }
    }
    if (e != HF_OK) {
        (void)pthread_mutex_lock(&s->lock);
        record_give(home);
        (void)pthread_mutex_unlock(&s->lock);
        return e;
    }
    home->places = 1;
    place_init(home, home->place, 0, home->region.bytes);
    *ret = home->place;
    *reterr_why = "";
    return HF_OK;
}
