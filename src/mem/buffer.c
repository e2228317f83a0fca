/* Guarded buffers: canary and padding, scopes, and the rights of their pages. */
#include "mem/guarded.h"
#include "mem/internal.h"
#include "mem/maps.h"
#include "mem/registry.h"

#define LARGEST ((size_t)16 << 20)

static const char why_bounds[] = "a guarded buffer has 1 byte to 16 MiB, and rights and backings of mem.h";

static _Thread_local char me; /* its address tells threads apart */

/* ---- canary and padding ---- */

static inline uint64_t rotl(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1], v[2] += v[3];
    v[1] = rotl(v[1], 13) ^ v[0], v[3] = rotl(v[3], 16) ^ v[2];
    v[0] = rotl(v[0], 32);
    v[2] += v[1], v[0] += v[3];
    v[1] = rotl(v[1], 17) ^ v[2], v[3] = rotl(v[3], 21) ^ v[0];
    v[2] = rotl(v[2], 32);
}

/*
 * SipHash-1-3 with 128 bits of output (Aumasson and Bernstein 2012) of place and use: who has read one canary knows
 * nothing of the next, not even in the same place.
 */
static void canary_next(hf_buffer *b)
{
    const uint64_t *secret = b->home->shelf->heap->secret;
    uint64_t use = ++b->uses, block = (uint64_t)(uintptr_t)b >> 4 | use << 44;
    uint64_t v[4] = { secret[0] ^ UINT64_C(0x736f6d6570736575),
                      secret[1] ^ UINT64_C(0x646f72616e646f6d) ^ 0xee ^ use >> 20,
                      secret[0] ^ UINT64_C(0x6c7967656e657261), secret[1] ^ UINT64_C(0x7465646279746573) ^ block };
    sip_round(v);
    v[0] ^= block;
    v[2] ^= 0xee;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    b->canary[0] = v[0] ^ v[1] ^ v[2] ^ v[3];
    v[1] ^= 0xdd;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    b->canary[1] = v[0] ^ v[1] ^ v[2] ^ v[3];
}

static inline uint8_t *data_of(const hf_buffer *b)
{
    return b->end - b->bytes;
}

/* By words, as it was computed: a wider read would wait until both have left the store buffer. */
static void canary_write(const hf_buffer *b)
{
    hf_word *at = (hf_word *)(void *)(data_of(b) - HF_CANARY);
    at[0] = b->canary[0];
    at[1] = b->canary[1];
}

static bool canary_holds(const hf_buffer *b)
{
    uint64_t found[2];
    memcpy(found, data_of(b) - HF_CANARY, sizeof(found));
    uint64_t wrong[2] = { found[0] ^ b->canary[0], found[1] ^ b->canary[1] };
    if ((wrong[0] | wrong[1]) == 0)
        return true;
    /* hf_wipe_all takes canaries as well, and another thread may be at it right now */
    return hf_registry_wipes() != b->wipes && (wrong[0] == 0 || found[0] == 0) && (wrong[1] == 0 || found[1] == 0);
}

/* The pages can be read. */
static bool intact(const hf_buffer *b)
{
    return canary_holds(b) && hf_all_zero(b->low, (size_t)(data_of(b) - HF_CANARY - b->low));
}

/* ---- rights ---- */

/* The gate is ours. */
static __attribute__((noinline)) hf_err rights_change(hf_buffer *b, hf_access wanted)
{
    HF_TRY(hf_region_protect_between(&b->home->region, hf_place_offset(b), hf_place_bytes(b), wanted));
    b->rights = (uint8_t)wanted;
    return HF_OK;
}

static inline hf_err rights_set(hf_buffer *b, hf_access wanted)
{
    return b->rights == wanted ? HF_OK : rights_change(b, wanted);
}

/*
 * At the limit of vm.max_map_count the kernel refuses to split a map. Opening may fail with that, closing must not, and
 * it never splits one: what is set apart is a map of its own whatever its rights. What is not stands between guards
 * with the rights of the shelf, or none; other rights make it a map of its own, and going back merges it with its
 * neighbours.
 *
 * What else could make the kernel refuse (a seccomp filter that came in between) ends the process: open for ever is no
 * answer.
 */
static inline void rights_restore(hf_buffer *b, hf_access wanted)
{
    if (rights_set(b, wanted) == HF_OK || (hf_maps_spend() && rights_set(b, wanted) == HF_OK))
        return;
    hf_guarded_end("holdfast: the kernel refuses to take back the rights of a guarded buffer; everything was wiped\n");
}

/* Freeing opens the pages to wipe them, which may split a map: the reserve is for that. */
static inline void rights_for_free(hf_buffer *b)
{
    if (rights_set(b, HF_ACCESS_READ_WRITE) == HF_OK ||
        (hf_maps_spend() && rights_set(b, HF_ACCESS_READ_WRITE) == HF_OK))
        return;
    hf_guarded_end(
        "holdfast: the kernel refuses the rights to wipe a guarded buffer (vm.max_map_count?); everything was wiped\n");
}

/* ---- life ---- */

/* The gate, where its rights have to be changed to reach the bytes or afterwards; else NULL. */
static inline hf_gate *gate_for(const hf_buffer *b)
{
    if (b->rights == HF_ACCESS_READ_WRITE && b->home->shelf->rights == HF_ACCESS_READ_WRITE)
        return NULL;
    hf_gate *gate = hf_place_gate(b);
    hf_gate_take(gate, b->home->region.generation);
    return gate;
}

static inline void gate_give(hf_gate *gate)
{
    if (gate != NULL)
        hf_gate_give(gate);
}

hf_err hf_buffer_new(const hf_buffer_spec *spec, hf_buffer **ret, const char **reterr_why)
{
    *reterr_why = why_bounds;
    HF_CHECK(spec->bytes >= 1 && spec->bytes <= LARGEST && (unsigned)spec->at_rest <= HF_ACCESS_READ_WRITE,
             HF_ERR_BOUNDS);
    HF_CHECK((unsigned)spec->weakest <= HF_BACKING_MALLOC && (unsigned)spec->strongest <= (unsigned)spec->weakest,
             HF_ERR_BOUNDS);
    hf_buffer *b = NULL;
    HF_TRY(hf_place_take(spec, &b, reterr_why));
    b->bytes = (uint32_t)spec->bytes;
    b->at_rest = (uint8_t)spec->at_rest;
    b->wipes = hf_registry_wipes_ended();
    canary_next(b);
    hf_gate *gate = gate_for(b);
    if (rights_set(b, HF_ACCESS_READ_WRITE) != HF_OK) {
        gate_give(gate);
        *reterr_why = "vm.max_map_count (usually 65530) is reached: the buffer cannot be opened; raise it with sysctl";
        hf_place_give(b);
        return HF_ERR_LOCKED_MEMORY;
    }
    canary_write(b);
    rights_restore(b, spec->at_rest);
    gate_give(gate);
    atomic_store_explicit(&b->state, HF_PLACE_LIVE, memory_order_release);
    *ret = b;
    return HF_OK;
}

static bool forked(const hf_buffer *b)
{
    return hf_forked_since(b->home->region.generation);
}

void hf_buffer_free(hf_buffer *b)
{
    if (b == NULL || forked(b))
        return;
    if (atomic_exchange_explicit(&b->state, HF_PLACE_ENDING, memory_order_acq_rel) != HF_PLACE_LIVE)
        hf_guarded_end("holdfast: a guarded buffer was freed twice; everything was wiped\n");
    if (b->readers > 0 || b->nested > 0)
        hf_guarded_end("holdfast: a guarded buffer was freed inside an open scope; everything was wiped\n");
    hf_gate *gate = gate_for(b);
    rights_for_free(b);
    if (!intact(b))
        hf_guarded_end("holdfast: a guarded buffer was written before its first byte; everything was wiped\n");
    hf_mem_zero(data_of(b) - HF_CANARY, b->bytes + HF_CANARY);
    rights_restore(b, b->home->shelf->rights);
    gate_give(gate);
    atomic_store_explicit(&b->state, HF_PLACE_IDLE, memory_order_release);
    hf_place_give(b);
}

/* ---- scopes ---- */

/* For a buffer of this process that lives: its gate is ours until hf_gate_give. */
static inline hf_err enter(hf_buffer *b, hf_gate **ret)
{
    HF_CHECK(!forked(b), HF_ERR_FORKED);
    if (atomic_load_explicit(&b->state, memory_order_acquire) != HF_PLACE_LIVE)
        hf_guarded_end("holdfast: a guarded buffer was used after it was freed; everything was wiped\n");
    *ret = hf_place_gate(b);
    hf_gate_take(*ret, b->home->region.generation);
    return HF_OK;
}

/* Readers do not wait for waiting writers: they may be inside a scope already. */
static inline bool excluded(const hf_buffer *b, hf_access how)
{
    return b->nested > 0 || (how == HF_ACCESS_READ_WRITE && b->readers > 0);
}

/*
 * Who closes looks for those who wait while it has the gate: either we saw what it did, or it sees that we were
 * counted.
 */
static __attribute__((noinline)) void wait_for(const hf_buffer *b, hf_gate *gate, hf_access how)
{
    uint64_t generation = b->home->region.generation;
    hf_gate_give(gate);
    (void)pthread_mutex_lock(&gate->lock);
    atomic_fetch_add(&gate->waiting, 1);
    for (hf_gate_take(gate, generation); excluded(b, how); hf_gate_take(gate, generation)) {
        hf_gate_give(gate);
        (void)pthread_cond_wait(&gate->closed, &gate->lock);
    }
    atomic_fetch_sub(&gate->waiting, 1);
    (void)pthread_mutex_unlock(&gate->lock);
}

static __attribute__((noinline)) void wake(hf_gate *gate)
{
    (void)pthread_mutex_lock(&gate->lock);
    (void)pthread_cond_broadcast(&gate->closed);
    (void)pthread_mutex_unlock(&gate->lock);
}

static bool mine(const hf_buffer *b)
{
    return b->nested > 0 && b->writer == &me;
}

static inline hf_err scope_begin(hf_buffer *b, hf_gate *gate, hf_access how)
{
    HF_CHECK(b->readers < UINT32_MAX && b->nested < UINT32_MAX, HF_ERR_BOUNDS);
    if (mine(b)) {
        b->nested++;
        return HF_OK;
    }
    if (excluded(b, how))
        wait_for(b, gate, how);
    if (b->rights < how) {
        if (!b->apart)
            hf_place_try_apart(b);
        HF_CHECK(rights_set(b, how) == HF_OK, HF_ERR_LOCKED_MEMORY);
    }
    if (how == HF_ACCESS_READ) {
        b->readers++;
    } else {
        b->nested = 1;
        b->writer = &me;
    }
    return HF_OK;
}

hf_err hf_buffer_open(hf_buffer *b, hf_access how, void **ret)
{
    HF_CHECK(how == HF_ACCESS_READ || how == HF_ACCESS_READ_WRITE, HF_ERR_BOUNDS);
    hf_gate *gate = NULL;
    HF_TRY(enter(b, &gate));
    hf_err e = scope_begin(b, gate, how);
    hf_gate_give(gate);
    HF_TRY(e);
    *ret = data_of(b);
    return HF_OK;
}

void hf_buffer_close(hf_buffer *b)
{
    hf_gate *gate = NULL;
    if (enter(b, &gate) != HF_OK)
        return;
    if (b->nested > 0 ? b->writer != &me : b->readers == 0)
        hf_guarded_end(
            "holdfast: a scope of a guarded buffer was closed that this thread did not open; everything was wiped\n");
    uint32_t left = b->nested > 0 ? --b->nested : --b->readers;
    bool waited_for = left == 0 && atomic_load_explicit(&gate->waiting, memory_order_relaxed) > 0;
    if (left == 0)
        rights_restore(b, b->at_rest);
    hf_gate_give(gate); /* from here on it may be freed */
    if (waited_for)
        wake(gate);
}

hf_err hf_buffer_set_at_rest(hf_buffer *b, hf_access at_rest)
{
    HF_CHECK((unsigned)at_rest <= HF_ACCESS_READ_WRITE, HF_ERR_BOUNDS);
    hf_gate *gate = NULL;
    HF_TRY(enter(b, &gate));
    bool inside = mine(b);
    if (!inside && excluded(b, HF_ACCESS_READ_WRITE))
        wait_for(b, gate, HF_ACCESS_READ_WRITE);
    hf_err e = at_rest == b->at_rest ? HF_OK : hf_place_set_apart(b);
    if (e == HF_OK && !inside)
        e = rights_set(b, at_rest);
    if (e == HF_OK)
        b->at_rest = (uint8_t)at_rest;
    hf_gate_give(gate);
    HF_CHECK(e == HF_OK, HF_ERR_LOCKED_MEMORY);
    return HF_OK;
}

/* ---- what it holds ---- */

void *hf_buffer_bytes(const hf_buffer *b)
{
    return data_of(b);
}

size_t hf_buffer_size(const hf_buffer *b)
{
    return b->bytes;
}

hf_backing hf_buffer_backing(const hf_buffer *b)
{
    return b->home->region.backing;
}

hf_err hf_buffer_randomize(hf_buffer *b)
{
    void *p = NULL;
    HF_TRY(hf_buffer_open(b, HF_ACCESS_READ_WRITE, &p));
    hf_err e = hf_random_fill(p, b->bytes) ? HF_OK : HF_ERR_SYSTEM;
    hf_buffer_close(b);
    return e;
}

hf_err hf_buffer_check(hf_buffer *b)
{
    hf_gate *gate = NULL;
    HF_TRY(enter(b, &gate));
    hf_access before = (hf_access)b->rights;
    hf_err e = HF_ERR_LOCKED_MEMORY;
    if (before != HF_ACCESS_NONE || rights_set(b, HF_ACCESS_READ) == HF_OK) {
        e = intact(b) ? HF_OK : HF_ERR_INTEGRITY;
        rights_restore(b, before);
    }
    hf_gate_give(gate);
    return e;
}
