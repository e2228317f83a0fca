#include "core/core.h"

#include <stdlib.h>
#include <string.h>

/*
 * The tokens that are revoked: those in the store, one row a token. Open addressing with linear probing, at most half
 * full. Ids are hashes already, so two of their bytes are a slot.
 */
#define REVOKED_MAX 16384
#define SLOTS_MIN 64
/* The most that tokens.leeway_s may be: a revocation is kept for longer than any clock could need it. */
#define LEEWAY_MAX_S 120

struct revocations {
    struct revoked {
        uint8_t id[16];
        int64_t expires_s;
        bool used;
    } *slots;
    size_t n, cap; /* cap: a power of two, or 0 */
};

hf_err revocations_new(revocations **ret)
{
    revocations *r = calloc(1, sizeof(*r));

    HF_CHECK(r != NULL, HF_ERR_SYSTEM);
    *ret = r;
    return HF_OK;
}

static size_t home_of(const revocations *r, const uint8_t id[static 16])
{
    return ((size_t)id[0] << 8 | id[1]) & (r->cap - 1);
}

/* The slot of the id, or the free one where it would stand. cap > 0. */
static struct revoked *slot_for(const revocations *r, const uint8_t id[static 16])
{
    size_t at = home_of(r, id);

    while (r->slots[at].used && !hf_ct_equal(r->slots[at].id, id, 16))
        at = (at + 1) & (r->cap - 1);
    return &r->slots[at];
}

static struct revoked *find(const revocations *r, const uint8_t id[static 16])
{
    struct revoked *s = r->n == 0 ? NULL : slot_for(r, id);

    return s != NULL && s->used ? s : NULL;
}

bool revocations_find(const core *c, const uint8_t id[static 16], int64_t *ret_expires_s)
{
    const struct revoked *s = find(c->revocations, id);

    if (s == NULL)
        return false;
    *ret_expires_s = s->expires_s;
    return true;
}

bool revocations_has(const core *c, const uint8_t id[static 16])
{
    return find(c->revocations, id) != NULL;
}

bool revocations_expired(const core *c, hf_wall now, uint8_t ret_id[static 16], int64_t *ret_expires_s)
{
    const revocations *r = c->revocations;

    for (size_t i = 0; i < r->cap; i++)
        if (r->slots[i].used && r->slots[i].expires_s + LEEWAY_MAX_S < hf_wall_s(now)) {
            memcpy(ret_id, r->slots[i].id, sizeof(r->slots[i].id));
            *ret_expires_s = r->slots[i].expires_s;
            return true;
        }
    return false;
}

bool revocations_full(const core *c)
{
    return c->revocations->n >= REVOKED_MAX;
}

static hf_err grow(revocations *r)
{
    revocations wider = { .n = r->n, .cap = r->cap == 0 ? SLOTS_MIN : r->cap * 2 };

    wider.slots = calloc(wider.cap, sizeof(*wider.slots));
    HF_CHECK(wider.slots != NULL, HF_ERR_SYSTEM);
    for (size_t i = 0; i < r->cap; i++)
        if (r->slots[i].used)
            *slot_for(&wider, r->slots[i].id) = r->slots[i];
    free(r->slots);
    *r = wider;
    return HF_OK;
}

hf_err revocations_add(core *c, const uint8_t id[static 16], int64_t expires_s)
{
    revocations *r = c->revocations;
    struct revoked *s = find(r, id);

    if (s == NULL) {
        HF_CHECK(r->n < REVOKED_MAX, HF_ERR_QUOTA);
        if (2 * (r->n + 1) > r->cap)
            HF_TRY(grow(r));
        s = slot_for(r, id);
        memcpy(s->id, id, sizeof(s->id));
        s->used = true;
        r->n++;
    }
    s->expires_s = expires_s;
    return HF_OK;
}

/* What stands behind the gap, up to the next free slot, is put in again, so that it is still found from its own place. */
void revocations_remove(core *c, const uint8_t id[static 16])
{
    revocations *r = c->revocations;
    struct revoked *s = find(r, id), moved;

    if (s == NULL)
        return;
    s->used = false;
    r->n--;
    for (size_t at = (size_t)(s - r->slots + 1) & (r->cap - 1); r->slots[at].used; at = (at + 1) & (r->cap - 1)) {
        moved = r->slots[at];
        r->slots[at].used = false;
        *slot_for(r, moved.id) = moved;
    }
}
