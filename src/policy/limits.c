#include "policy/limits.h"

#include "policy/siphash.h"
#include <stdlib.h>
#include <string.h>

#define NONE 0xFFFFu /* no entry: indexes are below HF_LIMITS_ENTRIES_MAX */
#define SPEC_MAX 1000000u

/*
 * A bucket is kept as the moment at which it would be full again (a virtual schedule, as in ITU-T I.371's GCRA): one
 * number, exact in nanoseconds, that needs no refill and cannot overflow by long idleness.
 */
struct entry {
    int64_t full_at_ns;
    uint16_t chain;        /* next in the same slot */
    uint16_t older, newer; /* order of use */
    uint8_t key_len;
    uint8_t key[HF_LIMITS_KEY_MAX];
};

struct hf_limits {
    int64_t cost_ns;  /* one token */
    int64_t depth_ns; /* burst tokens */
    uint32_t capacity;
    uint32_t count;
    uint32_t slot_mask;
    uint8_t seed[16];
    uint16_t oldest, newest, free;
    uint16_t slots[2 * HF_LIMITS_ENTRIES_MAX];
    struct entry entries[HF_LIMITS_ENTRIES_MAX];
};

static bool spec_ok(const struct hf_limits_spec *spec)
{
    return spec->rate >= 1 && spec->rate <= SPEC_MAX && spec->burst >= 1 && spec->burst <= SPEC_MAX &&
           spec->entries <= HF_LIMITS_ENTRIES_MAX;
}

hf_err hf_limits_new(const struct hf_limits_spec *spec, hf_limits **ret)
{
    HF_CHECK(spec_ok(spec), HF_ERR_BOUNDS);
    hf_limits *l = calloc(1, sizeof(*l));
    HF_CHECK(l != NULL, HF_ERR_SYSTEM);
    l->cost_ns = HF_NS_PER_S / spec->rate;
    l->depth_ns = l->cost_ns * spec->burst;
    l->capacity = spec->entries == 0 ? HF_LIMITS_ENTRIES_MAX : spec->entries;
    l->slot_mask = HF_COUNT(l->slots) - 1;
    memcpy(l->seed, spec->seed, sizeof(l->seed));
    l->oldest = l->newest = NONE;
    memset(l->slots, 0xFF, sizeof(l->slots));
    for (uint32_t i = 0; i < l->capacity; i++)
        l->entries[i].chain = i + 1 < l->capacity ? (uint16_t)(i + 1) : NONE;
    *ret = l;
    return HF_OK;
}

void hf_limits_free(hf_limits *l)
{
    free(l);
}

uint32_t hf_limits_count(const hf_limits *l)
{
    return l->count;
}

static uint16_t *slot_of(hf_limits *l, hf_view key)
{
    return &l->slots[hf_siphash24(l->seed, key) & l->slot_mask];
}

static void unlink_use(hf_limits *l, uint16_t i)
{
    struct entry *e = &l->entries[i];
    *(e->older == NONE ? &l->oldest : &l->entries[e->older].newer) = e->newer;
    *(e->newer == NONE ? &l->newest : &l->entries[e->newer].older) = e->older;
}

static void link_newest(hf_limits *l, uint16_t i)
{
    struct entry *e = &l->entries[i];
    e->older = l->newest;
    e->newer = NONE;
    *(l->newest == NONE ? &l->oldest : &l->entries[l->newest].newer) = i;
    l->newest = i;
}

static uint16_t find(hf_limits *l, uint16_t slot, hf_view key)
{
    uint16_t i = slot;
    while (i != NONE && !hf_view_eq(key, hf_view_of(l->entries[i].key, l->entries[i].key_len)))
        i = l->entries[i].chain;
    return i;
}

static void drop(hf_limits *l, uint16_t i)
{
    struct entry *e = &l->entries[i];
    uint16_t *link = slot_of(l, hf_view_of(e->key, e->key_len));
    while (*link != i)
        link = &l->entries[*link].chain;
    *link = e->chain;
    unlink_use(l, i);
    e->chain = l->free;
    l->free = i;
    l->count--;
}

/* A new entry starts with a full bucket. */
static uint16_t add(hf_limits *l, hf_view key, hf_mono now)
{
    if (l->free == NONE)
        drop(l, l->oldest);
    const uint16_t i = l->free;
    struct entry *e = &l->entries[i];
    l->free = e->chain;
    e->full_at_ns = now.ns;
    e->key_len = (uint8_t)key.len;
    memcpy(e->key, key.ptr, key.len);
    uint16_t *slot = slot_of(l, key); /* after the drop: that may have changed the slot */
    e->chain = *slot;
    *slot = i;
    link_newest(l, i);
    l->count++;
    return i;
}

static uint32_t whole_seconds(int64_t ns)
{
    return (uint32_t)((ns + HF_NS_PER_S - 1) / HF_NS_PER_S);
}

hf_err hf_limits_take(hf_limits *l, hf_view key, hf_mono now, uint32_t *reterr_retry_after_s)
{
    HF_CHECK(key.len > 0 && key.len <= HF_LIMITS_KEY_MAX, HF_ERR_BOUNDS);
    uint16_t i = find(l, *slot_of(l, key), key);
    if (i == NONE) {
        i = add(l, key, now);
    } else {
        unlink_use(l, i);
        link_newest(l, i);
    }

    struct entry *e = &l->entries[i];
    const int64_t from = e->full_at_ns > now.ns ? e->full_at_ns : now.ns;
    const int64_t wait = from + l->cost_ns - (now.ns + l->depth_ns);
    if (wait > 0) {
        *reterr_retry_after_s = whole_seconds(wait);
        return HF_ERR_RATE;
    }
    e->full_at_ns = from + l->cost_ns;
    return HF_OK;
}

uint32_t hf_limits_expire(hf_limits *l, hf_mono now, uint32_t max_steps)
{
    uint32_t gone = 0;
    while (gone < max_steps && l->oldest != NONE && l->entries[l->oldest].full_at_ns <= now.ns) {
        drop(l, l->oldest);
        gone++;
    }
    return gone;
}
