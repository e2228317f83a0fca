/* Coffers: where the halves lie, and that calls and renewals do not meet. */
#include "sealmem/internal.h"

#include "crypto/crypto.h"
#include "sys/sandbox.h"
#include <stdlib.h>

#define PERIOD_MS 1000
#define NS_PER_MS INT64_C(1000000)
#define USES 4096
#define STACK_BYTES 2048 /* deeper than OpenSSL goes in a call (tests/unit/sealmem) */

/* ---- time ---- */

int64_t hf_coffer_clock_ns(clockid_t id)
{
    struct timespec t = { 0 };
    (void)clock_gettime(id, &t);
    return (int64_t)t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* A few ms coarse, a few ns dear. */
static int64_t now_ns(void)
{
    return hf_coffer_clock_ns(CLOCK_MONOTONIC_COARSE);
}

/* ---- seats ---- */

/* Threads begin their search at different seats, so that they seldom meet. */
static size_t home_of_thread(void)
{
    uint64_t mixed = ((uint64_t)(uintptr_t)pthread_self() >> 8) * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(mixed >> 61) % HF_COFFER_SEATS;
}

static hf_seat *seat_lock(hf_coffer *c)
{
    size_t home = home_of_thread();
    for (size_t i = 0; i < HF_COFFER_SEATS; i++) {
        hf_seat *s = &c->seat[(home + i) % HF_COFFER_SEATS];
        if (pthread_mutex_trylock(&s->lock) == 0)
            return s;
    }
    pthread_mutex_lock(&c->seat[home].lock);
    return &c->seat[home];
}

void hf_seats_lock(hf_coffer *c)
{
    for (size_t i = 0; i < HF_COFFER_SEATS; i++)
        pthread_mutex_lock(&c->seat[i].lock);
}

void hf_seats_unlock(hf_coffer *c)
{
    for (size_t i = 0; i < HF_COFFER_SEATS; i++)
        pthread_mutex_unlock(&c->seat[i].lock);
}

static bool time_is_up(hf_coffer *c)
{
    return now_ns() >= atomic_load_explicit(&c->due_ns, memory_order_relaxed);
}

/* One of the uses that the halves have left; the seat is taken. */
static bool take_use(hf_coffer *c, hf_seat *s)
{
    if (c->uses_each != 0) {
        if (s->uses_left == 0)
            return false;
        s->uses_left--;
        return true;
    }
    uint32_t left = atomic_load_explicit(&c->uses_left, memory_order_relaxed);
    while (left != 0 && !atomic_compare_exchange_weak_explicit(&c->uses_left, &left, left - 1, memory_order_relaxed,
                                                               memory_order_relaxed))
        ;
    return left != 0;
}

/* When hf_wipe_all came in between, new halves of a key may have been written over its zeros. */
static hf_err renew_halves(hf_coffer *c)
{
    HF_CHECK(hf_wipe_count() == c->wipes, HF_ERR_WRONG_STATE);
    HF_TRY(hf_split_renew(c->left, c->right, &c->desk->work[0], &c->desk->next));
    if (hf_wipe_count() == c->wipes)
        return HF_OK;
    hf_wipe(c->left, sizeof(*c->left));
    hf_wipe(c->right, sizeof(*c->right));
    return HF_ERR_WRONG_STATE;
}

/* All seats are taken. */
static hf_err renew(hf_coffer *c)
{
    HF_TRY(renew_halves(c));
    atomic_store_explicit(&c->uses_left, c->uses, memory_order_relaxed);
    for (size_t i = 0; i < HF_COFFER_SEATS; i++)
        c->seat[i].uses_left = c->uses_each;
    atomic_store_explicit(&c->due_ns, now_ns() + c->period_ns, memory_order_relaxed);
    atomic_fetch_add_explicit(&c->renewals, 1, memory_order_relaxed);
    return HF_OK;
}

static void clear_traces(void)
{
    hf_stack_clear(STACK_BYTES);
    hf_vectors_clear();
}

hf_err hf_coffer_rerandomize(hf_coffer *c)
{
    HF_CHECK(c->fork_id == hf_fork_id(), HF_ERR_FORKED);
    hf_seats_lock(c);
    hf_err e = renew(c);
    clear_traces();
    hf_seats_unlock(c);
    return e;
}

/* Another seat than before, perhaps; with all of them its own, no other thread can use up the halves in between. */
static hf_err renew_and_sit(hf_coffer *c, hf_seat **ret)
{
    hf_seats_lock(c);
    hf_seat *mine = &c->seat[home_of_thread()];
    hf_err e = HF_OK;
    if (time_is_up(c) || !take_use(c, mine)) {
        e = renew(c);
        if (e == HF_OK)
            (void)take_use(c, mine); /* there is one now */
    }
    if (e != HF_OK)
        clear_traces();
    for (size_t i = 0; i < HF_COFFER_SEATS; i++) {
        if (&c->seat[i] != mine || e != HF_OK)
            pthread_mutex_unlock(&c->seat[i].lock);
    }
    HF_TRY(e);
    *ret = mine;
    return HF_OK;
}

hf_err hf_seat_take(hf_coffer *c, hf_seat **ret)
{
    HF_CHECK(c->fork_id == hf_fork_id(), HF_ERR_FORKED);
    hf_seat *s = seat_lock(c);
    if (time_is_up(c) || !take_use(c, s)) {
        pthread_mutex_unlock(&s->lock);
        HF_TRY(renew_and_sit(c, &s));
    }
    *ret = s;
    return HF_OK;
}

void hf_seat_leave(hf_coffer *c, hf_seat *s)
{
    hf_cipher_forget(s->ctx, c->gcm);
    hf_work_wipe(s->work);
    clear_traces();
    pthread_mutex_unlock(&s->lock); /* last: another thread may wait for it to fork */
}

/* ---- life ---- */

static const char why_no_memory[] = "there is no memory for the coffer";
static const char why_no_random[] = "the kernel gave no random bytes for the master key";
static const char why_no_cipher[] =
    "OpenSSL has no AES-256-GCM for this program; see its configuration and default properties";
static const char why_no_room[] = "a page of locked memory has no room for half a key";

/*
 * A block alone in a region of one page. Nobody else ever allocates there; that it would wait for room keeps the pool
 * from taking one of the few places for thread caches of its own.
 */
static hf_err place(hf_backing weakest, size_t bytes, hf_pool **ret_pool, void **ret, const char **reterr_why)
{
    const hf_pool_spec spec = { .max_bytes = 1, .first_bytes = 1, .weakest = weakest, .wait_ms = 1 };
    HF_TRY(hf_pool_new(&spec, ret_pool, reterr_why));
    *reterr_why = why_no_room;
    return hf_pool_alloc(*ret_pool, bytes, ret);
}

/* In a child both calls do nothing: the region is the parent's. */
static void place_free(hf_pool *pool, void *block)
{
    if (block != NULL)
        hf_pool_free(pool, block);
    (void)hf_pool_destroy(pool);
}

static hf_err place_all(hf_coffer *c, hf_backing weakest, const char **reterr_why)
{
    void *left = NULL, *right = NULL, *desk = NULL;
    HF_TRY(place(weakest, sizeof(hf_left), &c->left_pool, &left, reterr_why));
    c->left = left;
    HF_TRY(place(weakest, sizeof(hf_right), &c->right_pool, &right, reterr_why));
    c->right = right;
    HF_TRY(place(weakest, sizeof(hf_desk), &c->desk_pool, &desk, reterr_why));
    c->desk = desk;
    return HF_OK;
}

static hf_err make_seats(hf_coffer *c)
{
    EVP_CIPHER_CTX *ctx[HF_COFFER_SEATS];
    HF_TRY(hf_cipher_contexts(c->gcm, ctx));
    for (size_t i = 0; i < HF_COFFER_SEATS; i++) {
        hf_seat *s = &c->seat[i];
        s->number = (uint8_t)i;
        s->uses_left = c->uses_each;
        s->work = &c->desk->work[i];
        s->ctx = ctx[i];
    }
    return HF_OK;
}

/* The worse of the three pools, for the report. */
static void judge_backing(hf_coffer *c)
{
    hf_pool *const pools[] = { c->left_pool, c->right_pool, c->desk_pool };
    c->backing = HF_BACKING_MEMFD_SECRET;
    c->why = "";
    for (size_t i = 0; i < HF_COUNT(pools); i++) {
        hf_pool_status now;
        hf_pool_status_get(pools[i], &now);
        if (now.backing > c->backing) {
            c->backing = now.backing;
            c->why = now.why;
        }
    }
}

static void settle(hf_coffer *c, const hf_coffer_spec *spec)
{
    c->period_ns = NS_PER_MS * (spec->rerandomize_ms == 0 ? PERIOD_MS : spec->rerandomize_ms);
    c->uses = spec->rerandomize_uses == 0 ? USES : spec->rerandomize_uses;
    c->uses_each = c->uses / HF_COFFER_SEATS;
    atomic_store(&c->uses_left, c->uses);
    atomic_store(&c->due_ns, now_ns() + c->period_ns);
}

/* *reterr_why is the reason of the step that comes next, until the last one is done. */
static hf_err fill(hf_coffer *c, const hf_coffer_spec *spec, const char **reterr_why)
{
    settle(c, spec);
    *reterr_why = why_no_cipher;
    HF_TRY(hf_cipher_fetch(&c->gcm));
    HF_TRY(place_all(c, spec->weakest, reterr_why));
    *reterr_why = why_no_random;
    HF_TRY(hf_random(c->nonce_prefix, sizeof(c->nonce_prefix)));
    HF_TRY(hf_split_draw(c->left, c->right));
    *reterr_why = why_no_memory;
    HF_TRY(make_seats(c));
    HF_TRY(hf_coffers_add(c));
    judge_backing(c);
    *reterr_why = c->why;
    return HF_OK;
}

hf_err hf_coffer_new(const hf_coffer_spec *spec, hf_coffer **ret, const char **reterr_why)
{
    static const hf_coffer_spec usual = { .weakest = HF_BACKING_MLOCK };
    *reterr_why = why_no_memory;
    hf_coffer *c = calloc(1, sizeof *c);
    HF_CHECK(c != NULL, HF_ERR_SYSTEM);
    c->fork_id = hf_fork_id();
    c->wipes = hf_wipe_count_settled();
    for (size_t i = 0; i < HF_COFFER_SEATS; i++)
        (void)pthread_mutex_init(&c->seat[i].lock, NULL); /* cannot fail without attributes */
    hf_err e = fill(c, spec == NULL ? &usual : spec, reterr_why);
    if (e != HF_OK) {
        hf_coffer_free(c);
        return e;
    }
    *ret = c;
    return HF_OK;
}

void hf_coffer_free(hf_coffer *c)
{
    if (c == NULL)
        return;
    hf_coffers_remove(c);
    place_free(c->left_pool, c->left);
    place_free(c->right_pool, c->right);
    place_free(c->desk_pool, c->desk);
    for (size_t i = 0; i < HF_COFFER_SEATS; i++) {
        EVP_CIPHER_CTX_free(c->seat[i].ctx);
        (void)pthread_mutex_destroy(&c->seat[i].lock);
    }
    EVP_CIPHER_free(c->gcm);
    free(c);
}

void hf_coffer_status_get(hf_coffer *c, hf_coffer_status *ret)
{
    hf_pool *const pools[] = { c->left_pool, c->right_pool, c->desk_pool };
    *ret = (hf_coffer_status) { c->backing, c->why, atomic_load(&c->renewals), 0 };
    for (size_t i = 0; i < HF_COUNT(pools) && c->fork_id == hf_fork_id(); i++) {
        hf_pool_status now;
        hf_pool_status_get(pools[i], &now);
        ret->locked_bytes += now.locked_bytes;
    }
}
