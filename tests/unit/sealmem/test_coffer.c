/* Coffers: halves that change under a key that stays, forks, threads, limits, the way out. */
#include "crypto/crypto.h"
#include "helper.h"
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <openssl/sha.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define NOBODY 65534
#define PAGE ((uintptr_t)4096)

static const uint8_t text[32] = "a secret of thirty-two bytes ok";

#define BLOB (sizeof text + HF_SEALED_OVERHEAD_BYTES)

static hf_err seal_into(hf_coffer *c, uint8_t blob[static BLOB])
{
    size_t n = 0;
    return hf_coffer_seal(c, &alice, text, sizeof text, blob, BLOB, &n);
}

static hf_err open_and_compare(hf_coffer *c, const uint8_t blob[static BLOB])
{
    uint8_t out[sizeof text];
    size_t n = 0;
    HF_TRY(hf_coffer_open_into(c, &alice, blob, BLOB, out, sizeof out, &n));
    return n == sizeof text && memcmp(out, text, sizeof text) == 0 ? HF_OK : HF_ERR_INTERNAL;
}

static uint64_t renewals(hf_coffer *c)
{
    hf_coffer_status now;
    hf_coffer_status_get(c, &now);
    return now.rerandomizations;
}

/* ---- the split ---- */

/* left XOR SHA-256(right), by OpenSSL's one-shot digest of the right half's 32 bytes. */
static void key_of(const hf_coffer *c, uint8_t key[static 32])
{
    uint8_t hash[32];
    assert_non_null(SHA256(c->right->block, 32, hash));
    for (size_t i = 0; i < 32; i++)
        key[i] = ((const uint8_t *)c->left->words)[i] ^ hash[i];
}

static void halves_are_the_split_that_is_promised(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        hf_left left = { 0 };
        hf_right right = { 0 };
        hf_work work = { 0 };
        uint8_t hash[32], key[32];
        assert_int_equal(hf_split_draw(&left, &right), HF_OK);
        assert_int_equal(hf_split_join(&left, &right, &work), HF_OK);
        assert_non_null(SHA256(right.block, 32, hash));
        for (size_t k = 0; k < 32; k++)
            key[k] = ((const uint8_t *)left.words)[k] ^ hash[k];
        assert_memory_equal(work.key, key, 32);
        assert_memory_not_equal(left.words, key, 32);
        assert_memory_not_equal(right.block, key, 32);
        hf_work_wipe(&work);
        assert_zero((const uint8_t *)&work, sizeof work);
    }
}

static void halves_lie_in_mappings_of_their_own(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    hf_coffer *c = calm_coffer();
    const void *places[] = { c->left, c->right, c->desk };
    char line[512];
    uintptr_t start[3] = { 0 };
    FILE *maps = fopen("/proc/self/maps", "re");
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps) != NULL) {
        uintptr_t from = 0, to = 0;
        if (sscanf(line, "%lx-%lx", &from, &to) != 2)
            continue;
        for (size_t i = 0; i < 3; i++)
            if ((uintptr_t)places[i] >= from && (uintptr_t)places[i] < to) {
                start[i] = from;
                assert_int_equal(to - from, PAGE); /* guards on both sides are maps without rights */
            }
    }
    fclose(maps);
    assert_true(start[0] != 0 && start[1] != 0 && start[2] != 0);
    assert_true(start[0] != start[1] && start[1] != start[2] && start[0] != start[2]);
    hf_coffer_free(c);
}

/* ---- renewal ---- */

static void renewed_halves_keep_the_key(void **state)
{
    (void)state;
    hf_coffer *c = calm_coffer();
    uint8_t blob[BLOB], key[32], again[32];
    assert_int_equal(seal_into(c, blob), HF_OK);
    key_of(c, key);
    for (uint64_t i = 1; i <= 100; i++) {
        uint32_t left[8];
        hf_right right = *c->right;
        memcpy(left, c->left->words, sizeof left);
        assert_int_equal(hf_coffer_rerandomize(c), HF_OK);
        assert_true(renewals(c) == i);
        assert_memory_not_equal(left, c->left->words, sizeof left);
        assert_memory_not_equal(right.block, c->right->block, 32);
        assert_memory_equal(right.block + 32, c->right->block + 32, 32);
        key_of(c, again);
        assert_memory_equal(key, again, 32);
        assert_zero((const uint8_t *)c->desk, sizeof *c->desk);
        assert_int_equal(open_and_compare(c, blob), HF_OK);
    }
    hf_coffer_free(c);
}

static void old_half_does_not_fit_the_new_one(void **state)
{
    (void)state;
    hf_coffer *c = calm_coffer();
    uint8_t blob[BLOB];
    assert_int_equal(seal_into(c, blob), HF_OK);
    hf_right right = *c->right;
    assert_int_equal(hf_coffer_rerandomize(c), HF_OK);
    *c->right = right;
    assert_int_equal(open_and_compare(c, blob), HF_ERR_BAD_CIPHERTEXT);
    hf_coffer_free(c);
}

static void uses_bring_new_halves(void **state)
{
    (void)state;
    hf_coffer *every = coffer_with(UINT32_MAX, 1), *some = coffer_with(UINT32_MAX, 80);
    uint8_t blob[BLOB];
    for (uint64_t i = 1; i <= 20; i++) {
        assert_int_equal(seal_into(every, blob), HF_OK);
        assert_int_equal(open_and_compare(every, blob), HF_OK);
        assert_true(renewals(every) >= 2 * i - 1);
    }
    for (int i = 0; i < 160; i++)
        assert_int_equal(seal_into(some, blob), HF_OK);
    assert_true(renewals(some) >= 1);
    assert_int_equal(open_and_compare(some, blob), HF_OK);
    hf_coffer_free(every);
    hf_coffer_free(some);
}

/* Fewer uses than seats: together they keep the promise. Calls are sent from seat to seat by taking those before. */
static void few_uses_are_counted_together(void **state)
{
    (void)state;
    uint8_t blob[BLOB];
    for (uint32_t uses = 1; uses < HF_COFFER_SEATS; uses++) {
        hf_coffer *probe = calm_coffer(), *c = coffer_with(UINT32_MAX, uses);
        assert_int_equal(seal_into(probe, blob), HF_OK);
        const size_t home = blob[5];
        for (size_t i = 0; i < uses; i++) {
            assert_int_equal(pthread_mutex_lock(&c->seat[(home + i) % HF_COFFER_SEATS].lock), 0);
            assert_int_equal(seal_into(c, blob), HF_OK);
            assert_int_equal(blob[5], (home + i + 1) % HF_COFFER_SEATS);
        }
        for (size_t i = 0; i < uses; i++)
            assert_int_equal(pthread_mutex_unlock(&c->seat[(home + i) % HF_COFFER_SEATS].lock), 0);
        assert_true(renewals(c) == 0);
        assert_int_equal(open_and_compare(c, blob), HF_OK);
        assert_true(renewals(c) == 1);
        for (uint32_t i = 1; i < uses; i++)
            assert_int_equal(open_and_compare(c, blob), HF_OK);
        assert_true(renewals(c) == 1);
        assert_int_equal(open_and_compare(c, blob), HF_OK);
        assert_true(renewals(c) == 2);
        hf_coffer_free(c);
        hf_coffer_free(probe);
    }
}

static void time_brings_new_halves(void **state)
{
    (void)state;
    hf_coffer *c = coffer_with(20, UINT32_MAX);
    uint8_t blob[BLOB];
    assert_int_equal(seal_into(c, blob), HF_OK);
    for (int i = 0; i < 3; i++) {
        uint64_t before = renewals(c);
        const struct timespec longer = { .tv_nsec = 60000000 };
        assert_int_equal(nanosleep(&longer, NULL), 0);
        assert_true(renewals(c) == before); /* nothing happens while nobody uses it */
        assert_int_equal(open_and_compare(c, blob), HF_OK);
        assert_true(renewals(c) == before + 1);
    }
    hf_coffer_free(c);
}

static void calm_coffers_rest(void **state)
{
    (void)state;
    hf_coffer *c = calm_coffer();
    uint8_t blob[BLOB];
    for (int i = 0; i < 1000; i++)
        assert_int_equal(seal_into(c, blob), HF_OK);
    assert_true(renewals(c) == 0);
    hf_coffer_free(c);
}

static void nonces_end_before_they_repeat(void **state)
{
    (void)state;
    hf_coffer *c = calm_coffer();
    uint8_t blob[BLOB], none[BLOB] = { 0 };
    for (size_t i = 0; i < HF_COFFER_SEATS; i++)
        c->seat[i].sealed = HF_SEAT_SEALS_MAX - 1;
    assert_int_equal(seal_into(c, blob), HF_OK);
    const uint8_t last[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    assert_memory_equal(blob + 6, last, sizeof last);
    assert_true(blob[5] < HF_COFFER_SEATS); /* the seat */
    assert_int_equal(seal_into(c, none), HF_ERR_QUOTA);
    assert_zero(none, sizeof none);
    assert_int_equal(open_and_compare(c, blob), HF_OK);
    hf_coffer_free(c);
}

/* ---- threads ---- */

#define THREADS 8

static _Atomic unsigned wrong;
static uint8_t nonces[THREADS][2000][HF_COFFER_NONCE_BYTES];

typedef struct job {
    hf_coffer *coffer;
    size_t number;
} job;

static void *use(void *argument)
{
    const job *j = argument;
    uint8_t blob[BLOB];
    for (size_t i = 0; i < HF_COUNT(nonces[0]); i++) {
        if (seal_into(j->coffer, blob) != HF_OK || open_and_compare(j->coffer, blob) != HF_OK)
            atomic_fetch_add(&wrong, 1);
        memcpy(nonces[j->number][i], blob + 1, HF_COFFER_NONCE_BYTES);
        if (j->number == 0 && i % 64 == 0 && hf_coffer_rerandomize(j->coffer) != HF_OK)
            atomic_fetch_add(&wrong, 1);
    }
    return NULL;
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, HF_COFFER_NONCE_BYTES);
}

static void threads_share_a_coffer(void **state)
{
    (void)state;
    hf_coffer *c = coffer_with(1, 50);
    pthread_t thread[THREADS];
    job jobs[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        jobs[i] = (job) { c, i };
        assert_int_equal(pthread_create(&thread[i], NULL, use, &jobs[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    assert_int_equal(wrong, 0);
    assert_true(renewals(c) > 100);
    const size_t n = sizeof nonces / HF_COFFER_NONCE_BYTES;
    qsort(nonces, n, HF_COFFER_NONCE_BYTES, by_bytes);
    const uint8_t(*flat)[HF_COFFER_NONCE_BYTES] = nonces[0];
    for (size_t i = 1; i < n; i++)
        assert_true(memcmp(flat[i - 1], flat[i], HF_COFFER_NONCE_BYTES) != 0);
    hf_coffer_free(c);
}

/* ---- forks ---- */

/*
 * In a child: every call says that it is one, and freeing gives back what is the child's. Exit code 0: all as it should
 * be.
 */
static int child_of(hf_coffer *c, const uint8_t *blob)
{
    uint8_t again[BLOB] = { 0 }, out[sizeof text] = { 0 };
    size_t n = 0;
    hf_secret *s = NULL;
    hf_buffer *b = NULL;
    const char *why = NULL;
    hf_coffer_status now;
    if (seal_into(c, again) != HF_ERR_FORKED || again[0] != 0)
        return 1;
    if (hf_coffer_open_into(c, &alice, blob, BLOB, out, sizeof out, &n) != HF_ERR_FORKED || out[0] != 0)
        return 2;
    if (hf_coffer_open(c, &alice, blob, BLOB, &s) != HF_ERR_FORKED || s != NULL)
        return 3;
    if (hf_coffer_open_guarded(c, &alice, blob, BLOB, HF_ACCESS_NONE, &b, &why) != HF_ERR_FORKED || b != NULL)
        return 4;
    if (hf_coffer_rerandomize(c) != HF_ERR_FORKED)
        return 5;
    hf_coffer_status_get(c, &now);
    hf_coffer_free(c);
    hf_coffer *mine = calm_coffer();
    if (open_and_compare(mine, blob) != HF_ERR_BAD_CIPHERTEXT || seal_into(mine, again) != HF_OK ||
        open_and_compare(mine, again) != HF_OK)
        return 6;
    hf_coffer_free(mine);
    return 0;
}

static void assert_child(pid_t pid)
{
    int status = 0;
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_exit(status, 0);
}

static void children_have_no_coffer(void **state)
{
    (void)state;
    hf_coffer *c = calm_coffer();
    uint8_t blob[BLOB];
    assert_int_equal(seal_into(c, blob), HF_OK);
    pid_t pid = fork();
    if (pid == 0)
        _exit(child_of(c, blob));
    assert_child(pid);
    pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); /* behind the back of the C library */
    if (pid == 0)
        _exit(child_of(c, blob));
    assert_child(pid);
    assert_int_equal(open_and_compare(c, blob), HF_OK);
    hf_coffer_free(c);
}

static _Atomic bool stop;

static void *use_until_told(void *argument)
{
    uint8_t blob[BLOB];
    while (!atomic_load(&stop))
        if (seal_into(argument, blob) != HF_OK || open_and_compare(argument, blob) != HF_OK)
            atomic_fetch_add(&wrong, 1);
    return NULL;
}

/* What the child's copy of OpenSSL's heap holds: a key that some thread of the parent was using, or the zero key. */
static bool heap_holds(const uint8_t *masked)
{
    char line[256];
    FILE *maps = fopen("/proc/self/maps", "re");
    bool found = false;
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL && !found) {
        uintptr_t from = 0, to = 0;
        if (strstr(line, "rw-p") == NULL || strstr(line, "[stack]") != NULL || sscanf(line, "%lx-%lx", &from, &to) != 2)
            continue;
        for (const uint8_t *p = (const uint8_t *)from; p + 16 <= (const uint8_t *)to && !found; p += 4) {
            size_t i = 0;
            while (i < 16 && p[i] == (masked[i] ^ 0x5a))
                i++;
            found = i == 16;
        }
    }
    if (maps != NULL)
        fclose(maps);
    return found;
}

/* The first round keys of AES-256 are the key. */
static void no_call_is_under_way_in_a_fork(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    SKIP_THREAD_SANITIZER();
    hf_coffer *c = coffer_with(UINT32_MAX, 1000);
    uint8_t masked[32];
    key_of(c, masked);
    for (size_t i = 0; i < sizeof masked; i++)
        masked[i] ^= 0x5a;
    pthread_t thread[2];
    for (size_t i = 0; i < HF_COUNT(thread); i++)
        assert_int_equal(pthread_create(&thread[i], NULL, use_until_told, c), 0);
    for (int i = 0; i < 60; i++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(heap_holds(masked) ? 1 : 0);
        assert_child(pid);
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < HF_COUNT(thread); i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    assert_int_equal(wrong, 0);
    uint8_t planted[16];
    for (size_t i = 0; i < sizeof planted; i++)
        planted[i] = masked[i] ^ 0x5a;
    uint8_t *copy = malloc(16);
    memcpy(copy, planted, sizeof planted);
    __asm__ volatile("" : : "r"(copy) : "memory");
    assert_true(heap_holds(masked)); /* it finds what is there */
    free(copy);
    hf_coffer_free(c);
}

/* A program's handler, set before the first coffer; it looks whether it could still seal. */
static hf_coffer *handler_uses;
static hf_err handler_got;

static void before_a_fork(void)
{
    uint8_t blob[BLOB];
    if (handler_uses == NULL)
        return;
    if (pthread_mutex_trylock(&handler_uses->seat[0].lock) != 0) {
        handler_got = HF_ERR_WRONG_STATE; /* sealing would wait for ever */
        return;
    }
    pthread_mutex_unlock(&handler_uses->seat[0].lock);
    handler_got = seal_into(handler_uses, blob);
}

static void handlers_of_the_program_come_first(void **state)
{
    (void)state;
    hf_coffer *c = calm_coffer();
    handler_uses = c;
    handler_got = HF_ERR_INTERNAL;
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    handler_uses = NULL;
    assert_child(pid);
    assert_int_equal(handler_got, HF_OK);
    hf_coffer_free(c);
}

static void coffers_come_and_go_between_forks(void **state)
{
    (void)state;
    hf_coffer *c[4];
    for (size_t i = 0; i < 4; i++)
        c[i] = calm_coffer();
    const size_t order[] = { 1, 3, 0, 2 };
    for (size_t i = 0; i < 4; i++) {
        hf_coffer_free(c[order[i]]);
        pid_t pid = fork();
        if (pid == 0)
            _exit(0);
        assert_child(pid);
    }
    hf_coffer_free(NULL);
}

/* ---- limits and the way out, each in a process of its own ---- */

static void deny(int number, int error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = { HF_COUNT(code), code };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        exit(125);
}

static void become_nobody(rlim_t limit)
{
    const struct rlimit bytes = { limit, limit };
    if (setrlimit(RLIMIT_MEMLOCK, &bytes) != 0 || (geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) != 0))
        exit(125);
}

/* Answers "ERROR BACKING", or "ERROR -" and whether there was a reason. */
static int report_main(const char *how)
{
    if (strchr(how, 'l') != NULL)
        deny(SYS_memfd_secret, ENOSYS);
    if (strchr(how, 'r') != NULL)
        deny(SYS_getrandom, EIO);
    if (strchr(how, 'n') != NULL)
        become_nobody(strchr(how, 'z') != NULL ? 8192 : 8 << 20);
    const hf_coffer_spec spec = { .weakest = strchr(how, 's') != NULL ? HF_BACKING_MEMFD_SECRET : ANY_BACKING };
    hf_coffer *c = NULL;
    const char *why = NULL;
    hf_err e = hf_coffer_new(&spec, &c, &why);
    if (e != HF_OK) {
        printf("%s %s", hf_err_name(e), why[0] != '\0' ? "why" : "-");
        return c != NULL;
    }
    hf_coffer_status now;
    hf_coffer_status_get(c, &now);
    uint8_t blob[BLOB];
    bool works = seal_into(c, blob) == HF_OK && open_and_compare(c, blob) == HF_OK;
    printf("%s %s", works ? "ok" : "broken", hf_backing_name(now.backing));
    if ((now.why[0] == '\0') != (now.backing == HF_BACKING_MEMFD_SECRET) || now.locked_bytes != 3 * PAGE)
        return 1;
    hf_coffer_free(c);
    return 0;
}

static void assert_report(const char *how, const char *want)
{
    helper h = helper_start("report", how);
    char got[128] = { 0 };
    size_t n = 0;
    for (ssize_t r; n < sizeof got - 1 && (r = read(h.in, got + n, sizeof got - 1 - n)) > 0;)
        n += (size_t)r;
    assert_exit(helper_end(&h), 0);
    assert_string_equal(got, want);
}

static bool have_secretmem(void)
{
    int fd = (int)syscall(SYS_memfd_secret, 0);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void backings_are_told(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    SKIP_THREAD_SANITIZER();
    const char *best = have_secretmem() ? "ok memfd_secret" : "ok mlock";
    assert_report("", best);
    assert_report("n", best);
    assert_report("l", "ok mlock");
    assert_report("ln", "ok mlock");
    assert_report("ls", "locked_memory why");
    assert_report("nz", "locked_memory why"); /* two pages: not enough for three */
    assert_report("lnz", "locked_memory why");
    assert_report("r", "system why");
}

/* New halves are due and cannot be had: nothing is sealed or opened under the old ones, and the old ones are whole. */
static int no_random_main(const char *unused)
{
    (void)unused;
    hf_coffer *calm = calm_coffer(), *due = coffer_with(UINT32_MAX, 1);
    uint8_t blob[BLOB], none[BLOB] = { 0 };
    if (seal_into(due, blob) != HF_OK || seal_into(calm, blob) != HF_OK)
        return 1;
    deny(SYS_getrandom, EIO);
    if (seal_into(due, none) != HF_ERR_SYSTEM || none[0] != 0 || open_and_compare(due, blob) != HF_ERR_SYSTEM)
        return 2;
    if (hf_coffer_rerandomize(calm) != HF_ERR_SYSTEM || renewals(calm) != 0 || open_and_compare(calm, blob) != HF_OK)
        return 3;
    return 0;
}

static int wipe_main(const char *unused)
{
    (void)unused;
    hf_coffer *c = calm_coffer();
    uint8_t blob[BLOB], none[BLOB] = { 0 };
    if (seal_into(c, blob) != HF_OK)
        return 1;
    hf_wipe_all();
    const uint8_t *left = (const uint8_t *)c->left, *right = (const uint8_t *)c->right;
    for (size_t i = 0; i < 32; i++)
        if (left[i] != 0 || right[i] != 0)
            return 2;
    if (seal_into(c, none) != HF_ERR_WRONG_STATE || none[0] != 0 || open_and_compare(c, blob) != HF_ERR_WRONG_STATE ||
        hf_coffer_rerandomize(c) != HF_ERR_WRONG_STATE)
        return 3;
    hf_coffer_free(c); /* at exit destructors may still run */
    return 0;
}

/* The smallest block of the original's pool decided how long its key was; here other pools have no say. */
static void pools_of_any_size_leave_coffers_alone(void **state)
{
    (void)state;
    hf_pool *pool[4] = { NULL };
    void *block[4] = { NULL };
    const char *why = NULL;
    for (size_t i = 0; i < HF_COUNT(pool); i++) {
        const hf_pool_spec spec = { .max_bytes = 4096, .first_bytes = 4096, .weakest = ANY_BACKING };
        assert_int_equal(hf_pool_new(&spec, &pool[i], &why), HF_OK);
        assert_int_equal(hf_pool_alloc(pool[i], (size_t)64 << i, &block[i]), HF_OK);
    }
    hf_coffer *c = calm_coffer();
    uint8_t blob[BLOB], key[32];
    assert_int_equal(seal_into(c, blob), HF_OK);
    assert_int_equal(open_and_compare(c, blob), HF_OK);
    key_of(c, key);
    assert_memory_not_equal(key, c->left->words, sizeof key);
    hf_coffer_free(c);
    for (size_t i = 0; i < HF_COUNT(pool); i++) {
        hf_pool_free(pool[i], block[i]);
        assert_int_equal(hf_pool_destroy(pool[i]), HF_OK);
    }
}

/* As in core: all of OpenSSL's heap is locked, contexts included. */
static int arena_main(const char *unused)
{
    (void)unused;
    hf_arena *arena = arena_of((size_t)8 << 20, ANY_BACKING);
    hf_secret_use_arena(arena);
    if (hf_crypto_start(arena) != HF_OK)
        return 1;
    hf_coffer *c = coffer_with(UINT32_MAX, 3);
    uint8_t blob[BLOB];
    hf_secret *s = NULL;
    for (int i = 0; i < 20; i++) {
        if (seal_into(c, blob) != HF_OK || hf_coffer_open(c, &alice, blob, BLOB, &s) != HF_OK ||
            memcmp(hf_secret_read(s), text, sizeof text) != 0)
            return 2;
        hf_secret_freep(&s);
    }
    for (size_t i = 0; i < HF_COFFER_SEATS; i++)
        if (!hf_arena_owns(arena, c->seat[i].ctx))
            return 3;
    size_t used = hf_arena_used(arena);
    for (int i = 0; i < 1000; i++)
        if (seal_into(c, blob) != HF_OK || open_and_compare(c, blob) != HF_OK)
            return 4;
    if (hf_arena_used(arena) != used)
        return 5; /* a call allocates nothing */
    hf_coffer_free(c);
    return 0;
}

static void openssl_may_live_in_an_arena(void **state)
{
    (void)state;
    assert_exit(helper_run("arena", ""), 0);
}

/* The program's own configuration of OpenSSL holds: here it demands a FIPS provider that is not there. */
static void the_configuration_of_openssl_holds(void **state)
{
    (void)state;
    char path[] = "/tmp/holdfast-test-XXXXXX";
    static const char wants_fips[] = "openssl_conf = all\n[all]\nalg_section = algorithms\n"
                                     "[algorithms]\ndefault_properties = fips=yes\n";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, wants_fips, sizeof wants_fips - 1), sizeof wants_fips - 1);
    close(fd);
    setenv("OPENSSL_CONF", path, 1);
    assert_report("", "unsupported why");
    unsetenv("OPENSSL_CONF");
    unlink(path);
}

static void without_randomness_nothing_goes_on(void **state)
{
    (void)state;
    SKIP_SANITIZED();
    SKIP_THREAD_SANITIZER();
    assert_exit(helper_run("no-random", ""), 0);
}

static void after_wipe_all_nothing_is_sealed(void **state)
{
    (void)state;
    SKIP_SANITIZED(); /* its pools are plain malloc, which wipe_all does not reach */
    assert_exit(helper_run("wipe", ""), 0);
}

static int helper_main(const char *mode, const char *arg)
{
    static const struct {
        const char *mode;
        int (*run)(const char *);
    } modes[] = {
        { "report", report_main }, { "arena", arena_main }, { "no-random", no_random_main }, { "wipe", wipe_main }
    };
    for (size_t i = 0; i < HF_COUNT(modes); i++)
        if (strcmp(modes[i].mode, mode) == 0) {
            int code = modes[i].run(arg);
            fflush(stdout);
            return code;
        }
    return 124;
}

int main(int argc, char **argv)
{
    if (pthread_atfork(before_a_fork, NULL, NULL) != 0)
        return 125;
    if (argc > 2)
        return helper_main(argv[1], argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(halves_are_the_split_that_is_promised),
        cmocka_unit_test(halves_lie_in_mappings_of_their_own),
        cmocka_unit_test(renewed_halves_keep_the_key),
        cmocka_unit_test(old_half_does_not_fit_the_new_one),
        cmocka_unit_test(uses_bring_new_halves),
        cmocka_unit_test(few_uses_are_counted_together),
        cmocka_unit_test(time_brings_new_halves),
        cmocka_unit_test(calm_coffers_rest),
        cmocka_unit_test(nonces_end_before_they_repeat),
        cmocka_unit_test(threads_share_a_coffer),
        cmocka_unit_test(children_have_no_coffer),
        cmocka_unit_test(no_call_is_under_way_in_a_fork),
        cmocka_unit_test(handlers_of_the_program_come_first),
        cmocka_unit_test(coffers_come_and_go_between_forks),
        cmocka_unit_test(backings_are_told),
        cmocka_unit_test(pools_of_any_size_leave_coffers_alone),
        cmocka_unit_test(openssl_may_live_in_an_arena),
        cmocka_unit_test(the_configuration_of_openssl_holds),
        cmocka_unit_test(without_randomness_nothing_goes_on),
        cmocka_unit_test(after_wipe_all_nothing_is_sealed),
    };
    return cmocka_run_group_tests_name("sealmem-coffer", tests, NULL, NULL);
}
