/*
 * Each call to the kernel fails in turn. Whatever fails, a pool gives an error or blocks in a backing that it reports truthfully, and nothing is
 * left behind. The linker puts the functions below between the library and libc (tests/unit/mem/meson.build).
 */
#include "kernel.h"
#include <holdfast/secret.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <time.h>

static size_t fail_at; /* counted from 1; 0: none fails */
static bool fail_on;   /* not only that one, but all from there on */
static size_t calls;

static bool fails(void)
{
    calls++;
    return fail_at != 0 && (calls == fail_at || (fail_on && calls > fail_at));
}

/* What is about to be unlocked or unmapped must be zero. */
static uint8_t *watched;
static size_t watched_bytes;
static unsigned seen_zero, seen_else;

static void watch(const void *p, size_t n)
{
    if (watched == NULL || (const uint8_t *)p > watched || (const uint8_t *)p + n < watched + watched_bytes)
        return;
    if (all_bytes(watched, watched_bytes, 0))
        seen_zero++;
    else
        seen_else++;
}

void *__real_mmap64(void *p, size_t n, int prot, int flags, int fd, off_t offset);
int __real_munmap(void *p, size_t n);
int __real_munlock(const void *p, size_t n);
int __real_mlock2(const void *p, size_t n, unsigned flags);
int __real_mprotect(void *p, size_t n, int prot);
int __real_madvise(void *p, size_t n, int advice);
int __real_ftruncate64(int fd, off_t n);
long __real_syscall(long number, ...);
int __real_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void));
int __real_pthread_setspecific(pthread_key_t key, const void *value);

void *__wrap_mmap64(void *p, size_t n, int prot, int flags, int fd, off_t offset);
int __wrap_munmap(void *p, size_t n);
int __wrap_munlock(const void *p, size_t n);
int __wrap_mlock2(const void *p, size_t n, unsigned flags);
int __wrap_mprotect(void *p, size_t n, int prot);
int __wrap_madvise(void *p, size_t n, int advice);
int __wrap_ftruncate64(int fd, off_t n);
long __wrap_syscall(long number, ...);
int __wrap_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void));
int __wrap_pthread_setspecific(pthread_key_t key, const void *value);

static bool refused(int error)
{
    if (!fails())
        return false;
    errno = error;
    return true;
}

void *__wrap_mmap64(void *p, size_t n, int prot, int flags, int fd, off_t offset)
{
    return refused(ENOMEM) ? MAP_FAILED : __real_mmap64(p, n, prot, flags, fd, offset);
}

int __wrap_munmap(void *p, size_t n)
{
    watch(p, n);
    return __real_munmap(p, n);
}

int __wrap_munlock(const void *p, size_t n)
{
    watch(p, n);
    return __real_munlock(p, n);
}

int __wrap_mlock2(const void *p, size_t n, unsigned flags)
{
    return refused(ENOMEM) ? -1 : __real_mlock2(p, n, flags);
}

int __wrap_mprotect(void *p, size_t n, int prot)
{
    return refused(ENOMEM) ? -1 : __real_mprotect(p, n, prot);
}

int __wrap_madvise(void *p, size_t n, int advice)
{
    return refused(EINVAL) ? -1 : __real_madvise(p, n, advice);
}

/* The descriptor of memfd_secret is open. */
static void while_it_is_open(void);

int __wrap_ftruncate64(int fd, off_t n)
{
    while_it_is_open();
    return refused(EINVAL) ? -1 : __real_ftruncate64(fd, n);
}

/* memfd_secret, and getrandom that touches pages: no call of the library has more arguments. */
long __wrap_syscall(long number, ...)
{
    va_list list;
    va_start(list, number);
    long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long);
    va_end(list);
    return refused(number == SYS_memfd_secret ? EMFILE : EFAULT) ? -1 : __real_syscall(number, a, b, c);
}

int __wrap_pthread_setspecific(pthread_key_t key, const void *value)
{
    return refused(ENOMEM) ? ENOMEM : __real_pthread_setspecific(key, value);
}

/* Refused as the library is loaded, so that each case begins without. */
static bool handlers_allowed;

int __wrap_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
    return !handlers_allowed || refused(ENOMEM) ? ENOMEM : __real_pthread_atfork(prepare, parent, child);
}

/* ---- what is done each time, in a process of its own ---- */

static hf_backing wanted; /* weakest */
static bool warm;         /* a pool was here before, so that what stays for good is there already */

static unsigned all_maps(void)
{
    return count_maps(NULL, SIZE_MAX);
}

/* A block is locked, or the pool says that its blocks are not and was allowed to. */
static void check_block(hf_pool *p, uint8_t *b, size_t n)
{
    hf_pool_status s;
    hf_pool_status_get(p, &s);
    MUST(s.backing <= wanted);
    MUST(s.backing == HF_BACKING_MALLOC ? s.why[0] != '\0' : has_flag(b, " lo") && has_flag(b + n - 1, " lo"));
    MUST(all_bytes(b, n, 0) && hf_pool_check(p, b) == HF_OK);
    memset(b, 0x5a, n);
}

/* Grows a pool in several steps; each step may fail, and those before are as they were. */
static void use_pool(hf_pool *p)
{
    void *b[4] = { NULL };
    const size_t sizes[4] = { 32, 9000, 17000, 30000 };
    for (size_t i = 0; i < 4; i++) {
        hf_err e = hf_pool_alloc(p, sizes[i], &b[i]);
        MUST(e == HF_OK || (e == HF_ERR_LOCKED_MEMORY && b[i] == NULL && fail_at != 0));
        if (e == HF_OK)
            check_block(p, b[i], sizes[i]);
        hf_pool_status s;
        hf_pool_status_get(p, &s);
        /* Of what failed nothing stays; with memfd_secret, unless undoing it fails as well. */
        if (!fail_on || s.backing != HF_BACKING_MEMFD_SECRET)
            MUST(locked_by_process() == (s.backing == HF_BACKING_MALLOC ? 0 : s.locked_bytes));
    }
    for (size_t i = 0; i < 4; i++) {
        MUST(b[i] == NULL || all_bytes(b[i], sizes[i], 0x5a));
        hf_pool_free(p, b[i]);
    }
}

static void use_secrets(void)
{
    hf_secret *s = NULL;
    hf_err e = hf_secret_random(32, &s);
    MUST(e == HF_OK || ((e == HF_ERR_LOCKED_MEMORY || e == HF_ERR_SYSTEM) && s == NULL && fail_at != 0));
    MUST(s == NULL || has_flag(hf_secret_read(s), " lo"));
    hf_secret_free(s);
}

static hf_err pool_new(hf_pool **ret, const char **reterr_why)
{
    return hf_pool_new(&(hf_pool_spec) { .max_bytes = MIB, .first_bytes = 4096, .weakest = wanted }, ret, reterr_why);
}

static void warm_up(void)
{
    hf_pool *p = NULL;
    const char *why = NULL;
    size_t at = fail_at;
    fail_at = 0;
    MUST(pool_new(&p, &why) == HF_OK);
    use_pool(p);
    MUST(hf_pool_destroy(p) == HF_OK);
    fail_at = at;
}

static int run_once(void *unused)
{
    (void)unused;
    hf_pool *p = NULL;
    const char *why = NULL;
    if (warm)
        warm_up();
    size_t locked = locked_by_process();
    unsigned maps = all_maps();
    calls = 0;
    hf_err e = pool_new(&p, &why);
    MUST(e == HF_OK ||
         ((e == HF_ERR_LOCKED_MEMORY || e == HF_ERR_SYSTEM) && p == NULL && why[0] != '\0' && fail_at != 0));
    if (e == HF_OK) {
        use_pool(p);
        MUST(hf_pool_destroy(p) == HF_OK);
    }
    MUST(locked_by_process() == locked);
    MUST(all_maps() <= maps + (warm ? 0 : 4)); /* the record, which stays; the mark of forks, which parts .bss */
    use_secrets();
    return fail_at != 0 && calls < fail_at ? 33 : 0;
}

/* Until one more than there are calls: then the process says so. */
static void each_call_fails_as(bool on)
{
    size_t n = 1;
    for (int status = 0; status == 0; n++) {
        fail_at = n;
        fail_on = on;
        status = in_child(false, run_once, NULL);
        MUST(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 33));
    }
    fprintf(stderr, "# %zu calls failed in turn\n", n - 2);
    MUST(n > 30); /* else the wraps are not in place */
}

static void each_call_fails(void)
{
    warm = false;
    each_call_fails_as(false);
    warm = true;
    each_call_fails_as(true);
}

static void with_memfd_secret(void)
{
    wanted = HF_BACKING_MEMFD_SECRET;
    each_call_fails();
}

static void with_any_locked_memory(void)
{
    wanted = HF_BACKING_MLOCK;
    each_call_fails();
}

static void with_mlock_alone(void)
{
    deny_memfd_secret();
    with_any_locked_memory();
}

static void with_any_memory(void)
{
    wanted = HF_BACKING_MALLOC;
    each_call_fails();
}

/* ---- forks ---- */

static void without_handlers(void)
{
    handlers_allowed = false;
    hf_pool *p = NULL;
    const char *why = NULL;
    hf_err e = hf_pool_new(&(hf_pool_spec) { .weakest = HF_BACKING_MEMFD_SECRET }, &p, &why);
    MUST(e == HF_ERR_LOCKED_MEMORY && p == NULL && strstr(why, "fork") != NULL && strlen(why) < 96);
    MUST(hf_pool_new(&(hf_pool_spec) { .weakest = HF_BACKING_MLOCK }, &p, &why) == HF_OK);
    MUST(strstr(why, "fork") != NULL);
    void *b = NULL;
    wanted = HF_BACKING_MLOCK;
    MUST(hf_pool_alloc(p, 32, &b) == HF_OK);
    check_block(p, b, 32);
    handlers_allowed = true; /* memory for them is there again */
    MUST(hf_pool_new(&(hf_pool_spec) { .weakest = HF_BACKING_MEMFD_SECRET }, &p, &why) == HF_OK && why[0] == '\0');
}

static sem_t opened, forked;
static bool race; /* a thread forks while the descriptor is open */

static void while_it_is_open(void)
{
    if (!race)
        return;
    race = false;
    /* Long enough for a fork that does not wait. One that does cannot come before the descriptor is closed. */
    struct timespec until;
    MUST(clock_gettime(CLOCK_REALTIME, &until) == 0);
    until.tv_nsec += 300000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    MUST(sem_post(&opened) == 0);
    (void)sem_timedwait(&forked, &until);
}

static int count_secret_descriptors(void *unused)
{
    (void)unused;
    int count = 0;
    for (int fd = 0; fd < 1024; fd++) {
        char path[64], target[64] = "";
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        if (readlink(path, target, sizeof target - 1) > 0 && strstr(target, "secretmem") != NULL)
            count++;
    }
    return count;
}

static void *fork_when_open(void *unused)
{
    (void)unused;
    MUST(sem_wait(&opened) == 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(count_secret_descriptors(NULL));
    MUST(pid > 0 && sem_post(&forked) == 0);
    int status = 0;
    MUST(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return NULL;
}

static void no_child_inherits_a_descriptor(void)
{
    pthread_t thread;
    int fd = (int)syscall(SYS_memfd_secret, 0);
    MUST(fd >= 0 && WEXITSTATUS(in_child(false, count_secret_descriptors, NULL)) == 1); /* it would be seen */
    close(fd);
    MUST(sem_init(&opened, 0, 0) == 0 && sem_init(&forked, 0, 0) == 0);
    MUST(pthread_create(&thread, NULL, fork_when_open, NULL) == 0);
    race = true;
    hf_pool *p = NULL;
    const char *why = NULL;
    MUST(hf_pool_new(&(hf_pool_spec) { .weakest = HF_BACKING_MEMFD_SECRET }, &p, &why) == HF_OK && !race);
    MUST(pthread_join(thread, NULL) == 0);
}

/*
 * A handler that runs between the library's own and the fork, and allocates; and one that holds a lock under which
 * others allocate.
 */
static pthread_mutex_t handlers_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic bool stop;

static void make_and_destroy(void)
{
    hf_pool *p = NULL;
    const char *why = NULL;
    MUST(hf_pool_new(&(hf_pool_spec) { .weakest = HF_BACKING_MEMFD_SECRET }, &p, &why) == HF_OK);
    MUST(hf_pool_destroy(p) == HF_OK);
}

static void lock_it(void)
{
    MUST(pthread_mutex_lock(&handlers_lock) == 0);
}

static void unlock_it(void)
{
    MUST(pthread_mutex_unlock(&handlers_lock) == 0);
}

static void *allocate_under_lock(void *unused)
{
    while (!stop) {
        lock_it();
        make_and_destroy();
        unlock_it();
    }
    return unused;
}

static int makes_its_own(void *unused)
{
    (void)unused;
    (void)alarm(20);
    make_and_destroy();
    return 0;
}

static void handlers_of_others_may_allocate(void)
{
    pthread_t thread;
    MUST(pthread_atfork(make_and_destroy, make_and_destroy, make_and_destroy) == 0); /* before the library's */
    make_and_destroy();
    MUST(pthread_atfork(lock_it, unlock_it, unlock_it) == 0); /* after them */
    MUST(pthread_create(&thread, NULL, allocate_under_lock, NULL) == 0);
    (void)alarm(60); /* not a measure of time: what hangs ends */
    for (int i = 0; i < 50; i++)
        MUST(in_child(false, makes_its_own, NULL) == 0);
    stop = true;
    MUST(pthread_join(thread, NULL) == 0);
}

/* ---- wiping comes before unlocking ---- */

static void destroy_watched(size_t n)
{
    hf_pool *p = NULL;
    const char *why = NULL;
    void *b = NULL;
    MUST(hf_pool_new(&(hf_pool_spec) { .weakest = HF_BACKING_MLOCK }, &p, &why) == HF_OK);
    MUST(hf_pool_alloc(p, n, &b) == HF_OK);
    hf_pool_free(p, b);
    watched = b; /* as if a block that was freed had been written to: its bytes are still the pool's to wipe */
    watched_bytes = n;
    memset(b, 0x5a, n);
    MUST(hf_pool_destroy(p) == HF_OK);
    MUST(seen_zero >= 1 && seen_else == 0);
}

static void zero_before_unlock_with_memfd_secret(void)
{
    destroy_watched(100);
}

static void zero_before_unlock_with_mlock(void)
{
    deny_memfd_secret();
    destroy_watched(300000);
}

#define CASE(name) { #name, name }
static const own_case cases[] = {
    CASE(with_memfd_secret),
    CASE(with_any_locked_memory),
    CASE(with_mlock_alone),
    CASE(with_any_memory),
    CASE(without_handlers),
    CASE(no_child_inherits_a_descriptor),
    CASE(handlers_of_others_may_allocate),
    CASE(zero_before_unlock_with_memfd_secret),
    CASE(zero_before_unlock_with_mlock),
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
    handlers_allowed = true;
    if (argc > 2)
        return own_main(cases, HF_COUNT(cases), argv[2]);
    struct CMUnitTest tests[HF_COUNT(cases)];
    for (size_t i = 0; i < HF_COUNT(cases); i++)
        tests[i] = (struct CMUnitTest) { cases[i].name, run_case, NULL, NULL, (void *)&cases[i] };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
