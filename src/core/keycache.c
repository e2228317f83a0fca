#include "core/core.h"

#include "crypto/crypto.h"
#include <stdlib.h>
#include <string.h>

/*
 * Loaded keys, bounded by the bytes of arena they take. A key that a lane is using has a hold and is not freed
 * before the hold is given back, also when it has been dropped meanwhile.
 */
struct cached_key {
    uint8_t id[16];
    uint32_t version;
    hf_key *key;
    size_t cost;
    uint32_t holds;
    bool dropped;
    cached_key *newer, *older; /* by last use */
    cached_key *chain;         /* same bucket */
};

#define BUCKETS 4096

struct key_cache {
    cached_key *buckets[BUCKETS];
    cached_key *newest, *oldest;
    size_t bytes, max_bytes;
    uint64_t hits, misses;
};

hf_err cache_new(size_t max_bytes, key_cache **ret)
{
    key_cache *kc = calloc(1, sizeof(*kc));

    HF_CHECK(kc != NULL, HF_ERR_SYSTEM);
    kc->max_bytes = max_bytes;
    *ret = kc;
    return HF_OK;
}

/* Ids are random (UUIDv4), so two of their bytes are a hash. */
static cached_key **bucket_of(key_cache *kc, const uint8_t id[static 16], uint32_t version)
{
    return &kc->buckets[((uint32_t)(id[0] << 8 | id[1]) + version) % BUCKETS];
}

static void unlink_use(key_cache *kc, cached_key *k)
{
    if (k->newer != NULL)
        k->newer->older = k->older;
    else
        kc->newest = k->older;
    if (k->older != NULL)
        k->older->newer = k->newer;
    else
        kc->oldest = k->newer;
    k->newer = k->older = NULL;
}

static void link_newest(key_cache *kc, cached_key *k)
{
    k->older = kc->newest;
    k->newer = NULL;
    if (kc->newest != NULL)
        kc->newest->newer = k;
    kc->newest = k;
    if (kc->oldest == NULL)
        kc->oldest = k;
}

static void destroy(key_cache *kc, cached_key *k)
{
    kc->bytes -= k->cost;
    hf_key_free(k->key);
    free(k);
}

/* Takes it out of the cache; freed now or with its last hold. */
static void drop(key_cache *kc, cached_key *k)
{
    cached_key **at = bucket_of(kc, k->id, k->version);

    while (*at != k)
        at = &(*at)->chain;
    *at = k->chain;
    unlink_use(kc, k);
    k->dropped = true;
    if (k->holds == 0)
        destroy(kc, k);
}

static cached_key *hold(key_cache *kc, const uint8_t id[static 16], uint32_t version)
{
    cached_key *k = *bucket_of(kc, id, version);

    while (k != NULL && (k->version != version || memcmp(k->id, id, sizeof(k->id)) != 0))
        k = k->chain;
    if (k == NULL)
        return NULL;
    if (kc->newest != k) {
        unlink_use(kc, k);
        link_newest(kc, k);
    }
    k->holds++;
    return k;
}

cached_key *cache_hold(key_cache *kc, const uint8_t id[static 16], uint32_t version)
{
    cached_key *k = hold(kc, id, version);

    if (k != NULL)
        kc->hits++;
    else
        kc->misses++;
    return k;
}

struct cache_numbers cache_numbers(const key_cache *kc)
{
    return (struct cache_numbers) { .hits = kc->hits, .misses = kc->misses, .bytes = kc->bytes };
}

void cache_release(core *c, cached_key *k)
{
    if (--k->holds == 0 && k->dropped)
        destroy(c->cache, k);
}

const hf_key *cache_key(const cached_key *k)
{
    return k->key;
}

/* Oldest first; what is held is gone from the cache at once but counts until its hold ends. */
static void make_room(key_cache *kc, size_t cost)
{
    while (kc->oldest != NULL && kc->bytes + cost > kc->max_bytes)
        drop(kc, kc->oldest);
}

hf_err cache_put(core *c, const uint8_t id[static 16], uint32_t version, hf_key *key)
{
    key_cache *kc = c->cache;
    cached_key *held = hold(kc, id, version);

    if (held != NULL) { /* loaded twice at the same time: the first stays */
        cache_release(c, held);
        hf_key_free(key);
        return HF_OK;
    }
    cached_key *k = calloc(1, sizeof(*k));
    if (k == NULL) {
        hf_key_free(key);
        return HF_ERR_OVERLOADED;
    }
    memcpy(k->id, id, sizeof(k->id));
    k->version = version;
    k->key = key;
    k->cost = hf_key_cost(hf_key_alg(key));
    make_room(kc, k->cost);
    cached_key **bucket = bucket_of(kc, id, version);
    k->chain = *bucket;
    *bucket = k;
    link_newest(kc, k);
    kc->bytes += k->cost;
    return HF_OK;
}

void cache_drop(key_cache *kc, const uint8_t id[static 16])
{
    for (cached_key *k = kc->newest, *older; k != NULL; k = older) {
        older = k->older;
        if (memcmp(k->id, id, sizeof(k->id)) == 0)
            drop(kc, k);
    }
}

void cache_drop_all(key_cache *kc)
{
    for (cached_key *k = kc->newest, *older; k != NULL; k = older) {
        older = k->older;
        drop(kc, k);
    }
}
