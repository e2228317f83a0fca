/*
 * init: makes the data folder of a new HSM. Run by 'holdfast init'.
 * Exit: 0 done; 1 failure; 2 usage; 5 the folder or the administrator's key exists already.
 */
#include "ask/ask.h"
#include "base/log.h"
#include "crypto/crypto.h"
#include "init/admin_key.h"
#include "init/contents.h"
#include "seal/seal.h"
#include "sys/fd.h"
#include "sys/process.h"
#include "sys/sandbox.h"
#include "sys/strict.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARENA_BYTES (6u << 20)
#define ROWS_CAP 8192
#define EXIT_CONFLICT 5

/* A second of work is not worth being interrupted: signals wait until the folder is there or removed. */
static void signals_hold(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

static hf_err memory_start(char why[static WHY_CAP])
{
    hf_arena *arena = NULL;
    const char *reason = "";
    bool strict = false;

    snprintf(why, WHY_CAP, "%s", HF_STRICT_WHY);
    HF_TRY(hf_strict_wanted(&strict));
    hf_err err = hf_arena_create(&(hf_arena_spec) { ARENA_BYTES, strict ? HF_BACKING_MLOCK : HF_BACKING_MALLOC },
                                 &arena, &reason);
    snprintf(why, WHY_CAP, "memory for the new keys cannot be had: %.300s", reason);
    HF_TRY(err);
    hf_secret_use_arena(arena);
    if (hf_arena_backing(arena) == HF_BACKING_MALLOC)
        hf_log(HF_LOG_WARN, "the new keys are not in locked memory");
    snprintf(why, WHY_CAP, "the crypto library cannot be started");
    return hf_crypto_start(arena);
}

/* Everything inside the unfinished folder; the administrator's key last, because it appears at its place at once. */
static hf_err contents_make(const struct init_options *o, const struct folder *f, const hf_secret *passphrase,
                            char why[static WHY_CAP])
{
    uint8_t rows_buffer[ROWS_CAP];
    hf_writer rows = hf_writer_on(rows_buffer, sizeof(rows_buffer));
    HF_AUTO(hf_secret_freep) hf_secret *root = NULL;

    snprintf(why, WHY_CAP, "the root key cannot be made");
    HF_TRY(hf_secret_new(HF_ROOT_KEY_BYTES, &root));
    HF_TRY(hf_random(hf_secret_bytes(root), HF_ROOT_KEY_BYTES));
    HF_TRY(contents_seal(o, f, root, passphrase, why));
    HF_TRY(contents_store(f, why));
    HF_TRY(contents_tls(o, f, why));
    HF_TRY(admin_key_make(o, f, &rows, why));
    return contents_keyset(f, root, hf_writer_view(&rows), why);
}

static hf_err folder_fill(const struct init_options *o, const struct folder *f, const hf_secret *passphrase,
                          char why[static WHY_CAP])
{
    bool anchor_made = false;

    HF_TRY(admin_key_check(o, f, why));
    HF_TRY(contents_conf(o, f, why));
    HF_TRY(contents_anchor(o, f, &anchor_made, why));
    hf_err err = contents_make(o, f, passphrase, why);
    if (err == HF_OK)
        err = folder_publish(f, why);
    if (err != HF_OK && anchor_made)
        rmdir(o->anchor);
    return err;
}

/* The passphrase of the new seal, and the memory that sealing with it takes. NULL where none is needed. */
static hf_err passphrase_get(const struct init_options *o, hf_secret **ret, char why[static WHY_CAP])
{
    const hf_seal_backend *backend = hf_seal_find(hf_view_str(o->seal));
    struct hf_ask ask = { .what = "passphrase",
                          .question = "New passphrase: ",
                          .again = "The same again: ",
                          .file = o->passphrase_file,
                          .option = "--passphrase-file",
                          .min = HF_PASSPHRASE_MIN_BYTES,
                          .max = HF_PASSPHRASE_MAX_BYTES };
    struct hf_ask_why reason = { "" };
    const char *failed = "", *lacks = "";

    if (backend == NULL || !backend->asks_passphrase || access(o->data, F_OK) == 0)
        return HF_OK; /* what is wrong with it is said in its place */
    hf_err err = hf_ask_secret(&ask, ret, &reason);
    snprintf(why, WHY_CAP, "%.300s", reason.text);
    HF_TRY(err);
    snprintf(why, WHY_CAP, "the self-test of Argon2id failed");
    HF_TRY(hf_crypto_selftest_argon2(&failed));
    err = hf_seal_work_memory(backend->create_work_bytes, false, &lacks);
    snprintf(why, WHY_CAP, "memory for the passphrase cannot be had: %.300s", lacks);
    if (err == HF_OK && lacks[0] != '\0')
        hf_log(HF_LOG_WARN, "what Argon2id computes is not in locked memory: %s", lacks);
    return err;
}

static int refuse(hf_err err, const char *why)
{
    hf_log(HF_LOG_ERROR, "%s", why);
    return err == HF_ERR_EXISTS || err == HF_ERR_CONFLICT ? EXIT_CONFLICT : EXIT_FAILURE;
}

static void report(const struct init_options *o, const struct folder *f)
{
    printf("data folder             %s\n", f->path);
    printf("administrator's key     %s (keep it apart from the data; it may mint tokens for any actor and role)\n",
           o->admin_key);
    printf("certificate authority   %s/tls/ca.pem%s\n", f->path, o->keep_ca ? "" : " (its private key was discarded)");
    if (strcmp(o->seal, hf_seal_passphrase.name) == 0)
        printf("root key                %s/seal/" HF_SEAL_PASSPHRASE_NAME
               ": under the passphrase; without it, all keys are lost\n",
               f->path);
    else
        printf("root key                %s/seal/" HF_SEAL_FILE_NAME ": protected by its file permissions only\n",
               f->path);
    printf("start it with           holdfastd --data %s%s%s\n", f->path, o->anchor != NULL ? " --anchor " : "",
           o->anchor != NULL ? o->anchor : "");
    if (strcmp(o->seal, hf_seal_passphrase.name) == 0)
        printf("and then                holdfast unseal\n");
}

int main(int argc, char **argv)
{
    static struct init_options options;
    static struct folder folder = { .fd = -1, .parent_fd = -1 };
    hf_protections protections = { 0 };
    HF_AUTO(hf_secret_freep) hf_secret *passphrase = NULL;
    char why[WHY_CAP] = "";

    hf_log_init("init");
    init_options_read(argc, argv, &options);
    /* A passphrase may come through a pipe that a shell made: /dev/fd/63. */
    if (hf_sandbox_begin(options.passphrase_file != NULL ? -1 : 3, 0, &protections) != HF_OK ||
        hf_process_close_up() != HF_OK)
        hf_fatal("the first protections cannot be had");
    hf_err err = memory_start(why);
    if (err == HF_OK)
        err = passphrase_get(&options, &passphrase, why); /* while Ctrl-C still ends it */
    signals_hold();
    if (err == HF_OK)
        err = folder_begin(options.data, &folder, why);
    if (err != HF_OK)
        return refuse(err, why);
    err = folder_fill(&options, &folder, passphrase, why);
    hf_crypto_end_job();
    if (err != HF_OK) {
        admin_key_undo(folder.fd);
        folder_discard(&folder);
        return refuse(err, why);
    }
    admin_key_done(&folder);
    report(&options, &folder);
    if (fflush(stdout) == 0)
        return EXIT_SUCCESS;
    hf_log(HF_LOG_ERROR, "%.300s is made, but the report about it cannot be written", folder.path);
    return EXIT_FAILURE;
}
