/*
 * holdfast-unseal: opens one root-key backend, hands the root key to core and ends. It lives for milliseconds, and as
 * long as Argon2id takes when it has to be given a passphrase, which core sends it first.
 *
 *   holdfast-unseal [--uid N --gid N] KIND      descriptors: 3 the channel to core, 4 the seal folder
 *
 * Exit: 0 core took the key; 1 the seal cannot be opened (the sentence went to core and to stderr); 4 the passphrase does
 * not open it; 7 core went away, sent no passphrase or refused the key.
 */
#include "base/log.h"
#include "crypto/crypto.h"
#include "ipc/channel.h"
#include "proto/gen/messages.h"
#include "seal/seal.h"
#include "sys/fd.h"
#include "sys/rules.h"
#include "sys/sandbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHANNEL_FD 3
#define SEAL_DIR_FD 4
#define ARENA_BYTES (4u << 20)
#define ANSWER_MS 30000
#define EXIT_SEAL 1
#define EXIT_REFUSED 4
#define EXIT_CORE 7

/* After the sandbox: read the seal file, work in memory, talk to core. */
static const hf_syscall_rule allowed[] = {
    HF_RULES_BASE, HF_RULES_HEAP,      HF_RULES_MESSAGES, HF_SYS(poll),  HF_SYS(ppoll),
    HF_SYS(fstat), HF_SYS(newfstatat), HF_SYS(pread64),   HF_SYS(lseek),
};

struct arguments {
    uid_t uid;
    gid_t gid;
    const hf_seal_backend *backend;
    bool strict; /* HOLDFAST_STRICT=1, from the supervisor */
};

static void arguments_read(int argc, char **argv, struct arguments *ret)
{
    int at = 1;

    const char *strict = getenv("HOLDFAST_STRICT");

    *ret =
        (struct arguments) { .uid = (uid_t)-1, .gid = (gid_t)-1, .strict = strict != NULL && strcmp(strict, "1") == 0 };
    if (argc > 4 && strcmp(argv[1], "--uid") == 0 && strcmp(argv[3], "--gid") == 0) {
        ret->uid = (uid_t)strtoul(argv[2], NULL, 10);
        ret->gid = (gid_t)strtoul(argv[4], NULL, 10);
        at = 5;
    }
    if (argc != at + 1)
        hf_fatal("usage: holdfast-unseal [--uid N --gid N] KIND (started by holdfastd)");
    ret->backend = hf_seal_find(hf_view_str(argv[at]));
    if (ret->backend == NULL)
        hf_fatal("there is no seal of kind '%s'", argv[at]);
}

static void buffer_free(void *buffer)
{
    hf_secret_free(buffer);
}

/* The arena, what the backend needs beside it, and a channel whose received bytes lie in it. */
static hf_channel *memory_start(bool strict, hf_protections *report)
{
    hf_arena_spec spec = { ARENA_BYTES, strict ? HF_BACKING_MEMFD_SECRET : HF_BACKING_MALLOC };
    hf_arena *arena = NULL;
    hf_channel *core = NULL;
    hf_secret *buffer = NULL;
    const char *why = "";

    if (hf_arena_create(&spec, &arena, &why) != HF_OK)
        hf_fatal("%s", why);
    hf_protections_add(report, "locked-memory", why[0] == '\0' ? HF_ACTIVE : HF_DEGRADED, why);
    hf_secret_use_arena(arena);
    if (hf_crypto_start(arena) != HF_OK)
        hf_fatal("the crypto library cannot be started");
    if (hf_channel_new(CHANNEL_FD, HF_FRAME_MAX_BYTES, hf_message_max_body, &core) != HF_OK)
        hf_fatal("descriptor 3 is not a channel");
    if (hf_secret_new(HF_FRAME_MAX_BYTES, &buffer) != HF_OK)
        hf_fatal("there is no memory for messages");
    hf_channel_receive_in(core, hf_secret_bytes(buffer), buffer_free, buffer);
    return core;
}

/* Descriptor and memory of the seal, while there still is a file system to take them from. */
static hf_err source_open(const struct arguments *args, struct hf_seal_source *ret, hf_protections *report,
                          struct hf_seal_why *why)
{
    const char *lacks = "";

    hf_err err = args->backend->prepare(SEAL_DIR_FD, ret, why);
    close(SEAL_DIR_FD);
    HF_TRY(err);
    err = hf_seal_work_memory(ret->work_bytes, args->strict, &lacks);
    if (err != HF_OK)
        snprintf(why->text, sizeof(why->text), "the passphrase cannot be worked on in locked memory: %s", lacks);
    else if (lacks[0] != '\0')
        hf_protections_add(report, "locked-memory", HF_DEGRADED, lacks);
    return err;
}

static void sandbox_enter(const struct arguments *args, hf_protections *report)
{
    hf_sandbox box = {
        .process = "unseal",
        .uid = args->uid,
        .gid = args->gid,
        .max_files = 16,
        .allowed = allowed,
        .n_allowed = HF_COUNT(allowed),
    };

    if (hf_sandbox_enter(&box, args->strict, report) != HF_OK)
        hf_fatal("the sandbox cannot be entered");
}

/* ---- the passphrase ---- */

static hf_err passphrase_take(hf_channel *core, hf_secret **ret)
{
    const char *failed = "";
    hf_message m;
    struct hf_unseal_secret secret = { NULL };

    if (hf_crypto_selftest_argon2(&failed) != HF_OK)
        hf_fatal("power-up self-test failed: %s", failed);
    HF_TRY(hf_channel_wait(core, ANSWER_MS, &m));
    hf_err err = m.type == HF_MSG_UNSEAL_SECRET ? hf_unseal_secret_decode(m.body, &secret) : HF_ERR_MALFORMED;
    hf_channel_release(&m);
    HF_TRY(err);
    *ret = secret.passphrase;
    return HF_OK;
}

/* ---- the root key ---- */

/* Sends one message and waits for core's ACK to it. HF_ERR_PEER_GONE and the like, or what the ACK says. */
static hf_err ask_core(hf_channel *core, uint16_t type, hf_view body)
{
    hf_message m;
    struct hf_ack ack;

    HF_TRY(hf_channel_send(core, type, 1, body, NULL, 0));
    HF_TRY(hf_channel_drain(core, ANSWER_MS));
    hf_crypto_end_job(); /* copying the key left it in vector registers, and the wait can be long */
    HF_TRY(hf_channel_wait(core, ANSWER_MS, &m));
    hf_err err = m.type == HF_MSG_ACK ? hf_ack_decode(m.body, &ack) : HF_ERR_MALFORMED;
    hf_channel_release(&m);
    HF_TRY(err);
    return ack.error < HF_ERR_COUNT ? (hf_err)ack.error : HF_ERR_MALFORMED;
}

static hf_err put_protections(const hf_protections *report, hf_writer *w)
{
    for (size_t i = 0; i < report->n; i++) {
        const hf_protection *p = &report->row[i];
        struct hf_protection_row row = {
            .process = hf_view_str("unseal"),
            .name = hf_view_str(p->name),
            .state = (uint8_t)p->state,
            .why = hf_view_str(p->why),
        };
        HF_TRY(hf_protection_row_encode(&row, w));
    }
    return HF_OK;
}

static hf_err root_send(hf_channel *core, const hf_seal_backend *backend, hf_secret *root, const hf_protections *report)
{
    uint8_t list[3500];
    hf_writer rows = hf_writer_on(list, sizeof(list));
    HF_AUTO(hf_secret_freep) hf_secret *body = NULL;

    HF_TRY(put_protections(report, &rows));
    HF_TRY(hf_secret_new(hf_message_max_body(HF_MSG_ROOT_KEY), &body));
    hf_writer w = hf_writer_on(hf_secret_bytes(body), hf_secret_len(body));
    struct hf_root_key m = { .root = root, .seal = hf_view_str(backend->name), .protections = hf_writer_view(&rows) };
    HF_TRY(hf_root_key_encode(&m, &w));
    return ask_core(core, HF_MSG_ROOT_KEY, hf_writer_view(&w));
}

/* Core learns the reason too; that it may be gone changes nothing here. */
static int seal_failed(hf_channel *core, hf_err err, const struct hf_seal_why *why)
{
    uint8_t body[1024];
    const char *text = why->text[0] != '\0' ? why->text : hf_err_text(err);
    hf_writer w = hf_writer_on(body, sizeof(body));
    struct hf_unseal_failed m = { .error = (uint16_t)err, .what = hf_view_str(text) };

    hf_log(err == HF_ERR_DENIED ? HF_LOG_WARN : HF_LOG_ERROR, "%s", text);
    if (hf_unseal_failed_encode(&m, &w) != HF_OK ||
        hf_channel_send(core, HF_MSG_UNSEAL_FAILED, 1, hf_writer_view(&w), NULL, 0) != HF_OK ||
        hf_channel_drain(core, ANSWER_MS) != HF_OK)
        hf_log(HF_LOG_WARN, "core could not be told");
    return err == HF_ERR_DENIED ? EXIT_REFUSED : EXIT_SEAL;
}

static hf_err seal_open(const struct arguments *args, hf_channel *core, int fd, hf_secret **ret,
                        struct hf_seal_why *why)
{
    HF_AUTO(hf_secret_freep) hf_secret *passphrase = NULL;

    if (args->backend->asks_passphrase)
        HF_TRY(passphrase_take(core, &passphrase));
    return args->backend->open(fd, passphrase, ret, why);
}

static int hand_over(hf_channel *core, const hf_seal_backend *backend, hf_secret *root, const hf_protections *report)
{
    hf_err err = root_send(core, backend, root, report);

    hf_secret_free(root);
    if (err != HF_OK)
        hf_log(HF_LOG_ERROR, "core did not take the root key: %s", hf_err_text(err));
    hf_channel_free(core);
    return err == HF_OK ? EXIT_SUCCESS : EXIT_CORE;
}

int main(int argc, char **argv)
{
    struct arguments args;
    hf_protections report = { 0 };
    struct hf_seal_why why = { "" };
    struct hf_seal_source source = { .fd = -1 };
    hf_secret *root = NULL;

    hf_log_init("holdfast-unseal");
    if (hf_sandbox_begin(SEAL_DIR_FD + 1, getppid(), &report) != HF_OK)
        hf_fatal("the first protections cannot be had");
    arguments_read(argc, argv, &args);
    hf_channel *core = memory_start(args.strict, &report);
    hf_err err = source_open(&args, &source, &report, &why);
    if (err != HF_OK)
        return seal_failed(core, err, &why);

    sandbox_enter(&args, &report);
    err = seal_open(&args, core, source.fd, &root, &why);
    if (err != HF_OK)
        return seal_failed(core, err, &why);
    return hand_over(core, args.backend, root, &report);
}
