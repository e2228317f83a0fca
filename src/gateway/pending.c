#include "gateway/pending.h"

#include <stdlib.h>

struct pending_table {
    size_t slots, n_free, high; /* no slot from `high` on was ever used: that bounds the walk */
    uint32_t *free_slots;
    pending rows[];
};

hf_err pending_new(size_t slots, pending_table **ret)
{
    HF_CHECK(slots > 0 && slots <= 1u << 20, HF_ERR_BOUNDS);
    pending_table *t = calloc(1, sizeof(*t) + slots * sizeof(t->rows[0]));
    HF_CHECK(t != NULL, HF_ERR_SYSTEM);
    t->free_slots = calloc(slots, sizeof(*t->free_slots));
    if (t->free_slots == NULL) {
        free(t);
        return HF_ERR_SYSTEM;
    }
    t->slots = t->n_free = slots;
    for (size_t i = 0; i < slots; i++)
        t->free_slots[i] = (uint32_t)(slots - 1 - i);
    *ret = t;
    return HF_OK;
}

void pending_free(pending_table *t)
{
    if (t == NULL)
        return;
    free(t->free_slots);
    free(t);
}

pending *pending_take(pending_table *t, uint64_t *ret_id)
{
    if (t->n_free == 0)
        return NULL;
    uint32_t slot = t->free_slots[--t->n_free];
    pending *p = &t->rows[slot];
    *p = (pending) { .generation = p->generation + 1, .used = true };
    if (slot >= t->high)
        t->high = (size_t)slot + 1;
    *ret_id = (uint64_t)p->generation << 32 | slot;
    return p;
}

pending *pending_find(pending_table *t, uint64_t id)
{
    uint32_t slot = (uint32_t)id;

    if (slot >= t->slots)
        return NULL;
    pending *p = &t->rows[slot];
    return p->used && p->generation == (uint32_t)(id >> 32) ? p : NULL;
}

void pending_give(pending_table *t, pending *p)
{
    if (!p->used)
        return;
    p->used = false;
    t->free_slots[t->n_free++] = (uint32_t)(p - t->rows);
}

pending *pending_next(pending_table *t, size_t *at)
{
    while (*at < t->high) {
        pending *p = &t->rows[(*at)++];
        if (p->used)
            return p;
    }
    return NULL;
}

size_t pending_count(const pending_table *t)
{
    return t->slots - t->n_free;
}
