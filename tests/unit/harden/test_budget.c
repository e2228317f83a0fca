/* Lock budgets: the sentences to the letter, who is bound by the limit, and that a plan keeps what it promises. */
#include "helper.h"
#include <holdfast/mem.h>
#include <linux/capability.h>

#define KIB ((size_t)1024)
#define MIB ((size_t)1 << 20)

static void nobody_with(rlim_t soft, rlim_t hard)
{
    set_limit(RLIMIT_MEMLOCK, soft, hard);
    become_nobody();
}

/* ---- sentences ---- */

typedef struct sentence_case {
    rlim_t soft, hard;
    hf_lock_need need;
    hf_err err;
    const char *why;
} sentence_case;

#define HOW_128K \
    "to have 128 KiB: LimitMEMLOCK=128K in the systemd unit, memlock 128 in limits.conf, docker run --ulimit " \
    "memlock=131072, or setcap cap_ipc_lock=ep on the program"
#define HOW_12M \
    "to have 12288 KiB: LimitMEMLOCK=12288K in the systemd unit, memlock 12288 in limits.conf, docker run --ulimit " \
    "memlock=12582912, or setcap cap_ipc_lock=ep on the program"

static const sentence_case sentences[] = {
    { 0,
      0,
      { .bytes = 128 * KIB },
      HF_ERR_LOCKED_MEMORY,
      "128 KiB of locked memory are needed beside the 0 KiB in use, but RLIMIT_MEMLOCK is 0 KiB (hard limit 0 KiB); " HOW_128K },
    { 65536,
      65536,
      { .bytes = 128 * KIB },
      HF_ERR_LOCKED_MEMORY,
      "128 KiB of locked memory are needed beside the 0 KiB in use, but RLIMIT_MEMLOCK is 64 KiB (hard limit 64 KiB); " HOW_128K },
    { 65536, 65536, { .bytes = 64 * KIB }, HF_OK, "" },
    { 65536,
      65536,
      { .bytes = 64 * KIB + 1 },
      HF_ERR_LOCKED_MEMORY,
      "68 KiB of locked memory are needed beside the 0 KiB in use, but RLIMIT_MEMLOCK is 64 KiB (hard limit 64 KiB); "
      "to have 68 KiB: LimitMEMLOCK=68K in the systemd unit, memlock 68 in limits.conf, docker run --ulimit memlock=69632, "
      "or setcap cap_ipc_lock=ep on the program" },
    { 65536,
      8 << 20,
      { .bytes = 128 * KIB },
      HF_ERR_LOCKED_MEMORY,
      "128 KiB of locked memory are needed beside the 0 KiB in use, but RLIMIT_MEMLOCK is 64 KiB; its hard limit allows it: "
      "raise the soft one (ulimit -l 128)" },
    { 65536, 8 << 20, { .bytes = 128 * KIB, .raise = true }, HF_OK, "" },
    { 65536,
      8 << 20,
      { .bytes = 12 * MIB, .raise = true },
      HF_ERR_LOCKED_MEMORY,
      "12288 KiB of locked memory are needed beside the 0 KiB in use, but RLIMIT_MEMLOCK is 8192 KiB (hard limit 8192 "
      "KiB); " HOW_12M },
    /* a pool takes 64 KiB for the first of its secrets, unless there is less and nothing else wants it */
    { 65536,
      65536,
      { .secrets = 16, .secret_bytes = 32, .buffers = 2, .buffer_bytes = 1000 },
      HF_ERR_LOCKED_MEMORY,
      "80 KiB of locked memory are needed beside the 0 KiB in use, but RLIMIT_MEMLOCK is 64 KiB (hard limit 64 KiB); "
      "to have 80 KiB: LimitMEMLOCK=80K in the systemd unit, memlock 80 in limits.conf, docker run --ulimit memlock=81920, "
      "or setcap cap_ipc_lock=ep on the program" },
    { 65536,
      65536,
      { .bytes = 1, .secrets = 1, .secret_bytes = 32 },
      HF_ERR_LOCKED_MEMORY,
      "68 KiB of locked memory are needed beside the 0 KiB in use, but RLIMIT_MEMLOCK is 64 KiB (hard limit 64 KiB); "
      "to have 68 KiB: LimitMEMLOCK=68K in the systemd unit, memlock 68 in limits.conf, docker run --ulimit memlock=69632, "
      "or setcap cap_ipc_lock=ep on the program" },
    { 81920, 81920, { .secrets = 16, .secret_bytes = 32, .buffers = 2, .buffer_bytes = 1000 }, HF_OK, "" },
    { 32768, 32768, { .secrets = 16, .secret_bytes = 32 }, HF_OK, "" },
    { 8 << 20, 8 << 20, { .bytes = 8 * MIB }, HF_OK, "" },
    { 8 << 20,
      8 << 20,
      { .bytes = 12 * MIB },
      HF_ERR_LOCKED_MEMORY,
      "12288 KiB of locked memory are needed beside the 0 KiB in use, but RLIMIT_MEMLOCK is 8192 KiB (hard limit 8192 "
      "KiB); " HOW_12M },
    { 8 << 20,
      8 << 20,
      { .buffers = SIZE_MAX / 2, .buffer_bytes = 4096 },
      HF_ERR_LOCKED_MEMORY,
      "more locked memory is needed than there can be" },
    { 8 << 20, 8 << 20, { .buffers = 1, .buffer_bytes = 0 }, HF_ERR_BOUNDS, "" },
    { 8 << 20, 8 << 20, { .secrets = 1, .secret_bytes = 16 * MIB + 1 }, HF_ERR_BOUNDS, "" },
};

static int sentence(const void *arg)
{
    const sentence_case *c = arg;
    hf_lock_plan plan = { .needed_bytes = 1 };
    hf_harden_why why = { "" };

    nobody_with(c->soft, c->hard);
    hf_err err = hf_lock_plan_make(&c->need, &plan, &why);
    if (err != c->err || strcmp(why.text, c->why) != 0)
        fprintf(stderr, "# %d: %s\n", (int)err, why.text);
    WANT(err == c->err && strcmp(why.text, c->why) == 0);
    struct rlimit now;
    WANT(getrlimit(RLIMIT_MEMLOCK, &now) == 0 && now.rlim_cur == (c->need.raise ? c->hard : c->soft));
    WANT(err == HF_ERR_BOUNDS ? plan.needed_bytes == 1
                              : plan.raised == c->need.raise && plan.budget.soft_bytes == now.rlim_cur);
    WANT(hf_lock_plan_make(&c->need, NULL, NULL) == c->err && own_kib("VmLck") == 0);
    return 0;
}

static void sentences_are_exact(void **state)
{
    (void)state;
    for (size_t i = 0; i < HF_COUNT(sentences); i++) {
        struct rlimit now;
        assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &now), 0);
        if (sentences[i].hard <= now.rlim_max || geteuid() == 0)
            assert_passes(sentence, &sentences[i]);
    }
}

/* ---- what is in use ---- */

static int in_use(const void *arg)
{
    (void)arg;
    hf_lock_budget b;
    hf_harden_why why;

    nobody_with(65536, 65536);
    void *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    WANT(p != MAP_FAILED && hf_lock_budget_get(&b) == HF_OK && b.locked_bytes == 0 && b.free_bytes == 65536);
    WANT(mlock(p, 20480) == 0 && hf_lock_budget_get(&b) == HF_OK);
    WANT(b.locked_bytes == 20480 && b.free_bytes == 45056 && !b.exempt && b.note[0] == '\0');
    WANT(hf_lock_plan_make(&(hf_lock_need) { .bytes = 45056 }, NULL, NULL) == HF_OK);
    WANT(hf_lock_plan_make(&(hf_lock_need) { .bytes = 45057 }, NULL, &why) == HF_ERR_LOCKED_MEMORY);
    WANT(strstr(why.text, "48 KiB of locked memory are needed beside the 20 KiB in use") == why.text);
    WANT(mlock(p, 65536) == 0 && hf_lock_budget_get(&b) == HF_OK && b.free_bytes == 0);
    return 0;
}

static void what_is_locked_counts(void **state)
{
    (void)state;
    SKIP_IF(TEST_SANITIZED, "skipped: a sanitizer locks nothing");
    assert_passes(in_use, NULL);
}

/* ---- whom the limit binds: what is said is compared with what mlock does ---- */

static bool can_lock_beyond(size_t limit)
{
    void *p = mmap(NULL, limit + 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    WANT(p != MAP_FAILED);
    bool can = mlock2(p, limit + 4096, MLOCK_ONFAULT) == 0;
    WANT(munmap(p, limit + 4096) == 0);
    return can;
}

static int root_is_exempt(const void *arg)
{
    const rlim_t limit = *(const rlim_t *)arg;
    hf_lock_budget b;

    set_limit(RLIMIT_MEMLOCK, limit, limit);
    WANT(can_lock_beyond(limit) && hf_lock_budget_get(&b) == HF_OK);
    WANT(b.exempt && b.free_bytes == SIZE_MAX && b.soft_bytes == limit && strstr(b.note, "CAP_IPC_LOCK") != NULL);
    WANT(hf_lock_plan_make(&(hf_lock_need) { .bytes = 64 * MIB }, NULL, NULL) == HF_OK);
    WANT(own_kib("VmLck") == 0); /* trying left nothing locked */
    return 0;
}

static void drop_lock_capability(void)
{
    struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[2];

    WANT(syscall(SYS_capget, &head, data) == 0);
    data[0].effective &= ~(1u << CAP_IPC_LOCK);
    WANT(syscall(SYS_capset, &head, data) == 0);
}

static int root_without_it(const void *arg)
{
    (void)arg;
    hf_lock_budget b;
    hf_harden_why why;

    set_limit(RLIMIT_MEMLOCK, 8 << 20, 8 << 20);
    drop_lock_capability();
    WANT(!can_lock_beyond(8 * MIB) && hf_lock_budget_get(&b) == HF_OK);
    WANT(!b.exempt && b.free_bytes == 8 * MIB && strstr(b.note, "root") != NULL);
    WANT(hf_lock_plan_make(&(hf_lock_need) { .bytes = 9 * MIB }, NULL, &why) == HF_ERR_LOCKED_MEMORY);
    WANT(strstr(why.text, "; the process is root's, but without CAP_IPC_LOCK: RLIMIT_MEMLOCK binds it") != NULL);
    return 0;
}

static int root_of_a_namespace(const void *arg)
{
    (void)arg;
    hf_lock_budget b;

    nobody_with(8 << 20, 8 << 20);
    if (unshare(CLONE_NEWUSER) != 0) {
        fprintf(stderr, "# not tried: no user namespaces here\n");
        return 0;
    }
    WANT((hf_process_capabilities() >> CAP_IPC_LOCK & 1) == 1);
    WANT(!can_lock_beyond(8 * MIB) && hf_lock_budget_get(&b) == HF_OK);
    WANT(!b.exempt && b.free_bytes == 8 * MIB && strstr(b.note, "user namespace") != NULL);
    return 0;
}

/* Only a process with CAP_SYS_RESOURCE may lift a hard limit; where root lacks that, the kernel's answer is replaced. */
static bool pretend_unlimited;
int __real_getrlimit64(__rlimit_resource_t resource, struct rlimit *ret);
int __wrap_getrlimit64(__rlimit_resource_t resource, struct rlimit *ret);
int __wrap_getrlimit64(__rlimit_resource_t resource, struct rlimit *ret)
{
    int rc = __real_getrlimit64(resource, ret);

    if (pretend_unlimited && resource == RLIMIT_MEMLOCK)
        *ret = (struct rlimit) { RLIM_INFINITY, RLIM_INFINITY };
    return rc;
}

static int unlimited(const void *arg)
{
    (void)arg;
    hf_lock_budget b;

    const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
    pretend_unlimited = setrlimit(RLIMIT_MEMLOCK, &none) != 0;
    become_nobody();
    WANT(hf_lock_budget_get(&b) == HF_OK && !b.exempt && b.note[0] == '\0');
    WANT(b.soft_bytes == SIZE_MAX && b.hard_bytes == SIZE_MAX && b.free_bytes == SIZE_MAX);
    WANT(hf_lock_budget_buffers(&b, 32) == SIZE_MAX && hf_lock_budget_secrets(&b, 32) == SIZE_MAX);
    WANT(hf_lock_plan_make(&(hf_lock_need) { .bytes = 1024 * MIB }, NULL, NULL) == HF_OK);
    return 0;
}

/* Even where there is no address space to try it in. */
static int no_room_to_try(const void *arg)
{
    const bool root = arg == NULL;
    hf_lock_budget b;

    set_limit(RLIMIT_MEMLOCK, 8 << 20, 8 << 20);
    if (!root)
        become_nobody();
    rlim_t mapped = (rlim_t)own_kib("VmSize") << 10;
    set_limit(RLIMIT_AS, mapped + 4 * MIB, mapped + 4 * MIB);
    WANT(mmap(NULL, 8 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    WANT(hf_lock_budget_get(&b) == HF_OK && b.exempt == root);
    return 0;
}

static void it_is_said_whom_the_limit_binds(void **state)
{
    static const rlim_t limits[] = { 0, 65536, 8 << 20 };
    (void)state;
    SKIP_IF(geteuid() != 0, "skipped: needs root");
    for (size_t i = 0; i < HF_COUNT(limits); i++)
        assert_passes(root_is_exempt, &limits[i]);
    assert_passes(root_without_it, NULL);
    assert_passes(unlimited, NULL);
}

static void containers_root_is_bound(void **state)
{
    (void)state;
    assert_passes(root_of_a_namespace, NULL);
}

static void without_address_space_capabilities_are_believed(void **state)
{
    (void)state;
    SKIP_IF(geteuid() != 0, "skipped: needs root");
    SKIP_IF(TEST_SANITIZED, "skipped: a sanitizer takes all address space");
    assert_passes(no_room_to_try, NULL);
    assert_passes(no_room_to_try, "nobody");
}

/* ---- a plan keeps what it promises ---- */

typedef struct promise {
    size_t bytes; /* of each */
    bool buffers;
    bool secretmem;
} promise;

static size_t make_buffers(size_t n, size_t most)
{
    const hf_buffer_spec spec = { .bytes = n, .weakest = HF_BACKING_MLOCK, .at_rest = HF_ACCESS_READ_WRITE };
    const char *why;
    hf_buffer *b;
    size_t made = 0;

    while (made < most && hf_buffer_new(&spec, &b, &why) == HF_OK)
        made++;
    return made;
}

static size_t make_secrets(size_t n, size_t most)
{
    const hf_pool_spec spec = { .max_bytes = 64 * MIB, .first_bytes = 4096, .weakest = HF_BACKING_MLOCK };
    const char *why;
    hf_pool *pool = NULL;
    void *block;
    size_t made = 0;

    WANT(hf_pool_new(&spec, &pool, &why) == HF_OK);
    while (made < most && hf_pool_alloc(pool, n, &block) == HF_OK)
        made++;
    return made;
}

static int promised(const void *arg)
{
    const promise *p = arg;
    hf_lock_budget b;

    nobody_with(2 << 20, 2 << 20);
    if (!p->secretmem)
        refuse_call(447, -1, 0, ENOSYS);
    WANT(hf_lock_budget_get(&b) == HF_OK && b.free_bytes == 2 * MIB);
    size_t fit = p->buffers ? hf_lock_budget_buffers(&b, p->bytes) : hf_lock_budget_secrets(&b, p->bytes);
    const hf_lock_need need = { .secrets = p->buffers ? 0 : fit,
                                .secret_bytes = p->bytes,
                                .buffers = p->buffers ? fit : 0,
                                .buffer_bytes = p->bytes };
    WANT(hf_lock_plan_make(&need, NULL, NULL) == HF_OK);
    size_t made = (p->buffers ? make_buffers : make_secrets)(p->bytes, SIZE_MAX);
    if (made < fit || fit < made * 9 / 10)
        fprintf(stderr, "# %zu bytes, %s, %s: promised %zu, had %zu\n", p->bytes, p->buffers ? "buffers" : "secrets",
                p->secretmem ? "memfd_secret" : "mlock", fit, made);
    WANT(made >= fit);
    WANT(fit >= made * 9 / 10); /* nor is it timid */
    return 0;
}

static void what_is_promised_can_be_had(void **state)
{
    static const size_t sizes[] = { 1, 32, 64, 100, 1000, 4000, 4080, 4081, 5000, 16384, 40000, 100000 };
    (void)state;
    SKIP_IF(TEST_SANITIZED, "skipped: a sanitizer build locks nothing");
    for (size_t i = 0; i < 4 * HF_COUNT(sizes); i++) {
        const promise p = { sizes[i / 4], i % 2 != 0, i / 2 % 2 != 0 };
        assert_passes(promised, &p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences_are_exact),
        cmocka_unit_test(what_is_locked_counts),
        cmocka_unit_test(it_is_said_whom_the_limit_binds),
        cmocka_unit_test(containers_root_is_bound),
        cmocka_unit_test(without_address_space_capabilities_are_believed),
        cmocka_unit_test(what_is_promised_can_be_had),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
