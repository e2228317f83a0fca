#include "gateway/limit.h"

#include "base/address.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CHAINS 8192 /* twice the buckets, a power of two */
#define NONE UINT32_MAX

/* In thousandths, so that slow rates do not lose what accrues between two requests. */
#define TOKEN 1000

struct bucket {
    uint8_t key[16];
    hf_mono seen;
    int64_t level; /* thousandths of a token */
    uint32_t chain_next;
    uint32_t older, newer;
    bool used;
};

struct limit {
    pthread_mutex_t lock;
    uint32_t rate, burst;
    uint64_t seed;
    uint32_t chains[CHAINS];
    uint32_t oldest, newest;
    struct bucket buckets[LIMIT_BUCKETS];
};

/* All buckets start in the list, unused; the oldest is always the next to be given away. */
static void link_all(limit *l)
{
    for (uint32_t i = 0; i < CHAINS; i++)
        l->chains[i] = NONE;
    for (uint32_t i = 0; i < LIMIT_BUCKETS; i++) {
        l->buckets[i].older = i == 0 ? NONE : i - 1;
        l->buckets[i].newer = i + 1 == LIMIT_BUCKETS ? NONE : i + 1;
    }
    l->oldest = 0;
    l->newest = LIMIT_BUCKETS - 1;
}

hf_err limit_new(uint32_t rate, uint32_t burst, limit **ret)
{
    HF_CHECK(rate > 0 && burst > 0, HF_ERR_BOUNDS);
    limit *l = calloc(1, sizeof(*l));
    HF_CHECK(l != NULL, HF_ERR_SYSTEM);
    if (pthread_mutex_init(&l->lock, NULL) != 0) {
        free(l);
        return HF_ERR_SYSTEM;
    }
    l->rate = rate;
    l->burst = burst;
    /* Where memory lies differs from start to start: enough to make chains hard to aim at. */
    l->seed = (uint64_t)(uintptr_t)l ^ (uint64_t)hf_mono_now().ns;
    link_all(l);
    *ret = l;
    return HF_OK;
}

void limit_free(limit *l)
{
    if (l == NULL)
        return;
    pthread_mutex_destroy(&l->lock);
    free(l);
}

static void key_of(const uint8_t address[static 16], uint8_t key[static 16])
{
    uint32_t uid;

    memset(key, 0, 16);
    memcpy(key, address, hf_address_is_ipv4(address) || hf_address_is_user(address, &uid) ? 16 : 8);
}

/* splitmix64 over both halves: spreads, and depends on a seed that outsiders do not know. */
static uint32_t chain_of(const limit *l, const uint8_t key[static 16])
{
    uint64_t half[2], x = l->seed;

    memcpy(half, key, sizeof(half));
    for (size_t i = 0; i < 2; i++) {
        x += half[i] + UINT64_C(0x9e3779b97f4a7c15);
        x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
        x ^= x >> 31;
    }
    return (uint32_t)(x & (CHAINS - 1));
}

static void make_newest(limit *l, uint32_t i)
{
    struct bucket *b = &l->buckets[i];

    if (l->newest == i)
        return;
    *(b->older != NONE ? &l->buckets[b->older].newer : &l->oldest) = b->newer;
    l->buckets[b->newer].older = b->older;
    b->older = l->newest;
    b->newer = NONE;
    l->buckets[l->newest].newer = i;
    l->newest = i;
}

static void unchain(limit *l, uint32_t i)
{
    uint32_t *at = &l->chains[chain_of(l, l->buckets[i].key)];

    while (*at != i)
        at = &l->buckets[*at].chain_next;
    *at = l->buckets[i].chain_next;
}

static struct bucket *take_over_oldest(limit *l, const uint8_t key[static 16], hf_mono now)
{
    uint32_t i = l->oldest;
    struct bucket *b = &l->buckets[i];

    if (b->used)
        unchain(l, i);
    uint32_t *chain = &l->chains[chain_of(l, key)];
    memcpy(b->key, key, sizeof(b->key));
    b->used = true;
    b->seen = now;
    b->level = (int64_t)l->burst * TOKEN;
    b->chain_next = *chain;
    *chain = i;
    make_newest(l, i);
    return b;
}

static struct bucket *find(limit *l, const uint8_t key[static 16], hf_mono now)
{
    for (uint32_t i = l->chains[chain_of(l, key)]; i != NONE; i = l->buckets[i].chain_next)
        if (memcmp(l->buckets[i].key, key, 16) == 0) {
            make_newest(l, i);
            return &l->buckets[i];
        }
    return take_over_oldest(l, key, now);
}

static void refill(const limit *l, struct bucket *b, hf_mono now)
{
    int64_t full = (int64_t)l->burst * TOKEN;
    int64_t passed = now.ns - b->seen.ns;

    if (passed <= 0)
        return;
    if (passed > LIMIT_IDLE_S * HF_NS_PER_S) {
        b->level = full;
        b->seen = now;
        return;
    }
    /* Only whole thousandths are taken out of the time, so nothing is lost however often this runs. */
    int64_t gained = (int64_t)((__int128)passed * l->rate * TOKEN / HF_NS_PER_S);
    b->seen.ns += (int64_t)((__int128)gained * HF_NS_PER_S / ((int64_t)l->rate * TOKEN));
    b->level = b->level + gained > full ? full : b->level + gained;
}

hf_err limit_take(limit *l, const uint8_t address[static 16], hf_mono now, uint32_t *reterr_wait_s)
{
    uint8_t key[16];
    hf_err e = HF_OK;

    key_of(address, key);
    pthread_mutex_lock(&l->lock);
    struct bucket *b = find(l, key, now);
    refill(l, b, now);
    if (b->level >= TOKEN) {
        b->level -= TOKEN;
    } else {
        e = HF_ERR_RATE;
        *reterr_wait_s = (uint32_t)((TOKEN - b->level + (int64_t)l->rate * TOKEN - 1) / ((int64_t)l->rate * TOKEN));
    }
    pthread_mutex_unlock(&l->lock);
    return e;
}
