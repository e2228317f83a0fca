/*
 * Wiping everything: what is reached, on every way out, as another process sees it after the end; and what is left
 * alone.
 */
#include "mem/registry.h"
#include "outside.h"
#include <pthread.h>
#include <stdatomic.h>

#define BYTES 64
#define SECRETS 6

static const int fatal[] = { SIGHUP,    SIGINT,  SIGQUIT, SIGILL,  SIGTRAP, SIGABRT,  SIGBUS,  SIGFPE,
                             SIGUSR1,   SIGSEGV, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM,  SIGXCPU, SIGXFSZ,
                             SIGVTALRM, SIGPROF, SIGIO,   SIGPWR,  SIGSYS,  SIGSTKFLT };

/* ---- helpers ---- */

static hf_buffer *buffer_of(size_t bytes, hf_access at_rest)
{
    hf_buffer *b = NULL;
    const char *why = NULL;
    const hf_buffer_spec spec = {
        .bytes = bytes, .weakest = HF_BACKING_MALLOC, .at_rest = at_rest, .strongest = HF_BACKING_MLOCK
    };
    if (hf_buffer_new(&spec, &b, &why) != HF_OK)
        exit(125);
    return b;
}

static uint8_t *secrets[SECRETS];
static hf_buffer *buffers[4];
static hf_pool *pool;

/* One of each kind, in memory that a tracer can read: without memfd_secret. Says where they lie. */
static void plant(void)
{
    const hf_pool_spec spec = { .weakest = HF_BACKING_MALLOC };
    const char *why = NULL;
    void *p = NULL;
    deny_memfd_secret();
    for (unsigned i = 0; i < 4; i++) {
        buffers[i] = buffer_of(i == 3 ? 100000 : BYTES, i == 3 ? HF_ACCESS_NONE : (hf_access)i);
        if (hf_buffer_open(buffers[i], HF_ACCESS_READ_WRITE, &p) != HF_OK)
            exit(125);
        secrets[i] = memset(p, 0x5a, hf_buffer_size(buffers[i]));
        hf_buffer_close(buffers[i]);
    }
    if (hf_pool_new(&spec, &pool, &why) != HF_OK || hf_pool_alloc(pool, BYTES, &p) != HF_OK)
        exit(125);
    secrets[4] = memset(p, 0x5a, BYTES);
    secrets[5] = memset(hf_arena_alloc(arena_of(65536, HF_BACKING_MALLOC), BYTES), 0x5a, BYTES);
    for (size_t i = 0; i < SECRETS; i++)
        printf("%zx ", (size_t)secrets[i]);
    printf("\n");
    fflush(stdout);
}

static bool gone(void)
{
    for (size_t i = 0; i < SECRETS; i++)
        if (readable(secrets[i]) && !is_zero(secrets[i], BYTES))
            return false;
    return true;
}

static volatile int depth;

/* Not a tail call, and not to be seen through. */
static __attribute__((noinline)) int overflow_stack(int n)
{
    volatile char room[1000];
    room[0] = (char)n;
    depth = n;
    return n < 0 ? 0 : overflow_stack(n + 1) + room[0];
}

static void *overflow_thread(void *serve)
{
    if (serve != NULL && hf_wipe_on_exit() != HF_OK)
        _exit(1);
    (void)overflow_stack(1);
    return NULL;
}

static void die_of(int number)
{
    volatile int hundred = 100, zero = 0;
    sigset_t one;
    switch (number) {
    case SIGSEGV:
        *(volatile char *)secrets[0] = 1; /* no rights */
        break;
    case SIGFPE:
        zero = hundred / zero;
        break;
    case SIGILL:
        __builtin_trap();
    case SIGABRT:
        abort();
    case SIGBUS: { /* behind the end of a file */
        int fd = memfd_create("empty", MFD_CLOEXEC);
        char *p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
        (void)*(volatile char *)p;
        break;
    }
    case SIGSYS:
        filter_call(SYS_getppid, SECCOMP_RET_TRAP);
        (void)getppid();
        break;
    default:
        (void)sigemptyset(&one);
        (void)sigaddset(&one, number);
        (void)sigprocmask(SIG_UNBLOCK, &one, NULL);
        (void)kill(getpid(), number);
    }
    _exit(9); /* it should have died */
}

/* sNUMBER: dies of a signal that it causes itself; uNUMBER: the same, unserved. */
static int signal_main(const char *arg)
{
    plant();
    if (arg[0] == 's' && (hf_wipe_on_exit() != HF_OK || hf_wipe_on_exit() != HF_OK))
        return 1;
    wait_for_word();
    die_of((int)strtol(arg + 1, NULL, 10));
    return 0;
}

static void free_late(void)
{
    for (size_t i = 0; i < HF_COUNT(buffers); i++)
        hf_buffer_free(buffers[i]);
    hf_pool_free(pool, secrets[4]);
    if (hf_pool_destroy(pool) != HF_OK)
        _exit(3);
}

static int ways_main(const char *arg)
{
    pthread_t thread;
    pthread_attr_t small;
    if (arg[0] == 'l' && atexit(free_late) != 0) /* runs after hf_wipe_all: this is no misuse */
        return 1;
    plant();
    if (hf_wipe_on_exit() != HF_OK)
        return 1;
    wait_for_word();
    switch (arg[0]) {
    case 'm': /* the main thread's stack overflows */
        (void)setrlimit(RLIMIT_STACK, &(struct rlimit) { 256 * 1024, 256 * 1024 });
        return overflow_stack(1);
    case 't': /* a thread's */
        (void)pthread_attr_init(&small);
        (void)pthread_attr_setstacksize(&small, 65536);
        (void)pthread_create(&thread, &small, overflow_thread, (void *)arg);
        (void)pthread_join(thread, NULL);
        return 2;
    default:
        return 0;
    }
}

/* Many threads die at once, of several signals. */
static void *die_together(void *number)
{
    (void)syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), (int)(uintptr_t)number);
    die_of(SIGSEGV);
    return NULL;
}

static int crowd_main(const char *arg)
{
    (void)arg;
    plant();
    if (hf_wipe_on_exit() != HF_OK)
        return 1;
    wait_for_word();
    pthread_t thread[8];
    for (size_t i = 0; i < HF_COUNT(thread); i++)
        (void)pthread_create(&thread[i], NULL, die_together, (void *)(uintptr_t)(i % 2 == 0 ? SIGTERM : SIGSEGV));
    for (;;)
        (void)pause();
}

static void signal_while_wiping(const hf_region *r)
{
    (void)r;
    (void)raise(SIGINT); /* blocked now */
}

static _Atomic bool stop;

/* Rights come and go, and so do regions. */
static void *come_and_go(void *unused)
{
    hf_buffer *kept = buffer_of(32, HF_ACCESS_NONE);
    for (unsigned i = 0; !stop; i++) {
        void *p = NULL;
        if (hf_buffer_open(kept, i % 2 == 0 ? HF_ACCESS_READ : HF_ACCESS_READ_WRITE, &p) == HF_OK)
            hf_buffer_close(kept);
        if (i % 8 == 0)
            hf_buffer_free(buffer_of(i % 64 == 0 ? 100000 : 32, (hf_access)(i % 3)));
    }
    hf_buffer_free(kept);
    return unused;
}

/* Other threads do not stop for it. */
static int busy_main(const char *arg)
{
    pthread_t thread[4];
    plant();
    if (hf_wipe_on_exit() != HF_OK)
        return 1;
    for (size_t i = 0; i < HF_COUNT(thread); i++)
        if (pthread_create(&thread[i], NULL, come_and_go, NULL) != 0)
            return 2;
    wait_for_word();
    if (arg[0] == 's')
        (void)raise(SIGTERM);
    return 0; /* or exit() */
}

/* Another signal comes while the first is served: of the two that are pending then, the kernel takes this one first. */
static int pair_main(const char *arg)
{
    static hf_region more;
    (void)arg;
    plant();
    more = (hf_region) { .generation = hf_fork_generation(), .wipe = signal_while_wiping };
    if (hf_registry_add(&more) != HF_OK || hf_wipe_on_exit() != HF_OK)
        return 1;
    wait_for_word();
    (void)raise(SIGTERM);
    return 2;
}

static void faulty_wipe(const hf_region *r)
{
    (void)r;
    *(volatile char *)secrets[0] = 1;
}

/* The wiping itself faults. */
static int faulty_main(const char *arg)
{
    static hf_region bad;
    (void)arg;
    plant();
    bad = (hf_region) { .generation = hf_fork_generation(), .wipe = faulty_wipe };
    bool ok = hf_buffer_set_at_rest(buffers[2], HF_ACCESS_NONE) == HF_OK && hf_registry_add(&bad) == HF_OK &&
              hf_wipe_on_exit() == HF_OK;
    secrets[0] = NULL; /* it was wiped, and can be written, when the last region is come to */
    wait_for_word();
    if (ok)
        (void)raise(SIGTERM);
    return 1;
}

static _Atomic int handled;

static void own_handler(int number)
{
    handled = number;
}

/* What the program had set itself stays. */
static int kept_main(const char *arg)
{
    (void)arg;
    struct sigaction now, own = { .sa_handler = own_handler };
    static uint8_t room[65536];
    stack_t before, stack = { .ss_sp = room, .ss_size = sizeof room };
    plant();
    (void)sigaction(SIGTERM, &own, NULL);
    (void)signal(SIGHUP, SIG_IGN);
    (void)sigaltstack(&stack, NULL);
    if (hf_wipe_on_exit() != HF_OK)
        return 1;
    if (sigaction(SIGTERM, NULL, &now) != 0 || now.sa_handler != own_handler || sigaction(SIGHUP, NULL, &now) != 0 ||
        now.sa_handler != SIG_IGN)
        return 2;
    if (sigaltstack(NULL, &before) != 0 || before.ss_sp != stack.ss_sp)
        return 3;
    (void)raise(SIGTERM);
    (void)raise(SIGHUP);
    return handled == SIGTERM && !gone() ? 40 : 4;
}

static void *take_a_stack(void *ret)
{
    stack_t now;
    if (hf_wipe_on_exit() == HF_OK && hf_wipe_on_exit() == HF_OK && sigaltstack(NULL, &now) == 0 &&
        (now.ss_flags & SS_DISABLE) == 0)
        atomic_fetch_add((_Atomic int *)ret, 1);
    return NULL;
}

/* From many threads at once, and their stacks do not pile up. */
static int threads_main(const char *arg)
{
    (void)arg;
    static _Atomic int good;
    size_t maps = 0;
    for (int round = 0; round < 20; round++) {
        pthread_t thread[8];
        for (size_t i = 0; i < HF_COUNT(thread); i++)
            if (pthread_create(&thread[i], NULL, take_a_stack, (void *)&good) != 0)
                return 1;
        for (size_t i = 0; i < HF_COUNT(thread); i++)
            (void)pthread_join(thread[i], NULL);
        if (round == 0)
            maps = count_maps();
    }
    return good == 160 && count_maps() < maps + 40 ? 40 : 2;
}

static int status_of(pid_t pid)
{
    int status = 0;
    return waitpid(pid, &status, 0) == pid ? status : -1;
}

/* Children die, by fork and by vfork, and exit: the parent's secrets stay, and its own end is served all the same. */
static int children_main(const char *arg)
{
    (void)arg;
    plant();
    if (hf_wipe_on_exit() != HF_OK)
        return 1;
    for (int round = 0; round < 2; round++) {
        pid_t pid = fork();
        if (pid == 0) {
            hf_buffer *own = buffer_of(32, HF_ACCESS_READ_WRITE);
            memset(hf_buffer_bytes(own), 7, 32);
            if (round == 0)
                (void)raise(SIGTERM);
            exit(0);
        }
        int status = status_of(pid);
        if (round == 0 ? !WIFSIGNALED(status) || WTERMSIG(status) != SIGTERM : status != 0)
            return 2;
    }
    pid_t pid = vfork();
    if (pid == 0) {
        (void)kill(getpid(), SIGTERM);
        _exit(0);
    }
    int status = status_of(pid);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGTERM)
        return 3;
    for (size_t i = 2; i < SECRETS; i++)
        if (i != 3 && secrets[i][BYTES - 1] != 0x5a)
            return 4;
    wait_for_word();
    (void)raise(SIGTERM);
    return 5;
}

/* The first process of a PID namespace, which no signal kills unless it handles it. */
static int container_main(const char *arg)
{
    if (unshare(CLONE_NEWPID) != 0)
        return 41; /* not allowed here */
    pid_t pid = fork();
    if (pid == 0) {
        plant();
        if (getpid() != 1 || hf_wipe_on_exit() != HF_OK)
            _exit(1);
        (void)raise(SIGTERM);
        (void)kill(1, SIGINT);
        if (gone())
            _exit(2);
        if (arg[0] == 'a')
            abort();
        die_of(SIGSEGV);
    }
    int status = status_of(pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 3;
}

static const mode modes[] = { { "signal", signal_main },     { "ways", ways_main },
                              { "crowd", crowd_main },       { "pair", pair_main },
                              { "busy", busy_main },         { "faulty", faulty_main },
                              { "kept", kept_main },         { "threads", threads_main },
                              { "children", children_main }, { "container", container_main } };

/* ---- in this process ---- */

static void everything_is_reached_whatever_its_rights(void **state)
{
    (void)state;
    for (unsigned rest = HF_ACCESS_NONE; rest <= HF_ACCESS_READ_WRITE; rest++)
        for (size_t n = 32; n <= 100032; n += 50000) {
            hf_buffer *b = buffer_of(n, (hf_access)rest), *neighbour = buffer_of(n, (hf_access)rest);
            void *p = NULL;
            assert_int_equal(hf_buffer_randomize(b), HF_OK);
            assert_int_equal(hf_buffer_randomize(neighbour), HF_OK);
            hf_wipe_all();
            assert_int_equal(hf_buffer_open(b, HF_ACCESS_READ, &p), HF_OK);
            assert_true(is_zero(p, n));
            hf_buffer_close(b);
            assert_int_equal(hf_buffer_check(b), HF_OK); /* its canary went with the rest: that is no misuse */
            hf_buffer_free(b);
            hf_buffer_free(neighbour);
            b = buffer_of(n, (hf_access)rest); /* and life goes on */
            assert_int_equal(hf_buffer_check(b), HF_OK);
            hf_buffer_free(b);
        }
}

static void a_later_underflow_is_still_seen(void **state)
{
    (void)state;
    hf_wipe_all();
    hf_buffer *b = buffer_of(32, HF_ACCESS_READ_WRITE);
    uint8_t *canary = (uint8_t *)hf_buffer_bytes(b) - 16;
    uint8_t kept[16];
    memcpy(kept, canary, 16);
    memset(canary, 0, 16); /* zero as after wiping, but nothing was wiped since it was made */
    assert_int_equal(hf_buffer_check(b), HF_ERR_INTEGRITY);
    memcpy(canary, kept, 16);
    hf_buffer_free(b);
}

/* It shares our memory, counters included; if it counted, every canary from before would be taken for wiped. */
static void a_child_of_vfork_wipes_nothing(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    hf_buffer *b = buffer_of(32, HF_ACCESS_READ_WRITE);
    uint8_t *data = hf_buffer_bytes(b);
    uint64_t before = hf_registry_wipes();
    data[0] = 1;
    pid_t pid = vfork();
    if (pid == 0) {
        hf_wipe_all();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(hf_registry_wipes(), before);
    assert_int_equal(data[0], 1);
    data[-1] ^= 1;
    assert_int_equal(hf_buffer_check(b), HF_ERR_INTEGRITY);
    data[-1] ^= 1;
    hf_buffer_free(b);
}

static _Atomic bool asked_enough;

static void *asks_again_and_again(void *unused)
{
    while (!atomic_load(&asked_enough))
        (void)hf_wipe_on_exit();
    return unused;
}

/* In a process of its own, whose handlers it changes. A child that inherits a lock hangs here until the alarm. */
static int forks_while_asking(void)
{
    pthread_t t;
    if (hf_wipe_on_exit() != HF_OK || pthread_create(&t, NULL, asks_again_and_again, NULL) != 0)
        return 1;
    int bad = 0;
    for (int i = 0; i < 100 && bad == 0; i++) {
        int status = 0;
        pid_t pid = fork();
        if (pid == 0) {
            alarm(20);
            _exit(hf_wipe_on_exit() == HF_OK ? 0 : 1);
        }
        bad = waitpid(pid, &status, 0) != pid || status != 0;
    }
    atomic_store(&asked_enough, true);
    (void)pthread_join(t, NULL);
    return bad;
}

static void a_fork_among_those_who_ask(void **state)
{
    (void)state;
    SKIP_THREAD_SANITIZER();
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(forks_while_asking());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static _Atomic unsigned wiped_fakes;

static void count_wipe(const hf_region *r)
{
    (void)r;
    atomic_fetch_add(&wiped_fakes, 1);
}

static hf_region fake[4100];

static size_t fill_table(size_t n)
{
    for (; n < HF_COUNT(fake); n++) {
        fake[n] = (hf_region) { .generation = hf_fork_generation(), .wipe = count_wipe };
        if (hf_registry_add(&fake[n]) != HF_OK)
            break;
    }
    return n;
}

static void the_table_has_room_for_4096(void **state)
{
    (void)state;
    const hf_buffer_spec spec = { .bytes = 100000, .weakest = HF_BACKING_MALLOC, .at_rest = HF_ACCESS_READ_WRITE };
    hf_buffer *b = NULL;
    const char *why = "";
    size_t n = fill_table(0);
    assert_true(n > 4000 && n <= 4096);
    if (hf_buffer_new(&spec, &b, &why) == HF_OK) { /* in the place of regions without a buffer */
        hf_buffer_free(b);
        b = NULL;
    }
    n = fill_table(n);
    assert_int_equal(hf_buffer_new(&spec, &b, &why), HF_ERR_LOCKED_MEMORY);
    assert_null(b);
    assert_non_null(strstr(why, "4,096"));
    wiped_fakes = 0;
    hf_wipe_all();
    assert_int_equal(wiped_fakes, n);
    for (size_t i = 0; i < n; i += 2)
        hf_registry_remove(&fake[i]);
    hf_registry_remove(&fake[0]); /* not there any more: nothing happens */
    wiped_fakes = 0;
    hf_wipe_all();
    assert_int_equal(wiped_fakes, n / 2);
    pid_t pid = fork();
    if (pid == 0) { /* none of these are the child's; and it has a whole table */
        wiped_fakes = 0;
        hf_wipe_all();
        size_t added = 0;
        for (size_t i = 0; i < HF_COUNT(fake); i++) {
            fake[i].generation = hf_fork_generation();
            added += hf_registry_add(&fake[i]) == HF_OK;
        }
        _exit(wiped_fakes == 0 && added == 4096 ? 40 : 1);
    }
    assert_exit(status_of(pid), 40);
    for (size_t i = 1; i < n; i += 2)
        hf_registry_remove(&fake[i]);
    assert_int_equal(hf_buffer_new(&spec, &b, &why), HF_OK);
    hf_buffer_free(b);
}

static _Atomic int step;

static void wipe_slowly(const hf_region *r)
{
    (void)r;
    step = 1;
    while (step != 2)
        (void)sched_yield();
    usleep(20000); /* the other thread may go on meanwhile, if it can */
    step = 3;
}

static void *wipe_thread(void *unused)
{
    hf_wipe_all();
    return unused;
}

/* What is being wiped is not given back before that has come to its end. */
static void removal_waits_for_those_who_wipe(void **state)
{
    (void)state;
    static hf_region slow;
    pthread_t thread;
    slow = (hf_region) { .generation = hf_fork_generation(), .wipe = wipe_slowly };
    assert_int_equal(hf_registry_add(&slow), HF_OK);
    assert_int_equal(pthread_create(&thread, NULL, wipe_thread, NULL), 0);
    while (step != 1)
        (void)sched_yield();
    step = 2;
    hf_registry_remove(&slow);
    assert_int_equal(step, 3);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

/* Rights and regions come and go while everything is wiped: nothing is written where they are gone. */
static void wiping_among_busy_threads(void **state)
{
    (void)state;
    SKIP_THREAD_SANITIZER(); /* a handler wipes what threads use: these races are meant */
    static hf_buffer *ballast[2000]; /* so that it takes a while */
    pthread_t thread[4];
    for (size_t i = 0; i < HF_COUNT(ballast); i++)
        ballast[i] = buffer_of(32, HF_ACCESS_NONE);
    stop = false;
    for (size_t i = 0; i < HF_COUNT(thread); i++)
        assert_int_equal(pthread_create(&thread[i], NULL, come_and_go, NULL), 0);
    for (int i = 0; i < 200; i++)
        hf_wipe_all();
    stop = true;
    for (size_t i = 0; i < HF_COUNT(thread); i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    for (size_t i = 0; i < HF_COUNT(ballast); i++)
        hf_buffer_free(ballast[i]);
}

/* ---- from outside ---- */

static void secrets_of(helper *h, uintptr_t *at)
{
    char line[256], *end = line;
    uint8_t bytes[BYTES];
    assert_true(read_line(h->in, line, sizeof line));
    for (size_t i = 0; i < SECRETS; i++) {
        at[i] = strtoul(end, &end, 16);
        assert_true(peek(h->pid, at[i], bytes, BYTES));
        assert_int_equal(bytes[0], 0x5a);
    }
}

/*
 * Lets the helper go to its end; *ret_left: how many secrets are there still when its memory is about to go. The wait
 * status.
 */
static int watch_the_end(helper *h, const uintptr_t *at, unsigned *ret_left)
{
    assert_int_equal(ptrace(PTRACE_SEIZE, h->pid, NULL, PTRACE_O_TRACEEXIT | PTRACE_O_TRACECLONE), 0);
    assert_int_equal(write(h->out, "g", 1), 1);
    int status = 0;
    *ret_left = UINT32_MAX;
    for (;;) {
        pid_t pid = waitpid(-1, &status, __WALL);
        assert_true(pid > 0);
        if (!WIFSTOPPED(status)) {
            if (pid == h->pid)
                break;
            continue;
        }
        unsigned left = 0;
        uint8_t bytes[BYTES];
        for (size_t i = 0; i < SECRETS && status >> 16 == PTRACE_EVENT_EXIT; i++)
            left += !peek(pid, at[i], bytes, BYTES) || !is_zero(bytes, BYTES);
        if (status >> 16 == PTRACE_EVENT_EXIT)
            *ret_left = left;
        (void)ptrace(PTRACE_CONT, pid, NULL, status >> 16 != 0 ? 0 : WSTOPSIG(status)); /* it may be gone */
    }
    close(h->in);
    close(h->out);
    return status;
}

#define SKIP_OUTSIDE() \
    do { \
        SKIP_SANITIZED(); \
        SKIP_THREAD_SANITIZER(); \
        SKIP_USER(); \
    } while (0)

static int end_of(const char *mode_name, const char *arg, unsigned *ret_left)
{
    uintptr_t at[SECRETS];
    helper h = helper_start(mode_name, arg);
    secrets_of(&h, at);
    return watch_the_end(&h, at, ret_left);
}

static void every_signal_wipes_and_kills_as_before(void **state)
{
    (void)state;
    SKIP_OUTSIDE();
    for (size_t i = 0; i < 2 * HF_COUNT(fatal); i++) {
        char arg[16];
        unsigned left = 0;
        bool served = i % 2 == 0;
        snprintf(arg, sizeof arg, "%c%d", served ? 's' : 'u', fatal[i / 2]);
        int status = end_of("signal", arg, &left);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != fatal[i / 2])
            fail_msg("%s: wait status 0x%x", arg, (unsigned)status);
        if (left != (served ? 0 : SECRETS)) /* unserved, all of it stays: so this looks at the right place */
            fail_msg("%s: %u secrets are left", arg, left);
    }
}

static void every_other_way_out_wipes(void **state)
{
    (void)state;
    SKIP_OUTSIDE();
    unsigned left = 0;
    assert_exit(end_of("ways", "e", &left), 0);
    assert_int_equal(left, 0);
    assert_exit(end_of("ways", "l", &left), 0);
    assert_signal(end_of("ways", "m", &left), SIGSEGV);
    assert_int_equal(left, 0);
    assert_signal(end_of("ways", "t", &left), SIGSEGV);
    assert_int_equal(left, 0);
    int status = end_of("crowd", "", &left);
    assert_true(WIFSIGNALED(status) && (WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGTERM));
    assert_int_equal(left, 0);
    for (int i = 0; i < 10; i++) {
        assert_signal(end_of("busy", "s", &left), SIGTERM);
        assert_int_equal(left, 0);
        assert_exit(end_of("busy", "e", &left), 0);
        assert_int_equal(left, 0);
    }
    status = end_of("pair", "", &left);
    assert_true(WIFSIGNALED(status) && (WTERMSIG(status) == SIGINT || WTERMSIG(status) == SIGTERM));
    assert_int_equal(left, 0);
    assert_signal(end_of("children", "", &left), SIGTERM);
    assert_int_equal(left, 0);
}

static void a_fault_while_wiping_ends_it(void **state)
{
    (void)state;
    SKIP_OUTSIDE();
    unsigned left = 0;
    assert_signal(end_of("faulty", "", &left), SIGSEGV);
    assert_int_equal(left, 0); /* all that came before it */
}

static void what_the_program_set_is_kept(void **state)
{
    (void)state;
    SKIP_THREAD_SANITIZER();
    char line[256];
    assert_exit(run_and_read("kept", "", line, sizeof line), 40);
    assert_exit(run_and_read("threads", "", line, sizeof line), 40);
}

static void the_first_process_of_a_container(void **state)
{
    (void)state;
    SKIP_OUTSIDE();
    char line[256];
    int status = run_and_read("container", "s", line, sizeof line);
    SKIP_IF(WIFEXITED(status) && WEXITSTATUS(status) == 41, "skipped: no PID namespace can be had");
    assert_exit(status, 128 + SIGSEGV);
    assert_exit(run_and_read("container", "a", line, sizeof line), 128 + SIGABRT);
}

int main(int argc, char **argv)
{
    if (argc > 2)
        return run_mode(modes, HF_COUNT(modes), argv[1], argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_reached_whatever_its_rights),
        cmocka_unit_test(a_later_underflow_is_still_seen),
        cmocka_unit_test(a_child_of_vfork_wipes_nothing),
        cmocka_unit_test(a_fork_among_those_who_ask),
        cmocka_unit_test(the_table_has_room_for_4096),
        cmocka_unit_test(removal_waits_for_those_who_wipe),
        cmocka_unit_test(wiping_among_busy_threads),
        cmocka_unit_test(every_signal_wipes_and_kills_as_before),
        cmocka_unit_test(every_other_way_out_wipes),
        cmocka_unit_test(a_fault_while_wiping_ends_it),
        cmocka_unit_test(what_the_program_set_is_kept),
        cmocka_unit_test(the_first_process_of_a_container),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
