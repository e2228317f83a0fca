/* Pools: blocks, canaries, growth, threads, and the mistakes that must end the process. Limits and forks: test_pool_limits.c. */
#include "kernel.h"
#include <holdfast/secret.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>

static hf_pool *pool;

static hf_pool *pool_with(hf_pool_spec spec)
{
    hf_pool *p = NULL;
    const char *why = NULL;
    spec.weakest = HF_BACKING_MALLOC;
    if (hf_pool_new(&spec, &p, &why) != HF_OK) {
        fprintf(stderr, "no pool: %s\n", why);
        exit(125);
    }
    return p;
}

static hf_pool *pool_of(size_t max_bytes)
{
    return pool_with((hf_pool_spec) { .max_bytes = max_bytes });
}

static uint8_t *block_of(hf_pool *p, size_t n)
{
    void *b = NULL;
    if (hf_pool_alloc(p, n, &b) != HF_OK) {
        fprintf(stderr, "no block of %zu bytes\n", n);
        exit(125);
    }
    return b;
}

static hf_pool_status status_of(hf_pool *p)
{
    hf_pool_status s;
    hf_pool_status_get(p, &s);
    return s;
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Mostly small, at times around the class limits, seldom large. */
static size_t random_size(uint64_t *state)
{
    uint64_t r = next_random(state);
    switch (r % 16) {
    case 0:
        return 1 + (r >> 8) % 60000;
    case 1:
        return 16384 - 24 + (r >> 8) % 32;
    case 2:
    case 3:
        return 1 + (r >> 8) % 8192;
    default:
        return 1 + (r >> 8) % 300;
    }
}

/* ---- blocks ---- */

static void sizes_have_bounds(void **state)
{
    (void)state;
    const size_t bad[] = { 0, 16 * MIB + 1, SIZE_MAX, SIZE_MAX - 15, SIZE_MAX / 2 };
    void *b = NULL;
    for (size_t i = 0; i < HF_COUNT(bad); i++)
        assert_int_equal(hf_pool_alloc(pool, bad[i], &b), HF_ERR_BOUNDS);
    assert_null(b);
    hf_pool *large = pool_with((hf_pool_spec) { .max_bytes = 40 * MIB, .first_bytes = 17 * MIB });
    assert_int_equal(hf_pool_alloc(large, 16 * MIB, &b), HF_OK);
    assert_true(all_bytes(b, 16 * MIB, 0));
    assert_int_equal(hf_pool_check(large, b), HF_OK);
    hf_pool_free(large, b);
    assert_int_equal(hf_pool_destroy(large), HF_OK);
    hf_pool_free(pool, NULL);
    assert_int_equal(hf_pool_destroy(NULL), HF_OK);
}

static void specs_have_bounds(void **state)
{
    (void)state;
    const hf_pool_spec bad[] = {
        { .max_bytes = ((size_t)1 << 40) + 1 },
        { .max_bytes = SIZE_MAX },
        { .max_bytes = MIB, .first_bytes = MIB + 1 },
        { .first_bytes = ((size_t)1 << 40) + 1 },
        { .first_bytes = SIZE_MAX },
        { .first_bytes = SIZE_MAX - 4094 }, /* rounded up to pages, it would be 0 */
        { .weakest = (hf_backing)3 },
    };
    for (size_t i = 0; i < HF_COUNT(bad); i++) {
        hf_pool *p = NULL;
        const char *why = NULL;
        assert_int_equal(hf_pool_new(&bad[i], &p, &why), HF_ERR_BOUNDS);
        assert_null(p);
        assert_true(why != NULL && why[0] != '\0');
    }
    hf_pool *least = pool_of(1);
    assert_int_equal(status_of(least).max_bytes, 4096);
    hf_pool_free(least, block_of(least, 1));
    assert_int_equal(hf_pool_destroy(least), HF_OK);
    hf_pool *first = pool_with((hf_pool_spec) { .first_bytes = 20 * MIB }); /* more than the default for max_bytes */
    assert_int_equal(status_of(first).locked_bytes, 20 * MIB);
    assert_int_equal(hf_pool_destroy(first), HF_OK);
}

typedef struct block {
    uint8_t *ptr;
    size_t len;
    uint8_t fill;
} block;

static void follows_a_model(void **state)
{
    (void)state;
    static block live[1000];
    uint64_t random = 0x9e3779b97f4a7c15;
    size_t count = 0;
    for (unsigned round = 0; round < 100000; round++) {
        block *b = &live[next_random(&random) % HF_COUNT(live)];
        if (b->ptr == NULL) {
            size_t len = random_size(&random);
            *b = (block) { block_of(pool, len), len, (uint8_t)(1 + round % 255) };
            assert_int_equal((uintptr_t)b->ptr % 16, 0);
            assert_true(all_bytes(b->ptr, len, 0));
            memset(b->ptr, b->fill, len); /* right up to the canary */
            count++;
        } else {
            assert_true(all_bytes(b->ptr, b->len, b->fill));
            assert_int_equal(hf_pool_check(pool, b->ptr), HF_OK);
            hf_pool_free(pool, b->ptr);
            b->ptr = NULL;
            count--;
        }
        if (round % 1000 == 0)
            assert_int_equal(status_of(pool).live_blocks, count);
    }
    for (size_t i = 0; i < HF_COUNT(live); i++) {
        hf_pool_free(pool, live[i].ptr);
        live[i].ptr = NULL;
    }
    assert_int_equal(status_of(pool).live_blocks, 0);
}

static void freed_bytes_are_gone_at_once(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    const size_t sizes[] = { 1, 16, 17, 32, 48, 49, 112, 113, 1000, 16368, 16369, 100000 };
    for (size_t i = 0; i < HF_COUNT(sizes); i++) {
        uint8_t *b = block_of(pool, sizes[i]);
        memset(b, 0xa5, sizes[i]);
        hf_pool_free(pool, b);
        __asm__ volatile("" : "+r"(b) : : "memory");
        assert_true(all_bytes(b, sizes[i] + 16, 0)); /* the canary too */
        assert_int_equal(hf_pool_check(pool, b), HF_ERR_NOT_FOUND);
    }
}

static void what_is_no_block_is_not_found(void **state)
{
    (void)state;
    uint8_t *b = block_of(pool, 100);
    int local = 0;
    assert_int_equal(hf_pool_check(pool, &local), HF_ERR_NOT_FOUND);
    assert_int_equal(hf_pool_check(pool, NULL), HF_ERR_NOT_FOUND);
    if (!TEST_SANITIZED) {
        assert_int_equal(hf_pool_check(pool, b + 16), HF_ERR_NOT_FOUND);
        assert_int_equal(hf_pool_check(pool, b + 1), HF_ERR_NOT_FOUND);
    }
    hf_pool *other = pool_of(MIB);
    assert_int_equal(hf_pool_check(other, b), HF_ERR_NOT_FOUND);
    assert_int_equal(hf_pool_destroy(other), HF_OK);
    hf_pool_free(pool, b);
}

/* ---- canaries ---- */

/* Where the next block could begin: the end of the canary is not beyond it. */
static size_t room_of(size_t n)
{
    uint8_t *b = block_of(pool, n);
    size_t end = n + 16;
    uint8_t before = 0;
    for (; end < n + 5000; end++) { /* the longest stretch in which each byte counts */
        before = b[end];
        b[end] ^= 1;
        hf_err e = hf_pool_check(pool, b);
        b[end] = before;
        if (e == HF_OK)
            break;
    }
    hf_pool_free(pool, b);
    return end;
}

static void each_byte_behind_a_block_counts(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    const size_t large[] = { 200, 250, 1000, 4080, 4081, 5000, 16368, 16369, 20000, 69999 };
    for (size_t i = 0; i < 130 + HF_COUNT(large); i++) {
        size_t n = i < 130 ? i + 1 : large[i - 130];
        uint8_t *b = block_of(pool, n);
        for (size_t at = n; at < n + 16; at++)
            for (unsigned bit = 0; bit < 8; bit++) {
                b[at] ^= (uint8_t)(1u << bit);
                assert_int_equal(hf_pool_check(pool, b), HF_ERR_INTEGRITY);
                b[at] ^= (uint8_t)(1u << bit);
            }
        assert_int_equal(hf_pool_check(pool, b), HF_OK);
        hf_pool_free(pool, b);
        if (n <= 4096 && room_of(n) % 16 != 0) /* up to the end of the block there is no byte that does not */
            fail_msg("%zu bytes: room %zu", n, room_of(n));
    }
    assert_int_equal(room_of(32), 48);
}

/* A canary in another block's place is no canary: it is bound to its address. */
static void canaries_differ(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    hf_pool *other = pool_of(MIB);
    uint8_t *b[4] = { block_of(pool, 32), block_of(pool, 32), block_of(other, 32), block_of(other, 32) };
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < i; k++) {
            assert_memory_not_equal(b[i] + 32, b[k] + 32, 8);
            uint8_t own[16];
            memcpy(own, b[i] + 32, sizeof(own));
            memcpy(b[i] + 32, b[k] + 32, sizeof(own));
            assert_int_equal(hf_pool_check(i < 2 ? pool : other, b[i]), HF_ERR_INTEGRITY);
            memcpy(b[i] + 32, own, sizeof(own));
        }
    for (size_t i = 0; i < 4; i++)
        hf_pool_free(i < 2 ? pool : other, b[i]);
    assert_int_equal(hf_pool_destroy(other), HF_OK);
}

/* ---- growth and its end ---- */

static size_t fill(hf_pool *p, size_t n, void **blocks, size_t most)
{
    size_t count = 0;
    hf_err e = HF_OK;
    while (count < most && (e = hf_pool_alloc(p, n, &blocks[count])) == HF_OK)
        count++;
    assert_int_equal(e, HF_ERR_LOCKED_MEMORY);
    return count;
}

static void *many[40000];

static void grows_to_its_maximum(void **state)
{
    (void)state;
    hf_pool *p = pool_with((hf_pool_spec) { .max_bytes = MIB, .first_bytes = 1 });
    assert_int_equal(status_of(p).locked_bytes, 4096);
    const size_t sizes[] = { 32, 1000, 20000, TEST_SANITIZED ? 40 : 1, 32 };
    for (size_t i = 0; i < HF_COUNT(sizes); i++) { /* what one size gave back another one gets */
        size_t count = fill(p, sizes[i], many, HF_COUNT(many));
        hf_pool_status s = status_of(p);
        assert_int_equal(s.live_blocks, count);
        if (!TEST_SANITIZED) {
            assert_int_equal(s.locked_bytes, MIB);
            assert_non_null(strstr(s.why, "max_bytes"));
            assert_true(s.used_bytes <= MIB && s.used_bytes > MIB / 10 * 8);
            assert_true(count * (sizes[i] + 16) > MIB / 10 * (sizes[i] < 32 ? 5 : 8));
        }
        for (size_t k = 0; k < count; k++)
            hf_pool_free(p, many[k]);
    }
    assert_int_equal(hf_pool_destroy(p), HF_OK);
}

static void live_blocks_keep_a_pool(void **state)
{
    (void)state;
    hf_pool *p = pool_of(MIB);
    uint8_t *small = block_of(p, 10), *large = block_of(p, 100000);
    assert_int_equal(hf_pool_destroy(p), HF_ERR_WRONG_STATE);
    hf_pool_free(p, small);
    assert_int_equal(hf_pool_destroy(p), HF_ERR_WRONG_STATE);
    assert_int_equal(hf_pool_check(p, large), HF_OK);
    hf_pool_free(p, large);
    assert_int_equal(hf_pool_destroy(p), HF_OK);
}

static void many_pools_at_once(void **state)
{
    (void)state;
    hf_pool *p[80]; /* more than have thread caches */
    uint8_t *b[80];
    for (unsigned round = 0; round < 3; round++) {
        for (size_t i = 0; i < 80; i++) {
            p[i] = pool_of(64 * KIB);
            b[i] = block_of(p[i], 32);
            memset(b[i], (int)i + 1, 32);
            hf_pool_free(p[i], block_of(p[i], 32));
        }
        for (size_t i = 0; i < 80; i++) {
            assert_true(all_bytes(b[i], 32, (uint8_t)(i + 1)));
            hf_pool_free(p[i], b[i]);
            assert_int_equal(hf_pool_destroy(p[i]), HF_OK);
        }
    }
}

/* ---- threads ---- */

static uint8_t *_Atomic slot[256];

static void *trade(void *seed)
{
    uint64_t random = (uint64_t)(uintptr_t)seed * 0x9e3779b97f4a7c15 + 1;
    for (unsigned i = 0; i < 20000; i++) {
        size_t len = 2 + random_size(&random) % 3000;
        uint8_t *p = block_of(pool, len);
        p[0] = (uint8_t)(len < 256 ? len : 255);
        memset(p + 1, (int)(1 + random % 255), p[0] - 1u);
        p = atomic_exchange(&slot[next_random(&random) % HF_COUNT(slot)], p);
        for (unsigned j = 2; p != NULL && j < p[0]; j++)
            if (p[j] != p[1])
                abort();
        hf_pool_free(pool, p);
    }
    return NULL;
}

static void threads_trade_blocks(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 3; round++) { /* later rounds use the caches of ended threads */
        pthread_t thread[4];
        for (size_t i = 0; i < 4; i++)
            assert_int_equal(pthread_create(&thread[i], NULL, trade, (void *)(1 + i + 4 * round)), 0);
        for (size_t i = 0; i < 20; i++)
            assert_true(status_of(pool).live_blocks < 1000); /* reads while they work */
        for (size_t i = 0; i < 4; i++)
            assert_int_equal(pthread_join(thread[i], NULL), 0);
    }
    for (size_t i = 0; i < HF_COUNT(slot); i++)
        hf_pool_free(pool, atomic_exchange(&slot[i], NULL));
    assert_int_equal(status_of(pool).live_blocks, 0);
}

/* Threads that outlive pools: their caches serve the pools that come after, also when they end in between. */
static hf_pool *shared;

typedef struct user {
    pthread_t thread;
    size_t rounds;
    sem_t go, done;
} user;

static void *use_each(void *argument)
{
    user *u = argument;
    for (size_t i = 0; i < u->rounds; i++) {
        sem_wait(&u->go);
        uint8_t *b[40];
        for (size_t k = 0; k < HF_COUNT(b); k++) {
            b[k] = block_of(shared, 40);
            if (!all_bytes(b[k], 40, 0))
                abort();
            memset(b[k], 1, 40);
        }
        for (size_t k = 0; k < HF_COUNT(b); k++)
            hf_pool_free(shared, b[k]);
        sem_post(&u->done);
    }
    return NULL;
}

static void pools_come_and_go_under_threads(void **state)
{
    (void)state;
    static user users[3] = { { .rounds = 50 }, { .rounds = 20 }, { .rounds = 35 } };
    for (size_t k = 0; k < HF_COUNT(users); k++) {
        assert_int_equal(sem_init(&users[k].go, 0, 0) | sem_init(&users[k].done, 0, 0), 0);
        assert_int_equal(pthread_create(&users[k].thread, NULL, use_each, &users[k]), 0);
    }
    for (size_t i = 0; i < 50; i++) {
        shared = pool_of(MIB);
        for (size_t k = 0; k < HF_COUNT(users); k++)
            if (i < users[k].rounds)
                sem_post(&users[k].go);
        for (size_t k = 0; k < HF_COUNT(users); k++)
            if (i < users[k].rounds)
                sem_wait(&users[k].done);
        assert_int_equal(hf_pool_destroy(shared), HF_OK);
    }
    for (size_t k = 0; k < HF_COUNT(users); k++)
        assert_int_equal(pthread_join(users[k].thread, NULL), 0);
}

/* A thread that used a pool may end while another destroys it. */
static void *use_once(void *ready)
{
    hf_pool_free(shared, block_of(shared, 100));
    atomic_store((_Atomic int *)ready, 1);
    return NULL;
}

static void threads_end_while_a_pool_is_destroyed(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        pthread_t thread;
        _Atomic int ready = 0;
        shared = pool_of(64 * KIB);
        assert_int_equal(pthread_create(&thread, NULL, use_once, (void *)&ready), 0);
        while (atomic_load(&ready) == 0)
            (void)sched_yield();
        assert_int_equal(hf_pool_destroy(shared), HF_OK);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
}

static _Atomic unsigned asking;

static void *alloc_waiting(void *p)
{
    void *b = NULL;
    atomic_fetch_add(&asking, 1);
    return hf_pool_alloc(p, 1000, &b) == HF_OK ? b : NULL;
}

static void a_full_pool_waits_for_others(void **state)
{
    (void)state;
    hf_pool *p = pool_with((hf_pool_spec) { .max_bytes = 64 * KIB, .wait_ms = 1 });
    size_t count = fill(p, 1000, many, HF_COUNT(many)); /* waits a millisecond and gives up */
    for (size_t i = 0; i < count; i++)
        hf_pool_free(p, many[i]);
    assert_int_equal(hf_pool_destroy(p), HF_OK);

    p = pool_with((hf_pool_spec) { .max_bytes = 64 * KIB, .wait_ms = 600000 });
    for (size_t i = 0; i < count; i++)
        many[i] = block_of(p, 1000);
    pthread_t thread[3];
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, alloc_waiting, p), 0);
    while (atomic_load(&asking) < 3)
        (void)sched_yield();
    usleep(20000); /* so that they do wait; it is right as well when they do not yet */
    for (size_t i = 0; i < 3; i++)
        hf_pool_free(p, many[i]);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(thread[i], &many[i]), 0);
        assert_non_null(many[i]);
    }
    for (size_t i = 0; i < count; i++)
        hf_pool_free(p, many[i]);
    assert_int_equal(hf_pool_destroy(p), HF_OK);
}

/* ---- the pool of the process ---- */

static pthread_barrier_t together;

static void *ask_for_the_pool(void *unused)
{
    (void)unused;
    hf_pool *p = NULL;
    pthread_barrier_wait(&together);
    return hf_pool_of_process(&p) == HF_OK ? p : NULL;
}

static void threads_get_one_pool(void)
{
    pthread_t thread[4];
    void *p[4];
    MUST(pthread_barrier_init(&together, NULL, 4) == 0);
    for (size_t i = 0; i < 4; i++)
        MUST(pthread_create(&thread[i], NULL, ask_for_the_pool, NULL) == 0);
    for (size_t i = 0; i < 4; i++)
        MUST(pthread_join(thread[i], &p[i]) == 0 && p[i] != NULL && p[i] == p[0]);
    MUST(status_of(p[0]).max_bytes == 16 * MIB || geteuid() != 0);
    MUST(TEST_SANITIZED || status_of(p[0]).locked_bytes == 64 * KIB);
}

static void the_process_has_one_pool(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10; i++)
        own_process("threads_get_one_pool");
}

static void the_pool_of_the_process_stays(void **state)
{
    (void)state;
    hf_pool *p = NULL, *again = NULL;
    void *b = NULL;
    assert_int_equal(hf_pool_of_process(&p), HF_OK);
    assert_int_equal(hf_pool_destroy(p), HF_ERR_WRONG_STATE); /* also when nothing lives in it */
    assert_int_equal(hf_pool_of_process(&again), HF_OK);
    assert_ptr_equal(again, p);
    assert_int_equal(hf_pool_alloc(p, 32, &b), HF_OK);
    hf_pool_free(p, b);
}

/* ---- mistakes ---- */

static uint8_t *witness; /* a secret of another pool */

static void at_abort(int signal_number)
{
    (void)signal_number;
    _exit(all_bytes(witness, 32, 0) ? 77 : 78);
}

static void *free_it(void *b)
{
    hf_pool_free(pool, b);
    return NULL;
}

static void make_mistake(const char *name)
{
    size_t n = strstr(name, "large") != NULL ? 50000 : strstr(name, "odd") != NULL ? 37 : 32;
    uint8_t *b = block_of(pool, n), *mine = malloc(100);
    if (strstr(name, "double-free") != NULL)
        hf_pool_free(pool, b);
    if (strstr(name, "thread") != NULL) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, free_it, b) == 0)
            (void)pthread_join(thread, NULL);
    }
    if (strstr(name, "written-past") != NULL)
        b[n] = (uint8_t)(b[n] + 1);
    if (strstr(name, "written-far") != NULL)
        memset(b, 0, n + 16);
    if (strstr(name, "inside") != NULL)
        b += 16;
    if (strstr(name, "unaligned") != NULL)
        b++;
    hf_pool_free(pool, strstr(name, "foreign") != NULL ? mine : b);
    free(mine);
}

static int mistake_main(const char *name)
{
    no_core_file();
    hf_pool *other = pool_of(MIB);
    witness = memset(block_of(other, 32), 0x5a, 32);
    (void)signal(SIGABRT, at_abort);
    make_mistake(name);
    return 0;
}

static void misuse_wipes_and_ends_the_process(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    SKIP_THREAD_SANITIZER();
    const char *const mistakes[] = {
        "double-free",     "double-free large", "double-free thread", "inside",           "unaligned",
        "foreign",         "written-past",      "written-past large", "written-past odd", "written-far",
        "written-far odd", "written-far large", "inside large",       "unaligned large",
    };
    for (size_t i = 0; i < HF_COUNT(mistakes); i++) {
        print_message("# %s\n", mistakes[i]);
        assert_exit(helper_run("mistake", mistakes[i]), 77);
    }
    assert_exit(helper_run("mistake", "none"), 0);
}

/* Destructors that run after hf_wipe_all find canaries that are zero, which is nobody's mistake. */
static void blocks_may_be_freed_after_the_wipe(void)
{
    uint8_t *small = memset(block_of(pool, 32), 1, 32), *large = memset(block_of(pool, 50000), 1, 50000);
    hf_secret *secret = NULL;
    MUST(hf_secret_copy("0123456789", 10, &secret) == HF_OK);
    hf_wipe_all();
    MUST(TEST_SANITIZED || hf_secret_len(secret) == 0);
    hf_secret_free(secret);
    MUST(TEST_SANITIZED || (all_bytes(small, 32, 0) && all_bytes(large, 50000, 0)));
    MUST(hf_pool_check(pool, small) == HF_OK);
    hf_pool_free(pool, small);
    hf_pool_free(pool, large);
    MUST(hf_pool_destroy(pool) == HF_OK);
}

static void wiping_all_wipes_pools(void **state)
{
    (void)state;
    own_process("blocks_may_be_freed_after_the_wipe");
}

/* ---- steady state ---- */

static void nothing_faults_in_steady_state(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    SKIP_THREAD_SANITIZER();
    SKIP_IF(under_valgrind(), "valgrind has page faults of its own");
    hf_pool *p = pool_of(MIB);
    struct rusage before, after;
    for (unsigned i = 0; i < 1000000 + 20000; i++) {
        if (i == 20000)
            assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
        hf_pool_free(p, block_of(p, 1 + i % 3000));
    }
    assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
    assert_int_equal(after.ru_minflt - before.ru_minflt, 0);
    assert_int_equal(after.ru_majflt - before.ru_majflt, 0);
    assert_int_equal(hf_pool_destroy(p), HF_OK);
}

static const own_case cases[] = {
    { "threads_get_one_pool", threads_get_one_pool },
    { "blocks_may_be_freed_after_the_wipe", blocks_may_be_freed_after_the_wipe },
};

int main(int argc, char **argv)
{
    pool = pool_of(64 * MIB);
    if (argc > 2)
        return strcmp(argv[1], "own") == 0 ? own_main(cases, HF_COUNT(cases), argv[2]) : mistake_main(argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_have_bounds),
        cmocka_unit_test(specs_have_bounds),
        cmocka_unit_test(follows_a_model),
        cmocka_unit_test(freed_bytes_are_gone_at_once),
        cmocka_unit_test(what_is_no_block_is_not_found),
        cmocka_unit_test(each_byte_behind_a_block_counts),
        cmocka_unit_test(canaries_differ),
        cmocka_unit_test(grows_to_its_maximum),
        cmocka_unit_test(live_blocks_keep_a_pool),
        cmocka_unit_test(many_pools_at_once),
        cmocka_unit_test(threads_trade_blocks),
        cmocka_unit_test(pools_come_and_go_under_threads),
        cmocka_unit_test(threads_end_while_a_pool_is_destroyed),
        cmocka_unit_test(a_full_pool_waits_for_others),
        cmocka_unit_test(the_process_has_one_pool),
        cmocka_unit_test(the_pool_of_the_process_stays),
        cmocka_unit_test(misuse_wipes_and_ends_the_process),
        cmocka_unit_test(wiping_all_wipes_pools),
        cmocka_unit_test(nothing_faults_in_steady_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
