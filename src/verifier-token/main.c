/* verifier-token: reads bearer tokens for core in a process that holds nothing worth stealing (but HS256 secrets). */
#include "base/log.h"
#include "crypto/crypto.h"
#include "proto/gen/messages.h"
#include "verifier-token/syscalls.h"
#include "verifier-token/verifier.h"
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

#define SUPERVISOR_FD 3
#define SUPERVISOR_QUEUE_BYTES (64u << 10)
#define CONFIG_WAIT_MS 10000
#define FILES_MAX 16
/* Room for the secrets of two full keysets, the old and the new one. */
#define ARENA_BYTES (512u << 10)

struct arguments {
    uid_t uid;
    gid_t gid;
};

static unsigned id_parse(const char *text)
{
    char *end;
    unsigned long n;

    errno = 0;
    n = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || n >= UINT32_MAX)
        hf_fatal("not a user or group number: %s", text);
    return (unsigned)n;
}

static struct arguments arguments_parse(int argc, char **argv)
{
    static const struct option options[] = {
        { "uid", required_argument, NULL, 'u' },
        { "gid", required_argument, NULL, 'g' },
        { 0 },
    };
    struct arguments a = { .uid = (uid_t)-1, .gid = (gid_t)-1 };
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'u')
            a.uid = id_parse(optarg);
        else if (c == 'g')
            a.gid = id_parse(optarg);
        else
            hf_fatal("usage: verifier-token [--uid N --gid N]; started by holdfastd only");
    }
    return a;
}

static void configuration_wait(struct verifier *v)
{
    hf_message m;

    if (hf_channel_new(SUPERVISOR_FD, SUPERVISOR_QUEUE_BYTES, verifier_supervisor_max_body, &v->supervisor) != HF_OK)
        hf_fatal("descriptor %d is not the supervisor's channel; this program is started by holdfastd only",
                 SUPERVISOR_FD);
    if (hf_channel_wait(v->supervisor, CONFIG_WAIT_MS, &m) != HF_OK)
        hf_fatal("the supervisor sent no configuration");
    if (m.type != HF_MSG_CONFIG_VERIFIER || verifier_configure(v, m.body) != HF_OK)
        hf_fatal("the supervisor's first message is not a valid configuration");
    hf_channel_release(&m);
}

/* The secrets of HS256 lie locked; what OpenSSL copies of one while it computes a MAC is wiped right after. */
static void make_arena(struct verifier *v)
{
    hf_arena_spec spec = { .bytes = ARENA_BYTES, .weakest = v->strict ? HF_BACKING_MEMFD_SECRET : HF_BACKING_MALLOC };
    const char *why = "";
    hf_arena *arena;
    hf_backing backing;

    if (hf_arena_create(&spec, &arena, &why) != HF_OK)
        hf_fatal("locked memory for the secrets of HS256 cannot be had: %s", why);
    backing = hf_arena_backing(arena);
    hf_protections_add(&v->protections, "locked-memory", backing == HF_BACKING_MEMFD_SECRET ? HF_ACTIVE : HF_DEGRADED,
                       backing == HF_BACKING_MEMFD_SECRET ? "" : why);
    hf_secret_use_arena(arena);
}

static void give_up_everything(struct verifier *v, const struct arguments *a)
{
    const hf_sandbox sandbox = {
        .process = "verifier-token",
        .uid = a->uid,
        .gid = a->gid,
        .max_files = FILES_MAX,
        .allowed = verifier_syscalls,
        .n_allowed = verifier_syscall_count,
    };

    if (hf_sandbox_enter(&sandbox, v->strict, &v->protections) != HF_OK)
        hf_fatal("the sandbox cannot be had");
}

int main(int argc, char **argv)
{
    struct verifier v = { 0 };
    struct arguments arguments;

    hf_log_init("verifier-token");
    if (hf_sandbox_begin(SUPERVISOR_FD + 1, getppid(), &v.protections) != HF_OK)
        hf_fatal("the process cannot be protected");
    arguments = arguments_parse(argc, argv);
    if (hf_crypto_start(NULL) != HF_OK)
        hf_fatal("OpenSSL cannot be started");
    configuration_wait(&v);
    if (v.hs256)
        make_arena(&v);
    if (hf_loop_new(&v.loop) != HF_OK || verifier_attach(&v) != HF_OK)
        hf_fatal("the event loop cannot be made");
    give_up_everything(&v, &arguments);
    if (hf_loop_run(v.loop) != HF_OK)
        hf_fatal("the event loop failed");
    _exit(v.exit_code);
}
