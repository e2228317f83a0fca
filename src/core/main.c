/* core: the one process that holds HSM keys. main reads like the recipe in docs/PROCESSES.md. */
#include "core/core.h"
#include "core/metrics.h"
#include "core/tls_keys.h"
#include "core/unsealing.h"

#include "base/log.h"
#include "crypto/crypto.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUPERVISOR_FD 3
#define START_TIMEOUT_MS 30000

static core the_core;

/* Configuration, files, ring and keyset come before anything else; peers may come with them. */
static hf_err receive_start(core *c, hf_channel *supervisor)
{
    while (!boot_complete(c)) {
        hf_message m;
        HF_TRY(hf_channel_wait(supervisor, START_TIMEOUT_MS, &m));
        HF_CHECK(hf_message_allowed(m.type, HF_PEER_SUPERVISOR) && m.type != HF_MSG_PEER_CHANNEL, HF_ERR_MALFORMED);
        boot_supervisor_message(c, &m);
        hf_channel_release(&m);
    }
    return HF_OK;
}

static void make_arena(core *c)
{
    const char *why = "";
    hf_arena_spec spec = {
        .bytes = (size_t)c->config.arena_mib << 20,
        .weakest = c->config.strict ? HF_BACKING_MEMFD_SECRET : HF_BACKING_MALLOC,
    };

    if (hf_arena_create(&spec, &c->arena, &why) != HF_OK)
        hf_fatal("locked memory cannot be had: %s", why);
    hf_backing backing = hf_arena_backing(c->arena);
    hf_protections_add(&c->protections, "locked-memory", backing == HF_BACKING_MEMFD_SECRET ? HF_ACTIVE : HF_DEGRADED,
                       backing == HF_BACKING_MEMFD_SECRET ? "" : why);
    if (backing != HF_BACKING_MEMFD_SECRET)
        hf_log(HF_LOG_WARN, "keys lie in %s memory: %s", hf_backing_name(backing), why);
    hf_secret_use_arena(c->arena);
}

/* Held for microseconds, so whoever finds it taken spins for a moment: a sleep and a wake-up cost several times more. */
static hf_err make_lock(pthread_mutex_t *lock)
{
    pthread_mutexattr_t attr;

    HF_CHECK(pthread_mutexattr_init(&attr) == 0, HF_ERR_SYSTEM);
    bool ok = pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ADAPTIVE_NP) == 0 && pthread_mutex_init(lock, &attr) == 0;
    pthread_mutexattr_destroy(&attr);
    return ok ? HF_OK : HF_ERR_SYSTEM;
}

static void start_crypto(core *c)
{
    const char *failed = "";

    if (hf_crypto_start(c->arena) != HF_OK)
        hf_fatal("the cryptographic library cannot be started in the arena");
    if (hf_crypto_selftest(&failed) != HF_OK || hf_crypto_selftest_hpke(&failed) != HF_OK)
        hf_fatal("power-up self-test failed: %s", failed);
}

static hf_err make_parts(core *c)
{
    struct hf_limits_spec limits = { .rate = c->config.actor_rate, .burst = c->config.actor_burst };

    c->scratch = malloc(sizeof(*c->scratch));
    HF_CHECK(c->scratch != NULL, HF_ERR_SYSTEM);
    HF_TRY(hf_random(limits.seed, sizeof(limits.seed)));
    HF_TRY(hf_limits_new(&limits, &c->limits));
    HF_TRY(metrics_new(&c->metrics));
    HF_TRY(verdicts_new(&c->verdicts));
    HF_TRY(revocations_new(&c->revocations));
    HF_TRY(sessions_new(&c->sessions));
    HF_TRY(failures_new(&c->failures));
    HF_TRY(answers_new(&c->answers));
    HF_TRY(cache_new((size_t)c->config.key_cache_mib << 20, &c->cache));
    HF_TRY(index_new(&c->index));
    HF_TRY(tls_keys_new(&c->tls_keys));
    request_queue_init(&c->waiting_changes);
    request_queue_init(&c->waiting_keyset);
    durable_init(c);
    for (uint32_t i = 0; i < c->n_lanes; i++) {
        lane *l = &c->lanes[i];
        l->core = c;
        l->number = i;
        l->reply = malloc(HF_MESSAGE_MAX_BYTES);
        HF_CHECK(l->reply != NULL, HF_ERR_SYSTEM);
        HF_TRY(hf_loop_new(&l->loop));
    }
    return journal_start(c);
}

static void report_ready(core *c)
{
    uint8_t list[8000], bytes[8192];
    hf_writer items = hf_writer_on(list, sizeof(list)), w = hf_writer_on(bytes, sizeof(bytes));

    for (size_t i = 0; i < c->protections.n; i++) {
        const hf_protection *p = &c->protections.row[i];
        struct hf_protection_row row = {
            .process = hf_view_str("core"),
            .name = hf_view_str(p->name),
            .state = (uint8_t)p->state,
            .why = hf_view_str(p->why),
        };
        if (hf_protection_row_encode(&row, &items) != HF_OK)
            hf_fatal("the protections of core cannot be reported");
    }
    struct hf_ready m = { .protections = hf_writer_view(&items) };
    if (hf_ready_encode(&m, &w) != HF_OK)
        hf_fatal("the protections of core cannot be reported");
    peer_send(c->supervisor, HF_MSG_READY, 0, hf_writer_view(&w));
}

static hf_sandbox sandbox_of(int argc, char **argv)
{
    hf_sandbox s = {
        .process = "core",
        .uid = (uid_t)-1,
        .gid = (gid_t)-1,
        .max_files = 256,
        .allow_threads = true,
        .allowed = core_syscalls,
        .n_allowed = core_syscall_count,
    };

    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--uid") == 0)
            s.uid = (uid_t)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--gid") == 0)
            s.gid = (gid_t)strtoul(argv[i + 1], NULL, 10);
    }
    return s;
}

/* Lanes inherit ids, namespace and Landlock from here, exist before the filter, and run after it. */
static void give_up_everything(core *c, const hf_sandbox *sandbox)
{
    if (hf_sandbox_drop(sandbox, c->config.strict, &c->protections) != HF_OK)
        hf_fatal("strict mode: a protection cannot be had; `holdfast capabilities` of a start without it names which");
    if (lanes_make(c) != HF_OK || slow_make(c) != HF_OK)
        hf_fatal("the lanes cannot be started");
    if (!hf_arena_seal(c->arena))
        hf_log(HF_LOG_INFO, "this kernel cannot seal the arena's mapping");
    if (hf_sandbox_filter(sandbox, c->config.strict, &c->protections) != HF_OK)
        hf_fatal("strict mode: the system call filter cannot be had");
}

int main(int argc, char **argv)
{
    core *c = &the_core;
    hf_sandbox sandbox = sandbox_of(argc, argv);
    hf_channel *channel;
    peer *supervisor;

    hf_log_init("core");
    if (hf_sandbox_begin(SUPERVISOR_FD + 1, getppid(), &c->protections) != HF_OK)
        hf_fatal("the process cannot be hardened");
    if (make_lock(&c->lock) != HF_OK)
        hf_fatal("the lock of core cannot be made");
    c->started = hf_mono_now();
    c->state = CORE_SEALED;

    if (unsealing_new(&c->unsealing) != HF_OK || kept_new(&c->kept) != HF_OK)
        hf_fatal("core cannot be set up: memory is short");
    if (hf_channel_new(SUPERVISOR_FD, 1u << 20, hf_message_max_body, &channel) != HF_OK ||
        receive_start(c, channel) != HF_OK)
        hf_fatal("no start-up messages from the supervisor: core is started by holdfastd, not by hand");
    make_arena(c);
    if (keyset_lock(c) != HF_OK)
        hf_fatal("the keyset has HS256 secrets, and there is no locked memory for it");
    start_crypto(c);
    if (make_parts(c) != HF_OK)
        hf_fatal("core cannot be set up: memory is short, or the configuration has a rate above 1000000");
    if (peer_adopt(c, &c->lanes[0], HF_PEER_SUPERVISOR, channel, &supervisor) != HF_OK)
        hf_fatal("the supervisor's channel cannot be watched");
    give_up_everything(c, &sandbox);
    report_ready(c);
    lanes_run(c);
    for (;;)
        pause(); /* the lanes do the work; main holds no key */
}
