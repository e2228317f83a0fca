/* Pools where memory is short or refused, what stands in the kernel's books, and what a child has. */
#include "kernel.h"
#include "mem/internal.h"
#include <holdfast/secret.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#define OBJECTS 100000

static hf_pool *pool_with(hf_pool_spec spec, hf_backing wanted)
{
    hf_pool *p = NULL;
    const char *why = NULL;
    MUST(hf_pool_new(&spec, &p, &why) == HF_OK);
    hf_pool_status s;
    hf_pool_status_get(p, &s);
    MUST(s.backing == wanted && strcmp(s.why, why) == 0);
    return p;
}

static hf_pool_status status_of(hf_pool *p)
{
    hf_pool_status s;
    hf_pool_status_get(p, &s);
    return s;
}

/* ---- limits of an ordinary user ---- */

static int by_address(const void *a, const void *b)
{
    uintptr_t x = *(const uintptr_t *)a, y = *(const uintptr_t *)b;
    return (x > y) - (x < y);
}

/* How many of the blocks lie in a map that smaps calls locked. */
static size_t count_locked(void **block, size_t n)
{
    qsort(block, n, sizeof block[0], by_address);
    FILE *f = fopen("/proc/self/smaps", "re");
    char line[512];
    size_t at = 0, here = 0, locked = 0;
    MUST(f != NULL);
    while (fgets(line, sizeof line, f) != NULL) {
        char *rest = line;
        uintptr_t start = strtoull(line, &rest, 16);
        if (rest > line + 4 && *rest == '-') {
            uintptr_t end = strtoull(rest + 1, NULL, 16);
            while (at < n && (uintptr_t)block[at] < start)
                at++;
            for (here = 0; at < n && (uintptr_t)block[at] < end; at++)
                here++;
        } else if (strncmp(line, "VmFlags:", 8) == 0 && strstr(line, " lo") != NULL) {
            locked += here;
        }
    }
    fclose(f);
    return locked;
}

static void *object[OBJECTS + 100000];

/* 100,000 objects under 8 MiB; then more until there is no more: each one is locked. */
static void fills_eight_mib(hf_backing backing)
{
    become_nobody(8 * MIB);
    hf_pool *p = pool_with((hf_pool_spec) { .weakest = HF_BACKING_MLOCK }, backing);
    MUST(status_of(p).max_bytes == 8 * MIB);
    size_t n = 0;
    while (n < OBJECTS) {
        MUST(hf_pool_alloc(p, 32, &object[n]) == HF_OK);
        memset(object[n++], 1, 32);
    }
    MUST(locked_by_process() <= 64 * OBJECTS || status_of(p).used_bytes <= 64 * OBJECTS);
    MUST(count_locked(object, n) == n);
    hf_err e = HF_OK;
    while (n < HF_COUNT(object) && (e = hf_pool_alloc(p, 32, &object[n])) == HF_OK)
        n++;
    MUST(e == HF_ERR_LOCKED_MEMORY && n < HF_COUNT(object) && n > 8 * MIB / 50);
    MUST(locked_by_process() == 8 * MIB && status_of(p).locked_bytes == 8 * MIB);
    MUST(count_locked(object, n) == n);
    MUST(status_of(p).live_blocks == n);
    while (n > 0)
        hf_pool_free(p, object[--n]);
    MUST(hf_pool_destroy(p) == HF_OK && locked_by_process() == 0);
}

static void a_hundred_thousand_under_eight_mib(void)
{
    fills_eight_mib(HF_BACKING_MEMFD_SECRET);
}

static void a_hundred_thousand_with_mlock(void)
{
    deny_memfd_secret();
    fills_eight_mib(HF_BACKING_MLOCK);
}

/* Doubling does not fit any more, but less does: the pool goes on to the last page. */
static void uses_an_odd_limit_to_the_last_page(void)
{
    become_nobody(300 * KIB);
    hf_pool *p =
        pool_with((hf_pool_spec) { .max_bytes = 16 * MIB, .weakest = HF_BACKING_MLOCK }, HF_BACKING_MEMFD_SECRET);
    size_t n = 0;
    while (hf_pool_alloc(p, 1000, &object[n]) == HF_OK)
        n++;
    hf_pool_status s = status_of(p);
    MUST(s.locked_bytes == 300 * KIB && locked_by_process() == 300 * KIB && n == 300);
    MUST(strstr(s.why, "RLIMIT_MEMLOCK") != NULL && strlen(s.why) < 96);
    MUST(count_locked(object, n) == n);
    for (size_t i = 0; i < n; i += 2)
        hf_pool_free(p, object[i]);
    for (size_t i = 0; i < n; i += 2) /* what was given back can be had again */
        MUST(hf_pool_alloc(p, 1000, &object[i]) == HF_OK);
    MUST(hf_pool_alloc(p, 1000, &object[n]) == HF_ERR_LOCKED_MEMORY);
}

static void a_second_pool_is_planned_with_what_is_left(void)
{
    become_nobody(256 * KIB);
    hf_pool *a =
        pool_with((hf_pool_spec) { .first_bytes = 192 * KIB, .weakest = HF_BACKING_MLOCK }, HF_BACKING_MEMFD_SECRET);
    hf_pool *b = pool_with((hf_pool_spec) { .weakest = HF_BACKING_MLOCK }, HF_BACKING_MEMFD_SECRET);
    MUST(status_of(b).max_bytes == 64 * KIB && status_of(b).locked_bytes == 64 * KIB);
    hf_pool *c = NULL;
    const char *why = NULL;
    MUST(hf_pool_new(&(hf_pool_spec) { .weakest = HF_BACKING_MLOCK }, &c, &why) == HF_ERR_LOCKED_MEMORY);
    MUST(c == NULL && strstr(why, "RLIMIT_MEMLOCK") != NULL);
    MUST(hf_pool_destroy(b) == HF_OK && hf_pool_destroy(a) == HF_OK);
    MUST(hf_pool_new(&(hf_pool_spec) { .weakest = HF_BACKING_MLOCK }, &c, &why) == HF_OK);
}

/* Nothing may be locked at all. */
static void a_limit_of_zero_is_an_error(void)
{
    become_nobody(0);
    hf_pool *p = NULL;
    hf_secret *s = NULL;
    const char *why = NULL;
    MUST(hf_pool_new(&(hf_pool_spec) { .weakest = HF_BACKING_MLOCK }, &p, &why) == HF_ERR_LOCKED_MEMORY);
    MUST(strstr(why, "RLIMIT_MEMLOCK") != NULL && p == NULL);
    MUST(hf_pool_of_process(&p) == HF_ERR_LOCKED_MEMORY && p == NULL);
    MUST(hf_secret_new(32, &s) == HF_ERR_LOCKED_MEMORY && s == NULL);
    p = pool_with((hf_pool_spec) { .weakest = HF_BACKING_MALLOC }, HF_BACKING_MALLOC); /* only who says so gets it */
    MUST(status_of(p).why[0] != '\0' && locked_by_process() == 0);
}

static void refused_mlock_is_an_error(void)
{
    deny_memfd_secret();
    deny_syscall(SYS_mlock2, EPERM);
    hf_pool *p = NULL;
    const char *why = NULL;
    MUST(hf_pool_new(&(hf_pool_spec) { .weakest = HF_BACKING_MLOCK }, &p, &why) == HF_ERR_LOCKED_MEMORY);
    MUST(p == NULL && strstr(why, "mlock") != NULL);
    MUST(hf_pool_of_process(&p) == HF_ERR_LOCKED_MEMORY);
    p = pool_with((hf_pool_spec) { .weakest = HF_BACKING_MALLOC }, HF_BACKING_MALLOC);
    void *b = NULL;
    MUST(hf_pool_alloc(p, 100000, &b) == HF_OK && hf_pool_check(p, b) == HF_OK);
    MUST(status_of(p).backing == HF_BACKING_MALLOC);
}

/* A pool that has begun to lock stays with it when mlock is refused later. */
static void growth_never_becomes_weaker(void)
{
    deny_memfd_secret();
    hf_pool *p = pool_with((hf_pool_spec) { .weakest = HF_BACKING_MALLOC }, HF_BACKING_MLOCK);
    deny_syscall(SYS_mlock2, ENOMEM);
    size_t n = 0;
    while (hf_pool_alloc(p, 1000, &object[n]) == HF_OK)
        n++;
    MUST(n >= 60 && count_locked(object, n) == n && status_of(p).locked_bytes == 64 * KIB);
    MUST(strstr(status_of(p).why, "mlock") != NULL);
}

static void strict_callers_get_no_mlock(void)
{
    deny_memfd_secret();
    hf_pool *p = NULL;
    const char *why = NULL;
    MUST(hf_pool_new(&(hf_pool_spec) { .weakest = HF_BACKING_MEMFD_SECRET }, &p, &why) == HF_ERR_LOCKED_MEMORY);
    MUST(p == NULL && strstr(why, "memfd_secret") != NULL);
    p = pool_with((hf_pool_spec) { .weakest = HF_BACKING_MLOCK }, HF_BACKING_MLOCK);
    MUST(strstr(status_of(p).why, "memfd_secret") != NULL);
}

static void a_pool_of_mlock_is_one_map(void)
{
    deny_memfd_secret();
    hf_pool *p = pool_with((hf_pool_spec) { .weakest = HF_BACKING_MLOCK }, HF_BACKING_MLOCK);
    size_t n = 0;
    void *first = NULL;
    MUST(hf_pool_alloc(p, 16, &first) == HF_OK);
    uint8_t *base = (uint8_t *)((uintptr_t)first & ~(uintptr_t)4095);
    while (hf_pool_alloc(p, 4000, &object[n]) == HF_OK)
        n++;
    size_t locked = status_of(p).locked_bytes;
    MUST(locked == status_of(p).max_bytes && locked >= 4 * MIB && count_maps(base, locked - 8 * KIB) == 1);
    MUST(has_flag(base, " lo") && has_flag(base, " dd") && has_flag(base, " wf"));
    MUST(count_locked(object, n) == n);
}

/*
 * Then a reserve without rights is charged as if it were locked: the pool has what it began with, and says why it is
 * no more.
 */
static void all_future_memory_is_locked(void)
{
    become_nobody(4 * MIB);
    MUST(mlockall(MCL_FUTURE) == 0);
    hf_pool *p = NULL;
    const char *why = NULL;
    MUST(hf_pool_new(&(hf_pool_spec) { .max_bytes = 16 * MIB, .weakest = HF_BACKING_MLOCK }, &p, &why) == HF_OK);
    MUST(status_of(p).max_bytes == 64 * KIB && status_of(p).locked_bytes == 64 * KIB);
    size_t n = 0;
    while (hf_pool_alloc(p, 1000, &object[n]) == HF_OK)
        memset(object[n++], 1, 1000);
    MUST(n > 50 && count_locked(object, n) == n);
    MUST(strstr(status_of(p).why, "mlockall") != NULL && strlen(status_of(p).why) < 96);
    while (n > 0)
        hf_pool_free(p, object[--n]);
    MUST(hf_pool_destroy(p) == HF_OK);
    const hf_pool_spec too_much = { .max_bytes = 5 * MIB, .first_bytes = 5 * MIB, .weakest = HF_BACKING_MLOCK };
    MUST(hf_pool_new(&too_much, &p, &why) == HF_ERR_LOCKED_MEMORY && strstr(why, "mlockall") != NULL);
}

static void destroying_gives_all_back(void)
{
    for (int i = 0; i < 3; i++) {
        size_t locked = locked_by_process();
        hf_pool *p = pool_with((hf_pool_spec) { .weakest = HF_BACKING_MLOCK }, HF_BACKING_MEMFD_SECRET);
        MUST(hf_pool_alloc(p, 3 * MIB, &object[0]) == HF_OK);
        MUST(locked_by_process() > locked + 3 * MIB);
        hf_pool_free(p, object[0]);
        MUST(hf_pool_destroy(p) == HF_OK && locked_by_process() == locked);
    }
}

/* ---- children ---- */

typedef struct inherited {
    hf_pool *pool;
    void *block;
    hf_secret *secret;
} inherited;

/* All that a child may do with what is its parent's, and with its own. */
static int child_of_pool(void *argument)
{
    const inherited *i = argument;
    (void)alarm(20); /* a lock that the parent held would never be given back */
    void *b = NULL;
    hf_pool *own = NULL;
    hf_secret *s = NULL;
    MUST(hf_pool_alloc(i->pool, 32, &b) == HF_ERR_FORKED && hf_pool_alloc(i->pool, 50000, &b) == HF_ERR_FORKED &&
         b == NULL);
    MUST(hf_pool_check(i->pool, i->block) == HF_ERR_FORKED && hf_pool_destroy(i->pool) == HF_ERR_FORKED);
    hf_pool_free(i->pool, i->block);
    MUST(strstr(status_of(i->pool).why, "parent") != NULL && status_of(i->pool).live_blocks == 0);
    MUST(hf_secret_len(i->secret) == 0);
    hf_secret_free(i->secret);
    MUST(hf_pool_of_process(&own) == HF_OK && own != i->pool);
    MUST(hf_secret_copy("of the child", 12, &s) == HF_OK && hf_pool_alloc(own, 32, &b) == HF_OK);
    MUST(count_locked(&b, 1) == 1);
    memset(b, 1, 32);
    hf_secret_free(i->secret); /* now there is a pool of its own, in which it is not */
    hf_secret_free(s);
    hf_pool_free(own, b);
    MUST(status_of(own).live_blocks == 0);
    return 0;
}

static int grandchild_of_pool(void *argument)
{
    int status = in_child(false, child_of_pool, argument);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? child_of_pool(argument) : 1;
}

static int byte_of(void *p)
{
    return *(volatile uint8_t *)p;
}

static void children_are_told(bool secret)
{
    inherited i = { .pool = NULL };
    MUST(hf_pool_of_process(&i.pool) == HF_OK && hf_pool_alloc(i.pool, 32, &i.block) == HF_OK);
    MUST(hf_secret_copy("0123456789", 10, &i.secret) == HF_OK);
    memset(i.block, 7, 32);
    hf_arena *a = (hf_arena *)i.pool;
    for (int round = 0; round < 4; round++) {
        if (round >= 2)
            MUST(pthread_mutex_lock(&a->lock) == 0); /* as by another thread, in the middle of an allocation */
        int status = in_child(round % 2 == 1, child_of_pool, &i);
        MUST(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        if (round >= 2)
            MUST(pthread_mutex_unlock(&a->lock) == 0);
    }
    int status = in_child(false, grandchild_of_pool, &i);
    MUST(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    status = in_child(true, byte_of, i.block);
    MUST(secret ? WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV : WIFEXITED(status) && WEXITSTATUS(status) == 0);
    MUST(all_bytes(i.block, 32, 7) && memcmp(hf_secret_read(i.secret), "0123456789", 10) == 0);
    MUST(hf_pool_check(i.pool, i.block) == HF_OK);
    hf_pool_free(i.pool, i.block);
    hf_secret_free(i.secret);
    MUST(status_of(i.pool).live_blocks == 0);
}

static void children_are_told_with_memfd_secret(void)
{
    children_are_told(true);
}

static void children_are_told_with_mlock(void)
{
    deny_memfd_secret();
    children_are_told(false);
}

/* A thread with caches forks; its child's only thread ends as threads do. */
static int ends_as_a_thread(void *argument)
{
    MUST(child_of_pool(argument) == 0);
    pthread_exit(NULL); /* runs the destructors of thread-local things, then exit(0) */
}

static void *forking_thread(void *argument)
{
    inherited i = { .pool = argument };
    for (int round = 0; round < 20; round++) {
        MUST(hf_pool_alloc(i.pool, 32, &i.block) == HF_OK && hf_secret_random(32, &i.secret) == HF_OK);
        int status = in_child(round % 4 == 3, round % 2 == 0 ? ends_as_a_thread : child_of_pool, &i);
        MUST(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        hf_pool_free(i.pool, i.block);
        hf_secret_free(i.secret);
    }
    return NULL;
}

static _Atomic bool stop;

static void *busy_thread(void *p)
{
    while (!stop) {
        void *b[3] = { NULL };
        for (size_t i = 0; i < 3; i++)
            MUST(hf_pool_alloc(p, i == 2 ? 20000 : 100, &b[i]) == HF_OK);
        for (size_t i = 0; i < 3; i++)
            hf_pool_free(p, b[i]);
    }
    return NULL;
}

static void threads_may_fork(void)
{
    hf_pool *p = NULL;
    pthread_t forking, busy;
    MUST(hf_pool_of_process(&p) == HF_OK);
    MUST(pthread_create(&busy, NULL, busy_thread, p) == 0 && pthread_create(&forking, NULL, forking_thread, p) == 0);
    MUST(pthread_join(forking, NULL) == 0);
    stop = true;
    MUST(pthread_join(busy, NULL) == 0);
    MUST(status_of(p).live_blocks == 0);
}

/* Forks in a row, deeper than there are places for thread caches: without them, but right. */
static int deeper(void *depth)
{
    int left = *(int *)depth - 1;
    hf_pool *p = NULL;
    void *b = NULL;
    MUST(hf_pool_of_process(&p) == HF_OK && hf_pool_alloc(p, 100, &b) == HF_OK);
    if (left > 0) {
        int status = in_child(left % 2, deeper, &left);
        MUST(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    hf_pool_free(p, b);
    MUST(status_of(p).live_blocks == 0);
    return 0;
}

static void children_of_children(void)
{
    MUST(deeper(&(int) { 50 }) == 0);
}

/* As sandboxes set it: memfd_secret has a size, and would end the process with SIGXFSZ. */
static void file_limits_end_nobody(void)
{
    MUST(setrlimit(RLIMIT_FSIZE, &(struct rlimit) { 0, 0 }) == 0);
    hf_pool *p = NULL;
    const char *why = NULL;
    void *b = NULL;
    MUST(hf_pool_new(&(hf_pool_spec) { .weakest = HF_BACKING_MEMFD_SECRET }, &p, &why) == HF_ERR_LOCKED_MEMORY);
    MUST(strstr(why, "RLIMIT_FSIZE") != NULL);
    MUST(hf_pool_new(&(hf_pool_spec) { .weakest = HF_BACKING_MLOCK }, &p, &why) == HF_OK);
    MUST(hf_pool_alloc(p, 1 << 20, &b) == HF_OK);
    hf_pool_free(p, b);
    MUST(hf_pool_destroy(p) == HF_OK);
}

/* The maximum came from the limit: so that is what to raise. */
static void the_limit_behind_the_maximum_is_named(void)
{
    become_nobody(256 * KIB);
    hf_pool *p = NULL;
    const char *why = NULL;
    void *b = NULL;
    MUST(hf_pool_new(&(hf_pool_spec) { .weakest = HF_BACKING_MLOCK }, &p, &why) == HF_OK);
    while (hf_pool_alloc(p, 1000, &b) == HF_OK)
        ;
    hf_pool_status now;
    hf_pool_status_get(p, &now);
    MUST(strstr(now.why, "RLIMIT_MEMLOCK") != NULL);
}

static void without_randomness_it_is_said(void)
{
    deny_syscall(SYS_getrandom, EPERM);
    hf_pool *p = NULL;
    const char *why = NULL;
    MUST(hf_pool_new(&(hf_pool_spec) { .weakest = HF_BACKING_MLOCK }, &p, &why) == HF_ERR_SYSTEM);
    MUST(strstr(why, "random") != NULL);
}

/* Where the kernel has no MADV_WIPEONFORK nothing shows without a call that there was no fork: the slow way is then the only one. */
static void without_a_mark_of_forks(void)
{
    deny_memfd_secret();
    deny_syscall(SYS_madvise, EINVAL);
    enum { BLOCKS = 2000 };
    static uint8_t *b[BLOCKS];
    hf_pool *p = NULL;
    const char *why = NULL;
    MUST(hf_pool_new(&(hf_pool_spec) { .weakest = HF_BACKING_MALLOC }, &p, &why) == HF_OK);
    for (size_t i = 0; i < BLOCKS; i++) {
        MUST(hf_pool_alloc(p, 1 + i % 100, (void **)&b[i]) == HF_OK && all_bytes(b[i], 1 + i % 100, 0));
        memset(b[i], (int)(i % 251) + 1, 1 + i % 100);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        MUST(all_bytes(b[i], 1 + i % 100, (uint8_t)(i % 251 + 1)));
        hf_pool_free(p, b[i]);
    }
    MUST(hf_pool_destroy(p) == HF_OK);
}

#define CASE(name) { #name, name }
static const own_case cases[] = {
    CASE(a_hundred_thousand_under_eight_mib),
    CASE(a_hundred_thousand_with_mlock),
    CASE(uses_an_odd_limit_to_the_last_page),
    CASE(a_second_pool_is_planned_with_what_is_left),
    CASE(a_limit_of_zero_is_an_error),
    CASE(refused_mlock_is_an_error),
    CASE(growth_never_becomes_weaker),
    CASE(strict_callers_get_no_mlock),
    CASE(a_pool_of_mlock_is_one_map),
    CASE(all_future_memory_is_locked),
    CASE(destroying_gives_all_back),
    CASE(children_are_told_with_memfd_secret),
    CASE(children_are_told_with_mlock),
    CASE(threads_may_fork),
    CASE(children_of_children),
    CASE(without_a_mark_of_forks),
    CASE(file_limits_end_nobody),
    CASE(the_limit_behind_the_maximum_is_named),
    CASE(without_randomness_it_is_said),
};

static void run_case(void **state)
{
    const own_case *c = *state;
    SKIP_SANITIZED();
    SKIP_THREAD_SANITIZER();
    SKIP_IF(!have_memfd_secret(), "skipped: this kernel has no memfd_secret");
    own_process(c->name);
}

int main(int argc, char **argv)
{
    if (argc > 2)
        return own_main(cases, HF_COUNT(cases), argv[2]);
    struct CMUnitTest tests[HF_COUNT(cases)];
    for (size_t i = 0; i < HF_COUNT(cases); i++)
        tests[i] = (struct CMUnitTest) { cases[i].name, run_case, NULL, NULL, (void *)&cases[i] };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
