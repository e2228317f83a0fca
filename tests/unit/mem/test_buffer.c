/* Guarded buffers: where they lie, canaries, scopes, threads, forks, and how misuse ends. */
#include "mem/region.h"
#include "outside.h"
#include <pthread.h>
#include <stdatomic.h>

static const hf_backing backings[] = { HF_BACKING_MEMFD_SECRET, HF_BACKING_MLOCK };

static hf_buffer *buffer_of(size_t bytes, hf_access at_rest, hf_backing backing)
{
    hf_buffer *b = NULL;
    const char *why = NULL;
    const hf_buffer_spec spec = {
        .bytes = bytes, .weakest = HF_BACKING_MALLOC, .at_rest = at_rest, .strongest = backing
    };
    hf_err e = hf_buffer_new(&spec, &b, &why);
    if (e != HF_OK) {
        fprintf(stderr, "no buffer of %zu bytes: %s\n", bytes, why);
        exit(125);
    }
    return b;
}

/* ---- helpers ---- */

static hf_backing backing_of(const char *arg)
{
    return arg[0] == 's' ? HF_BACKING_MEMFD_SECRET : HF_BACKING_MLOCK;
}

/* Where the pages of a readable buffer begin. */
static uint8_t *low_of(const hf_buffer *b)
{
    uint8_t *low = (uint8_t *)((uintptr_t)hf_buffer_bytes(b) / PAGE * PAGE);
    while (readable(low - 1))
        low -= PAGE;
    return low;
}

/*
 * Each touches what it must not; to come back is wrong. The sizes meet a small place, a full one, a long one, and a
 * region of its own.
 */
static int touch_main(const char *arg)
{
    static const size_t sizes[] = { 1, 4080, 5000, 100000 };
    enum { ABOVE, FAR_ABOVE, BELOW, DATA };
    static const struct {
        char letter;
        hf_access at_rest;
        int where;
        bool write;
    } cases[] = {
        { 'o', HF_ACCESS_READ_WRITE, ABOVE, true },
        { 'r', HF_ACCESS_READ_WRITE, ABOVE, false },
        { 'p', HF_ACCESS_READ_WRITE, FAR_ABOVE, true },
        { 'u', HF_ACCESS_READ_WRITE, BELOW, true },
        { 'v', HF_ACCESS_READ_WRITE, BELOW, false },
        { 'O', HF_ACCESS_READ, ABOVE, false },
        { 'U', HF_ACCESS_READ, BELOW, false },
        { 'N', HF_ACCESS_NONE, ABOVE, false },
        { 'c', HF_ACCESS_NONE, DATA, false },
        { 'd', HF_ACCESS_NONE, DATA, true },
        { 'f', HF_ACCESS_READ, DATA, true },
    };
    size_t n = sizes[arg[2] - '0'];
    for (size_t i = 0; i < HF_COUNT(cases); i++) {
        if (cases[i].letter != arg[1])
            continue;
        hf_buffer *neighbour = buffer_of(n, cases[i].at_rest, backing_of(arg));
        hf_buffer *b = buffer_of(n, cases[i].at_rest, backing_of(arg));
        (void)buffer_of(n, cases[i].at_rest, backing_of(arg));
        hf_buffer_free(neighbour);
        uint8_t *end = (uint8_t *)hf_buffer_bytes(b) + n;
        volatile uint8_t *p = cases[i].where == ABOVE       ? end
                              : cases[i].where == FAR_ABOVE ? end + PAGE - 1
                              : cases[i].where == BELOW     ? low_of(b) - 1
                                                            : end - 1;
        if (cases[i].write)
            *p = 1;
        else
            (void)*p;
        return 0;
    }
    return 124;
}

/* A scope that has ended. */
static int stale_main(const char *arg)
{
    hf_buffer *b = buffer_of(32, HF_ACCESS_NONE, backing_of(arg));
    void *p = NULL;
    if (hf_buffer_open(b, arg[1] == 'w' ? HF_ACCESS_READ_WRITE : HF_ACCESS_READ, &p) != HF_OK)
        return 1;
    volatile uint8_t *byte = p;
    (void)*byte;
    if (arg[2] == 'i') /* inside a scope for reading: a write faults */
        *byte = 1;
    hf_buffer_close(b);
    (void)*byte;
    return 0;
}

static hf_buffer *shared;

static void *close_it(void *unused)
{
    (void)unused;
    hf_buffer_close(shared);
    return NULL;
}

/* Says where a secret lies that is none of its business, and then misuses a buffer. */
static int misuse_main(const char *arg)
{
    hf_buffer *bystander = buffer_of(64, HF_ACCESS_NONE, HF_BACKING_MLOCK);
    void *p = NULL;
    if (hf_buffer_open(bystander, HF_ACCESS_READ_WRITE, &p) != HF_OK)
        return 1;
    memset(p, 0x5a, 64);
    hf_buffer_close(bystander);
    printf("%zx\n", (size_t)p);
    wait_for_word();
    hf_buffer *b = shared = buffer_of(100, arg[0] == 'n' ? HF_ACCESS_NONE : HF_ACCESS_READ_WRITE, HF_BACKING_MLOCK);
    uint8_t *bytes = hf_buffer_bytes(b);
    pthread_t other;
    switch (arg[1]) {
    case 'd': /* freed twice */
        hf_buffer_free(b);
        hf_buffer_free(b);
        break;
    case 'D': /* a large one, whose region is gone */
        b = buffer_of(100000, HF_ACCESS_READ_WRITE, HF_BACKING_MLOCK);
        hf_buffer_free(b);
        hf_buffer_free(b);
        break;
    case 'u': /* underflow by one */
        bytes[-1] ^= 1;
        hf_buffer_free(b);
        break;
    case 'p': /* far underflow */
        bytes[-1000] = 1;
        hf_buffer_free(b);
        break;
    case 'o':
        if (hf_buffer_open(b, HF_ACCESS_READ, &p) == HF_OK)
            hf_buffer_free(b);
        break;
    case 'w':
        if (hf_buffer_open(b, HF_ACCESS_READ_WRITE, &p) == HF_OK)
            hf_buffer_free(b);
        break;
    case 'c': /* closed without open */
        hf_buffer_close(b);
        break;
    case 'x': /* the scope for writing of another thread */
        if (hf_buffer_open(b, HF_ACCESS_READ_WRITE, &p) == HF_OK && pthread_create(&other, NULL, close_it, NULL) == 0)
            (void)pthread_join(other, NULL);
        break;
    case 'a': /* used after free */
        hf_buffer_free(b);
        (void)hf_buffer_open(b, HF_ACCESS_READ, &p);
        break;
    default:
        return 124;
    }
    return 0;
}

static int canary_main(const char *arg)
{
    uint64_t words[2];
    hf_buffer *b = buffer_of(32, HF_ACCESS_READ_WRITE, backing_of(arg));
    memcpy(words, (uint8_t *)hf_buffer_bytes(b) - 16, sizeof words);
    printf("%016llx%016llx\n", (unsigned long long)words[0], (unsigned long long)words[1]);
    hf_buffer_free(b);
    return 0;
}

/* Nested scopes and used places need no system call: the next one is the last. */
static int quiet_main(const char *arg)
{
    void *p = NULL, *again = NULL;
    hf_buffer *b = buffer_of(32, HF_ACCESS_NONE, backing_of(arg));
    hf_buffer_free(buffer_of(32, HF_ACCESS_READ_WRITE, backing_of(arg)));
    if (hf_buffer_open(b, arg[1] == 'w' ? HF_ACCESS_READ_WRITE : HF_ACCESS_READ, &p) != HF_OK)
        _exit(1);
    filter_all_but_exit();
    for (int i = 0; i < 100; i++) {
        if (hf_buffer_open(b, HF_ACCESS_READ, &again) != HF_OK || again != p)
            _exit(2);
        hf_buffer_free(buffer_of(32, HF_ACCESS_READ_WRITE, backing_of(arg)));
        hf_buffer_close(b);
    }
    if (arg[2] == 'c')
        hf_buffer_close(b);
    _exit(40);
}

static const mode modes[] = { { "touch", touch_main },
                              { "stale", stale_main },
                              { "misuse", misuse_main },
                              { "canary", canary_main },
                              { "quiet", quiet_main } };

/* ---- places ---- */

static void bytes_end_at_a_guard(void **state)
{
    (void)state;
    static const size_t sizes[] = { 1,    16,   17,    100,   4079,  4080,  4081,   8175,
                                    8176, 8177, 30000, 65519, 65520, 65521, 200000, 16 * MIB };
    for (size_t k = 0; k < HF_COUNT(backings); k++)
        for (size_t i = 0; i < HF_COUNT(sizes); i++)
            for (unsigned rest = HF_ACCESS_NONE; rest <= HF_ACCESS_READ_WRITE; rest++) {
                hf_buffer *b = buffer_of(sizes[i], (hf_access)rest, backings[k]);
                uint8_t *p = hf_buffer_bytes(b);
                assert_int_equal(hf_buffer_size(b), sizes[i]);
                assert_int_equal(((uintptr_t)p + sizes[i]) % PAGE, 0);
                assert_false(readable(p + sizes[i]));
                assert_int_equal(readable(p), rest >= HF_ACCESS_READ);
                assert_int_equal(readable(p + sizes[i] - 1), rest >= HF_ACCESS_READ);
                assert_int_equal(writable(p), rest == HF_ACCESS_READ_WRITE);
                assert_int_equal(hf_buffer_check(b), HF_OK);
                void *open = NULL;
                assert_int_equal(hf_buffer_open(b, HF_ACCESS_READ_WRITE, &open), HF_OK);
                assert_ptr_equal(open, p);
                assert_true(is_zero(p, sizes[i]));
                memset(p, 1, sizes[i]);
                hf_buffer_close(b);
                hf_buffer_free(b);
            }
}

static void backing_is_the_best_allowed(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    SKIP_NO_SECRETMEM();
    for (size_t k = 0; k < HF_COUNT(backings); k++) {
        const hf_buffer_spec spec = {
            .bytes = 10, .weakest = HF_BACKING_MLOCK, .at_rest = HF_ACCESS_READ_WRITE, .strongest = backings[k]
        };
        hf_buffer *b = NULL;
        const char *why = NULL;
        assert_int_equal(hf_buffer_new(&spec, &b, &why), HF_OK);
        assert_int_equal(hf_buffer_backing(b), backings[k]);
        assert_string_equal(why, "");
        hf_buffer_free(b);
    }
}

static void sizes_and_rights_have_bounds(void **state)
{
    (void)state;
    const hf_buffer_spec wrong[] = {
        { 0, HF_BACKING_MALLOC, HF_ACCESS_READ_WRITE, HF_BACKING_MEMFD_SECRET },
        { 16 * MIB + 1, HF_BACKING_MALLOC, HF_ACCESS_READ_WRITE, HF_BACKING_MEMFD_SECRET },
        { SIZE_MAX, HF_BACKING_MALLOC, HF_ACCESS_READ_WRITE, HF_BACKING_MEMFD_SECRET },
        { SIZE_MAX - 15, HF_BACKING_MALLOC, HF_ACCESS_READ_WRITE, HF_BACKING_MEMFD_SECRET },
        { 1, (hf_backing)3, HF_ACCESS_READ_WRITE, HF_BACKING_MEMFD_SECRET },
        { 1, HF_BACKING_MALLOC, (hf_access)3, HF_BACKING_MEMFD_SECRET },
        { 1, HF_BACKING_MEMFD_SECRET, HF_ACCESS_READ, HF_BACKING_MLOCK },
    };
    for (size_t i = 0; i < HF_COUNT(wrong); i++) {
        hf_buffer *b = NULL;
        const char *why = "";
        assert_int_equal(hf_buffer_new(&wrong[i], &b, &why), HF_ERR_BOUNDS);
        assert_null(b);
        assert_true(strlen(why) > 20);
    }
    hf_buffer *b = buffer_of(1, HF_ACCESS_NONE, HF_BACKING_MLOCK);
    void *p = NULL;
    assert_int_equal(hf_buffer_open(b, HF_ACCESS_NONE, &p), HF_ERR_BOUNDS);
    assert_int_equal(hf_buffer_open(b, (hf_access)3, &p), HF_ERR_BOUNDS);
    assert_int_equal(hf_buffer_set_at_rest(b, (hf_access)3), HF_ERR_BOUNDS);
    assert_null(p);
    hf_buffer_free(b);
    hf_buffer_free(NULL);
}

static void freed_places_are_zero_and_used_again(void **state)
{
    (void)state;
    for (size_t k = 0; k < HF_COUNT(backings); k++) {
        hf_buffer *b = buffer_of(500, HF_ACCESS_READ_WRITE, backings[k]);
        uint8_t *end = (uint8_t *)hf_buffer_bytes(b) + 500;
        memset(hf_buffer_bytes(b), 0xee, 500);
        hf_buffer_free(b);
        assert_true(is_zero(end - PAGE, PAGE)); /* still mapped: the canary is gone as well */
        hf_buffer *next = buffer_of(50, HF_ACCESS_READ_WRITE, backings[k]);
        assert_ptr_equal((uint8_t *)hf_buffer_bytes(next) + 50, end);
        assert_true(is_zero(hf_buffer_bytes(next), 50));
        hf_buffer_free(next);
    }
}

static void canaries_differ(void **state)
{
    (void)state;
    uint8_t seen[64][16];
    char first[64], second[64];
    hf_buffer *b[32];
    for (size_t i = 0; i < HF_COUNT(seen); i++) {
        b[i % 32] = buffer_of(1 + i % 32, HF_ACCESS_READ_WRITE, HF_BACKING_MLOCK);
        memcpy(seen[i], (uint8_t *)hf_buffer_bytes(b[i % 32]) - 16, 16);
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(seen[i], seen[j], 8); /* each half by itself */
        for (size_t j = 0; i % 32 == 31 && j < 32; j++)
            hf_buffer_free(b[j]); /* the second half of them is in the same places */
    }
    assert_exit(run_and_read("canary", "l", first, sizeof first), 0);
    assert_exit(run_and_read("canary", "l", second, sizeof second), 0);
    assert_int_equal(strlen(first), 33);
    assert_string_not_equal(first, second);
}

static void check_sees_every_byte_below(void **state)
{
    (void)state;
    static const size_t sizes[] = { 1, 7, 32, 3000, 4079, 4080, 4081, 8176, 70000 };
    for (size_t k = 0; k < HF_COUNT(backings); k++)
        for (size_t i = 0; i < HF_COUNT(sizes); i++) {
            hf_buffer *b = buffer_of(sizes[i], HF_ACCESS_READ_WRITE, backings[k]);
            uint8_t *p = hf_buffer_bytes(b);
            for (ptrdiff_t at = -1; readable(p + at); at -= at > -80 ? 1 : 61) {
                p[at] ^= 0x10;
                assert_int_equal(hf_buffer_check(b), HF_ERR_INTEGRITY);
                p[at] ^= 0x10;
                assert_int_equal(hf_buffer_check(b), HF_OK);
            }
            hf_buffer_free(b);
        }
}

static void check_needs_no_rights(void **state)
{
    (void)state;
    hf_buffer *b = buffer_of(32, HF_ACCESS_NONE, HF_BACKING_MLOCK);
    void *p = NULL;
    assert_int_equal(hf_buffer_check(b), HF_OK);
    assert_false(readable(hf_buffer_bytes(b)));
    assert_int_equal(hf_buffer_open(b, HF_ACCESS_READ_WRITE, &p), HF_OK);
    ((uint8_t *)p)[-1] ^= 1;
    assert_int_equal(hf_buffer_check(b), HF_ERR_INTEGRITY);
    hf_buffer_close(b);
    assert_int_equal(hf_buffer_check(b), HF_ERR_INTEGRITY);
    assert_false(readable(p));
    assert_int_equal(hf_buffer_open(b, HF_ACCESS_READ_WRITE, &p), HF_OK);
    ((uint8_t *)p)[-1] ^= 1;
    hf_buffer_close(b);
    hf_buffer_free(b);
}

static void random_bytes_fill_all_of_it(void **state)
{
    (void)state;
    static const size_t sizes[] = { 1, 33, 4080, 1000000 };
    for (size_t i = 0; i < HF_COUNT(sizes); i++) {
        hf_buffer *b = buffer_of(sizes[i], HF_ACCESS_NONE, HF_BACKING_MEMFD_SECRET);
        bool first = false, last = false; /* a random byte is zero now and then */
        for (int round = 0; round < 20; round++) {
            void *p = NULL;
            assert_int_equal(hf_buffer_randomize(b), HF_OK);
            assert_false(readable(hf_buffer_bytes(b)));
            assert_int_equal(hf_buffer_open(b, HF_ACCESS_READ, &p), HF_OK);
            first |= ((uint8_t *)p)[0] != 0;
            last |= ((uint8_t *)p)[sizes[i] - 1] != 0;
            hf_buffer_close(b);
        }
        assert_true(first && last);
        assert_int_equal(hf_buffer_check(b), HF_OK);
        hf_buffer_free(b);
    }
}

/* ---- rights ---- */

static void scopes_nest_and_close(void **state)
{
    (void)state;
    for (size_t k = 0; k < HF_COUNT(backings); k++)
        for (size_t n = 32; n <= 100000; n += 99968) {
            hf_buffer *b = buffer_of(n, HF_ACCESS_NONE, backings[k]);
            void *p = NULL, *q = NULL;
            for (int round = 0; round < 3; round++) { /* the first one sets the pages apart */
                assert_int_equal(hf_buffer_open(b, HF_ACCESS_READ, &p), HF_OK);
                assert_int_equal(hf_buffer_open(b, HF_ACCESS_READ, &q), HF_OK);
                assert_true(readable(p) && !writable(p));
                hf_buffer_close(b);
                assert_true(readable(p));
                hf_buffer_close(b);
                assert_false(readable(p));
                assert_int_equal(hf_buffer_open(b, HF_ACCESS_READ_WRITE, &p), HF_OK);
                assert_int_equal(hf_buffer_open(b, HF_ACCESS_READ, &q), HF_OK);
                assert_int_equal(hf_buffer_open(b, HF_ACCESS_READ_WRITE, &q), HF_OK);
                hf_buffer_close(b);
                hf_buffer_close(b);
                assert_true(writable(p));
                ((uint8_t *)p)[0] = 7;
                hf_buffer_close(b);
                assert_false(readable(p) || writable(p));
            }
            assert_int_equal(hf_buffer_open(b, HF_ACCESS_READ, &p), HF_OK);
            assert_int_equal(*(uint8_t *)p, 7);
            hf_buffer_close(b);
            hf_buffer_free(b);
        }
}

static void freezing_and_melting(void **state)
{
    (void)state;
    for (size_t k = 0; k < HF_COUNT(backings); k++)
        for (unsigned from = HF_ACCESS_NONE; from <= HF_ACCESS_READ_WRITE; from++)
            for (unsigned to = HF_ACCESS_NONE; to <= HF_ACCESS_READ_WRITE; to++) {
                hf_buffer *left = buffer_of(9, (hf_access)from, backings[k]);
                hf_buffer *b = buffer_of(9, (hf_access)from, backings[k]);
                hf_buffer *right = buffer_of(9, (hf_access)from, backings[k]);
                void *p = NULL;
                assert_int_equal(hf_buffer_set_at_rest(b, (hf_access)to), HF_OK);
                for (int round = 0; round < 2; round++) {
                    assert_int_equal(readable(hf_buffer_bytes(b)), to >= HF_ACCESS_READ);
                    assert_int_equal(writable(hf_buffer_bytes(b)), to == HF_ACCESS_READ_WRITE);
                    assert_int_equal(readable(hf_buffer_bytes(left)), from >= HF_ACCESS_READ);
                    assert_int_equal(writable(hf_buffer_bytes(right)), from == HF_ACCESS_READ_WRITE);
                    assert_int_equal(hf_buffer_open(b, HF_ACCESS_READ_WRITE, &p), HF_OK);
                    memset(p, 3, 9);
                    hf_buffer_close(b);
                }
                assert_false(readable((uint8_t *)hf_buffer_bytes(b) + 9));
                assert_false(readable((uint8_t *)hf_buffer_bytes(left) + 9));
                hf_buffer_free(b);
                b = buffer_of(9, (hf_access)from, backings[k]); /* the same place, with the rights it began with */
                assert_int_equal(readable(hf_buffer_bytes(b)), from >= HF_ACCESS_READ);
                assert_int_equal(writable(hf_buffer_bytes(b)), from == HF_ACCESS_READ_WRITE);
                hf_buffer_free(b);
                hf_buffer_free(left);
                hf_buffer_free(right);
            }
}

static void rights_at_rest_change_at_the_end_of_a_scope(void **state)
{
    (void)state;
    hf_buffer *b = buffer_of(9, HF_ACCESS_READ_WRITE, HF_BACKING_MLOCK);
    void *p = NULL;
    assert_int_equal(hf_buffer_open(b, HF_ACCESS_READ_WRITE, &p), HF_OK);
    assert_int_equal(hf_buffer_set_at_rest(b, HF_ACCESS_NONE), HF_OK);
    assert_true(writable(p));
    hf_buffer_close(b);
    assert_false(readable(p));
    hf_buffer_free(b);
}

/* ---- how it ends ---- */

static void what_is_forbidden_faults(void **state)
{
    (void)state;
    for (const char *backing = "sl"; *backing != '\0'; backing++)
        for (const char *what = "orpuvOUNcdf"; *what != '\0'; what++)
            for (char size = '0'; size <= '3'; size++) {
                if (TEST_THREAD_SANITIZER && size > '0')
                    continue; /* each start takes long */
                const char arg[] = { *backing, *what, size, '\0' };
                int status = helper_run("touch", arg);
                if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSEGV)
                    fail_msg("%s: wait status 0x%x", arg, (unsigned)status);
            }
    static const char *const stale[] = { "sr.", "sri", "sw.", "lr.", "lri", "lw." };
    for (size_t i = 0; i < HF_COUNT(stale); i++)
        assert_signal(helper_run("stale", stale[i]), SIGSEGV);
}

static void misuse_case(const char *arg, const char *words)
{
    char line[64], said[512];
    uint8_t bytes[64];
    helper h = helper_start("misuse", arg);
    assert_true(read_line(h.in, line, sizeof line));
    uintptr_t at = strtoul(line, NULL, 16);
    bool look = geteuid() == 0 && !TEST_SANITIZED && !TEST_THREAD_SANITIZER;
    if (look) {
        assert_true(peek(h.pid, at, bytes, sizeof bytes));
        assert_int_equal(bytes[63], 0x5a);
        assert_int_equal(ptrace(PTRACE_SEIZE, h.pid, NULL, PTRACE_O_TRACEEXIT), 0);
    }
    close(h.out);
    h.out = open("/dev/null", O_RDONLY | O_CLOEXEC);
    while (look) {
        int status = 0;
        assert_int_equal(waitpid(h.pid, &status, 0), h.pid);
        assert_true(WIFSTOPPED(status));
        bool exits = status >> 16 == PTRACE_EVENT_EXIT;
        if (exits) {
            assert_true(peek(h.pid, at, bytes, sizeof bytes));
            assert_true(is_zero(bytes, sizeof bytes));
        }
        assert_int_equal(ptrace(PTRACE_CONT, h.pid, NULL, exits || status >> 16 != 0 ? 0 : WSTOPSIG(status)), 0);
        if (exits)
            break;
    }
    int status = rest_and_end(&h, said, sizeof said);
    assert_signal(status, SIGABRT);
    if (strstr(said, words) == NULL || strchr(said, '\n') != said + strlen(said) - 1)
        fail_msg("%s: wanted one line with '%s', got '%s'", arg, words, said);
}

static void misuse_wipes_says_why_and_aborts(void **state)
{
    (void)state;
    misuse_case("rd", "freed twice");
    misuse_case("nd", "freed twice");
    misuse_case("rD", "freed twice");
    misuse_case("ru", "before its first byte");
    misuse_case("rp", "before its first byte");
    misuse_case("ro", "inside an open scope");
    misuse_case("no", "inside an open scope");
    misuse_case("nw", "inside an open scope");
    misuse_case("rc", "did not open");
    misuse_case("nx", "did not open");
    misuse_case("na", "after it was freed");
}

static void nested_scopes_and_used_places_are_quiet(void **state)
{
    (void)state;
    SKIP_THREAD_SANITIZER();
    SKIP_SANITIZED();
    assert_exit(helper_run("quiet", "lr."), 40);
    assert_exit(helper_run("quiet", "lw."), 40);
    assert_exit(helper_run("quiet", "sr."), 40);
    assert_signal(helper_run("quiet", "lrc"), SIGSYS); /* the last close is not: so the filter holds */
}

/* ---- threads ---- */

#define THREADS 8
#define ROUNDS (TEST_THREAD_SANITIZER ? 300 : 2000)

static hf_buffer *_Atomic exchange[4];
static _Atomic unsigned wrong;

static void *trade(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;
    for (int i = 0; i < ROUNDS; i++) {
        seed = seed * 1664525 + 1013904223;
        size_t n = 1 + (seed >> 8) % (seed >> 28 == 0 ? 70000 : 300);
        hf_buffer *b =
            buffer_of(n, (hf_access)(seed % 16 == 0 ? seed >> 20 & 1 : HF_ACCESS_READ_WRITE), backings[seed >> 24 & 1]);
        void *p = NULL;
        if (hf_buffer_open(b, HF_ACCESS_READ_WRITE, &p) != HF_OK || !is_zero(p, n))
            atomic_fetch_add(&wrong, 1);
        else
            memset(p, (int)(n & 0xff) | 1, n);
        hf_buffer_close(b);
        b = atomic_exchange(&exchange[seed >> 16 & 3], b); /* another one, perhaps of another thread */
        if (b == NULL)
            continue;
        if (hf_buffer_open(b, HF_ACCESS_READ, &p) != HF_OK || *(uint8_t *)p != ((hf_buffer_size(b) & 0xff) | 1))
            atomic_fetch_add(&wrong, 1);
        hf_buffer_close(b);
        if (hf_buffer_check(b) != HF_OK)
            atomic_fetch_add(&wrong, 1);
        hf_buffer_free(b);
    }
    return NULL;
}

static void run_threads(void *(*work)(void *))
{
    pthread_t thread[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, work, (void *)(i + 1)), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    assert_int_equal(wrong, 0);
}

static void threads_trade_buffers(void **state)
{
    (void)state;
    run_threads(trade);
    for (size_t i = 0; i < HF_COUNT(exchange); i++)
        hf_buffer_free(atomic_exchange(&exchange[i], NULL));
}

static void *read_and_write(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        uint8_t *p = NULL;
        bool writes = (uintptr_t)arg % 4 == 0;
        if (hf_buffer_open(shared, writes ? HF_ACCESS_READ_WRITE : HF_ACCESS_READ, (void **)&p) != HF_OK) {
            atomic_fetch_add(&wrong, 1);
            break;
        }
        for (size_t k = 1; k < 64; k++)
            if (p[k] != p[0])
                atomic_fetch_add(&wrong, 1);
        if (writes)
            memset(p, p[0] + 1, 64);
        hf_buffer_close(shared);
        if (writes && i % 64 == 0 &&
            hf_buffer_set_at_rest(shared, i % 128 == 0 ? HF_ACCESS_READ : HF_ACCESS_NONE) != HF_OK)
            atomic_fetch_add(&wrong, 1);
        if (i % 32 == 0 && hf_buffer_check(shared) != HF_OK)
            atomic_fetch_add(&wrong, 1);
    }
    return NULL;
}

static void readers_share_and_writers_are_alone(void **state)
{
    (void)state;
    for (size_t k = 0; k < HF_COUNT(backings); k++) {
        void *p = NULL;
        shared = buffer_of(64, HF_ACCESS_NONE, backings[k]);
        run_threads(read_and_write);
        assert_int_equal(hf_buffer_open(shared, HF_ACCESS_READ, &p), HF_OK);
        assert_int_equal(*(uint8_t *)p, (uint8_t)(2 * ROUNDS)); /* two of eight threads wrote: nothing was lost */
        hf_buffer_close(shared);
        hf_buffer_free(shared);
    }
}

static void *hold_for_reading(void *at)
{
    void *p = NULL;
    if (hf_buffer_open(shared, HF_ACCESS_READ, &p) != HF_OK)
        return NULL;
    *(_Atomic int *)at = 1;
    while (*(_Atomic int *)at != 2)
        (void)sched_yield();
    hf_buffer_close(shared);
    return at;
}

/* Two threads in scopes at the same time: neither waits for the other, and the last to leave closes. */
static void readers_overlap(void **state)
{
    (void)state;
    static _Atomic int at;
    pthread_t other;
    void *p = NULL, *result = NULL;
    shared = buffer_of(8, HF_ACCESS_NONE, HF_BACKING_MLOCK);
    assert_int_equal(pthread_create(&other, NULL, hold_for_reading, (void *)&at), 0);
    while (at != 1)
        (void)sched_yield();
    assert_int_equal(hf_buffer_open(shared, HF_ACCESS_READ, &p), HF_OK);
    hf_buffer_close(shared);
    assert_true(readable(p)); /* the other one is still in */
    at = 2;
    assert_int_equal(pthread_join(other, &result), 0);
    assert_non_null(result);
    assert_false(readable(p));
    hf_buffer_free(shared);
}

/* What an ending thread kept serves the others: else these would be 300 times 8 pages. */
static void *use_one(void *unused)
{
    (void)unused;
    for (int i = 0; i < 10; i++)
        hf_buffer_free(buffer_of(32, HF_ACCESS_READ_WRITE, HF_BACKING_MLOCK));
    return NULL;
}

static void ended_threads_leave_their_places(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    (void)use_one(NULL);
    size_t before = status_kb("VmLck:");
    for (int i = 0; i < 300; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, use_one, NULL), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
    assert_true(status_kb("VmLck:") - before < 512);
}

/* ---- forks ---- */

static int as_a_child(hf_buffer *b, hf_backing backing)
{
    void *p = NULL;
    if (hf_buffer_open(b, HF_ACCESS_READ, &p) != HF_ERR_FORKED || hf_buffer_randomize(b) != HF_ERR_FORKED ||
        hf_buffer_check(b) != HF_ERR_FORKED || hf_buffer_set_at_rest(b, HF_ACCESS_NONE) != HF_ERR_FORKED || p != NULL)
        return 1;
    hf_buffer_close(b);
    hf_buffer_free(b);
    hf_buffer_free(b);
    for (int i = 0; i < 20; i++) {
        hf_buffer *mine = buffer_of(32, (hf_access)(i % 3), backing);
        if (hf_buffer_randomize(mine) != HF_OK || hf_buffer_check(mine) != HF_OK)
            return 2;
        if (i % 2 == 0)
            hf_buffer_free(mine);
    }
    if (readable(hf_buffer_bytes(b)) && !is_zero(hf_buffer_bytes(b), 32))
        return 3;
    return 40;
}

static void assert_child(pid_t pid)
{
    int status = 0;
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_exit(status, 40);
}

static _Atomic bool stop;

static void *churn(void *arg)
{
    while (!stop) {
        void *p = NULL;
        hf_buffer *b = buffer_of(100, HF_ACCESS_NONE, backings[(uintptr_t)arg % 2]);
        if (hf_buffer_open(b, HF_ACCESS_READ, &p) == HF_OK)
            hf_buffer_close(b);
        hf_buffer_free(b);
        hf_buffer_free(buffer_of(100, HF_ACCESS_READ_WRITE, backings[(uintptr_t)arg % 2]));
    }
    return NULL;
}

static void *fork_from_here(void *arg)
{
    for (size_t k = 0; k < HF_COUNT(backings); k++) {
        hf_buffer *b = buffer_of(32, HF_ACCESS_READ_WRITE, backings[k]);
        memset(hf_buffer_bytes(b), 0x77, 32);
        for (int i = 0; i < (TEST_SANITIZED ? 2 : 10); i++) {
            pid_t pid = fork();
            if (pid == 0)
                _exit(as_a_child(b, backings[k]));
            assert_child(pid);
        }
        assert_true(((uint8_t *)hf_buffer_bytes(b))[31] == 0x77);
        hf_buffer_free(b);
    }
    return arg;
}

static void children_have_none_of_it(void **state)
{
    (void)state;
    (void)fork_from_here(NULL);
}

/* Raw: libc knows nothing of it. */
static void children_of_a_raw_clone_neither(void **state)
{
    (void)state;
    SKIP_THREAD_SANITIZER();
    for (size_t k = 0; k < HF_COUNT(backings); k++) {
        hf_buffer *b = buffer_of(32, HF_ACCESS_READ_WRITE, backings[k]);
        memset(hf_buffer_bytes(b), 0x77, 32);
        pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
        if (pid == 0)
            _exit(as_a_child(b, backings[k]));
        assert_child(pid);
        hf_buffer_free(b);
    }
}

/* Locks may be held by threads that the child does not have. */
static void forks_among_busy_threads(void **state)
{
    (void)state;
    SKIP_THREAD_SANITIZER(); /* it holds locks of its own across forks */
    pthread_t busy[3], forker;
    stop = false;
    for (uintptr_t i = 0; i < HF_COUNT(busy); i++)
        assert_int_equal(pthread_create(&busy[i], NULL, churn, (void *)i), 0);
    assert_int_equal(pthread_create(&forker, NULL, fork_from_here, NULL), 0);
    assert_int_equal(pthread_join(forker, NULL), 0);
    stop = true;
    for (size_t i = 0; i < HF_COUNT(busy); i++)
        assert_int_equal(pthread_join(busy[i], NULL), 0);
}

/* A scope that was open at the fork is the parent's. */
static void forks_inside_a_scope(void **state)
{
    (void)state;
    hf_buffer *b = buffer_of(32, HF_ACCESS_NONE, HF_BACKING_MLOCK);
    void *p = NULL;
    assert_int_equal(hf_buffer_open(b, HF_ACCESS_READ_WRITE, &p), HF_OK);
    memset(p, 0x77, 32);
    pid_t pid = fork();
    if (pid == 0) {
        int code = is_zero(p, 32) ? as_a_child(b, HF_BACKING_MLOCK) : 4;
        hf_buffer_close(b);
        _exit(code);
    }
    assert_child(pid);
    assert_int_equal(*(uint8_t *)p, 0x77);
    hf_buffer_close(b);
    assert_false(readable(p));
    hf_buffer_free(b);
}

int main(int argc, char **argv)
{
    if (argc > 2)
        return run_mode(modes, HF_COUNT(modes), argv[1], argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_end_at_a_guard),
        cmocka_unit_test(backing_is_the_best_allowed),
        cmocka_unit_test(sizes_and_rights_have_bounds),
        cmocka_unit_test(freed_places_are_zero_and_used_again),
        cmocka_unit_test(canaries_differ),
        cmocka_unit_test(check_sees_every_byte_below),
        cmocka_unit_test(check_needs_no_rights),
        cmocka_unit_test(random_bytes_fill_all_of_it),
        cmocka_unit_test(scopes_nest_and_close),
        cmocka_unit_test(freezing_and_melting),
        cmocka_unit_test(rights_at_rest_change_at_the_end_of_a_scope),
        cmocka_unit_test(what_is_forbidden_faults),
        cmocka_unit_test(misuse_wipes_says_why_and_aborts),
        cmocka_unit_test(nested_scopes_and_used_places_are_quiet),
        cmocka_unit_test(threads_trade_buffers),
        cmocka_unit_test(readers_share_and_writers_are_alone),
        cmocka_unit_test(readers_overlap),
        cmocka_unit_test(ended_threads_leave_their_places),
        cmocka_unit_test(children_have_none_of_it),
        cmocka_unit_test(children_of_a_raw_clone_neither),
        cmocka_unit_test(forks_among_busy_threads),
        cmocka_unit_test(forks_inside_a_scope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
