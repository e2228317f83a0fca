/*
 * reseal: puts the root key under another seal, or under another passphrase. Run by 'holdfast reseal'.
 *
 * At every moment the configuration names a seal that opens, so that it may be killed anywhere:
 *
 *   1. the old seal is opened; what an earlier, killed run left is erased
 *   2. the new one is made in seal/.new and opened again from there
 *   3. it gets its place; of the same kind: in one step, and that is the change
 *   4. of another kind: the configuration is replaced, and that is the change
 *   5. the old file is overwritten and removed
 *
 * Exit: 0 done; 1 failure; 2 usage; 3 something is not there; 4 the passphrase is wrong, or not allowed; 5 another one
 * runs; 8 a sealed file is damaged.
 */
#include "ask/ask.h"
#include "base/log.h"
#include "crypto/crypto.h"
#include "reseal/conf.h"
#include "reseal/erase.h"
#include "seal/seal.h"
#include "sys/fd.h"
#include "sys/process.h"
#include "sys/sandbox.h"
#include "sys/strict.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define ARENA_BYTES (5u << 20)
#define NEW_FOLDER ".new"
#define OLD_SUFFIX ".old"

struct reseal {
    struct reseal_options options;
    struct conf conf;
    int seal_fd;
    const hf_seal_backend *old, *new;
    struct hf_seal_source source;
    hf_secret *old_passphrase, *new_passphrase, *root;
    char why[WHY_CAP];
};

static hf_err fail(struct reseal *r, hf_err err, const char *format, ...) HF_PRINTF(3, 4);
static hf_err fail(struct reseal *r, hf_err err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(r->why, sizeof(r->why), format, args);
    va_end(args);
    return err;
}

static hf_err fail_errno(struct reseal *r, const char *what)
{
    return fail(r, HF_ERR_SYSTEM, "%s: %s", what, strerrordesc_np(errno));
}

/* ---- what there is ---- */

static hf_err folders_open(struct reseal *r)
{
    const char *data = r->options.data;
    HF_AUTO(hf_fd_closep) int fd = open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;

    if (fd < 0)
        return fail(r, HF_ERR_NOT_FOUND, "the data folder %.300s cannot be opened: %s", data, strerrordesc_np(errno));
    r->seal_fd = openat(fd, "seal", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (r->seal_fd < 0 || fstat(r->seal_fd, &st) != 0)
        return fail(r, HF_ERR_NOT_FOUND, "%.300s has no folder seal/: is it a data folder?", data);
    /* Files of another owner would be in the way of the service. */
    if (st.st_uid != geteuid())
        return fail(r, HF_ERR_DENIED, "%.300s/seal belongs to another user: run this as user number %u", data,
                    (unsigned)st.st_uid);
    if (flock(r->seal_fd, LOCK_EX | LOCK_NB) != 0)
        return fail(r, HF_ERR_CONFLICT, "another reseal is at work on %.300s", data);
    return conf_open(&r->options, fd, &r->conf, r->why);
}

static hf_err kinds_find(struct reseal *r)
{
    char now[KIND_CAP];

    r->new = hf_seal_find(hf_view_str(r->options.seal));
    if (r->new == NULL)
        return fail(r, HF_ERR_INVALID, "there is no seal of kind '%.40s'; there are file and passphrase",
                    r->options.seal);
    HF_TRY(conf_seal(&r->conf, now, r->why));
    r->old = hf_seal_find(hf_view_str(now));
    if (r->old == NULL)
        return fail(r, HF_ERR_UNSUPPORTED, "%.300s names the seal '%s', which this release does not know", r->conf.path,
                    now);
    if (r->old == r->new && !r->new->asks_passphrase)
        return fail(r, HF_ERR_CONFLICT, "the seal is '%s' already", now);
    return HF_OK;
}

/* ---- memory and passphrases ---- */

static hf_err memory_start(struct reseal *r)
{
    hf_arena *arena = NULL;
    const char *why = "", *failed = "";
    bool strict = false;

    if (hf_strict_wanted(&strict) != HF_OK)
        return fail(r, HF_ERR_INVALID, HF_STRICT_WHY);
    if (hf_arena_create(&(hf_arena_spec) { ARENA_BYTES, strict ? HF_BACKING_MLOCK : HF_BACKING_MALLOC }, &arena,
                        &why) != HF_OK)
        return fail(r, HF_ERR_LOCKED_MEMORY, "memory for the root key cannot be had: %s", why);
    hf_secret_use_arena(arena);
    if (hf_arena_backing(arena) == HF_BACKING_MALLOC)
        hf_log(HF_LOG_WARN, "the root key is not in locked memory");
    if (hf_crypto_start(arena) != HF_OK)
        return fail(r, HF_ERR_INTERNAL, "the crypto library cannot be started");
    if (hf_crypto_selftest_argon2(&failed) != HF_OK)
        return fail(r, HF_ERR_SELFTEST, "self-test failed: %s", failed);
    return HF_OK;
}

static hf_err passphrases_ask(struct reseal *r)
{
    struct hf_ask ask = { .what = "passphrase",
                          .question = "Passphrase of now: ",
                          .file = r->options.old_file,
                          .option = "--passphrase-file",
                          .min = HF_PASSPHRASE_MIN_BYTES,
                          .max = HF_PASSPHRASE_MAX_BYTES };
    struct hf_ask_why why = { "" };
    hf_err err = HF_OK;

    if (r->old->asks_passphrase)
        err = hf_ask_secret(&ask, &r->old_passphrase, &why);
    ask.question = "New passphrase: ";
    ask.again = "The same again: ";
    ask.file = r->options.new_file;
    ask.option = "--new-passphrase-file";
    if (err == HF_OK && r->new->asks_passphrase)
        err = hf_ask_secret(&ask, &r->new_passphrase, &why);
    return err == HF_OK ? HF_OK : fail(r, err, "%s", why.text);
}

/* A second of work is not worth being interrupted, though it may be. */
static void signals_hold(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

/* ---- the steps ---- */

static hf_err open_with(struct reseal *r, const hf_seal_backend *backend, int fd, const hf_secret *passphrase,
                        hf_secret **ret)
{
    struct hf_seal_why why = { "" };
    hf_err err = backend->open(fd, passphrase, ret, &why);

    return err == HF_OK ? HF_OK : fail(r, err, "%s", why.text[0] != '\0' ? why.text : hf_err_text(err));
}

static hf_err old_prepare(struct reseal *r)
{
    struct hf_seal_why why = { "" };
    hf_err err = r->old->prepare(r->seal_fd, &r->source, &why);

    return err == HF_OK ? HF_OK : fail(r, err, "%s", why.text);
}

static hf_err old_open(struct reseal *r)
{
    const char *lacks = "";
    size_t work = r->source.work_bytes > r->new->create_work_bytes ? r->source.work_bytes : r->new->create_work_bytes;

    if (hf_seal_work_memory(work, false, &lacks) != HF_OK)
        return fail(r, HF_ERR_LOCKED_MEMORY, "memory for the passphrase cannot be had: %s", lacks);
    if (lacks[0] != '\0')
        hf_log(HF_LOG_WARN, "what Argon2id computes is not in locked memory: %s", lacks);
    return open_with(r, r->old, r->source.fd, r->old_passphrase, &r->root);
}

/* Only once the seal that counts has opened: nothing else is needed then. */
static hf_err leftovers_erase(struct reseal *r)
{
    const hf_seal_backend *b;

    if (erase_folder(r->seal_fd, NEW_FOLDER) != HF_OK || erase_temporaries(r->seal_fd) != HF_OK)
        return fail_errno(r, "what an earlier run left in seal/ cannot be erased");
    for (size_t i = 0; (b = hf_seal_at(i)) != NULL; i++)
        if (b != r->old && erase_file(r->seal_fd, b->file_name) != HF_OK)
            return fail_errno(r, "a sealed root key that is not in use cannot be erased from seal/");
    return HF_OK;
}

static hf_err new_check(struct reseal *r, int dir)
{
    struct hf_seal_source source = { .fd = -1 };
    struct hf_seal_why why = { "" };
    HF_AUTO(hf_secret_freep) hf_secret *again = NULL;

    hf_err err = r->new->prepare(dir, &source, &why);
    if (err != HF_OK)
        return fail(r, err, "%s", why.text);
    err = open_with(r, r->new, source.fd, r->new_passphrase, &again);
    close(source.fd);
    HF_TRY(err);
    if (hf_secret_len(again) != HF_ROOT_KEY_BYTES ||
        !hf_ct_equal(hf_secret_read(again), hf_secret_read(r->root), HF_ROOT_KEY_BYTES))
        return fail(r, HF_ERR_INTEGRITY, "the new seal gives another key than it was given: nothing was changed");
    return HF_OK;
}

static hf_err new_make(struct reseal *r, int *ret_dir)
{
    if (mkdirat(r->seal_fd, NEW_FOLDER, 0700) != 0)
        return fail_errno(r, "nothing can be made in seal/");
    HF_AUTO(hf_fd_closep) int dir = openat(r->seal_fd, NEW_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0)
        return fail_errno(r, "seal/" NEW_FOLDER " cannot be opened");
    hf_err err = r->new->create(dir, r->root, r->new_passphrase, false);
    if (err != HF_OK)
        return fail(r, err, "the new seal cannot be made: %s", hf_err_text(err));
    HF_TRY(new_check(r, dir));
    *ret_dir = dir;
    dir = -1; /* the caller's now */
    return HF_OK;
}

/* Step 3. Of the same kind the old file keeps a second name, so that it can be overwritten. */
static hf_err new_place(struct reseal *r, int dir, char old_name[static NAME_MAX])
{
    const char *name = r->new->file_name;

    snprintf(old_name, NAME_MAX, "%s", r->old->file_name);
    if (r->old == r->new) {
        snprintf(old_name, NAME_MAX, ".%s" OLD_SUFFIX, name);
        if (linkat(r->seal_fd, name, r->seal_fd, old_name, 0) != 0)
            return fail_errno(r, "the old seal cannot be kept beside the new one");
    }
    if (renameat(dir, name, r->seal_fd, name) != 0 || fsync(r->seal_fd) != 0)
        return fail_errno(r, "the new seal cannot be put in place");
    return HF_OK;
}

static hf_err reseal_do(struct reseal *r)
{
    char old_name[NAME_MAX];
    HF_AUTO(hf_fd_closep) int dir = -1;

    HF_TRY(folders_open(r));
    HF_TRY(kinds_find(r));
    HF_TRY(old_prepare(r));
    HF_TRY(memory_start(r));
    HF_TRY(passphrases_ask(r));
    signals_hold();
    HF_TRY(old_open(r));
    HF_TRY(leftovers_erase(r));
    HF_TRY(new_make(r, &dir));
    HF_TRY(new_place(r, dir, old_name));
    if (r->old != r->new)
        HF_TRY(conf_set_seal(&r->conf, r->new->name, r->why));
    if (erase_file(r->seal_fd, old_name) != HF_OK || erase_folder(r->seal_fd, NEW_FOLDER) != HF_OK)
        hf_log(HF_LOG_WARN, "the root key is under its new seal, but seal/%s cannot be erased (%s): do it by hand",
               old_name, strerrordesc_np(errno));
    return HF_OK;
}

/* ---- the report ---- */

static void report(const struct reseal *r)
{
    printf("root key                %s/seal/%s\n", r->options.data, r->new->file_name);
    if (r->new->asks_passphrase)
        printf("                        under the passphrase; without it, all keys are lost\n");
    else
        printf("                        protected by its file permissions only\n");
    printf(
        "the old sealed file     was overwritten and removed; copies of it, in backups for example, open as before\n");
    printf("takes effect            at the next start or unsealing, and stands in the audit then\n");
}

static int exit_code(hf_err e)
{
    switch (hf_err_class_of(e)) {
    case HF_CLASS_INVALID:
        return 2;
    case HF_CLASS_NOT_FOUND:
        return 3;
    case HF_CLASS_DENIED:
        return 4;
    case HF_CLASS_CONFLICT:
        return 5;
    case HF_CLASS_INTEGRITY:
        return 8;
    case HF_CLASS_OK:
    case HF_CLASS_UNAUTHENTICATED:
    case HF_CLASS_TOO_LARGE:
    case HF_CLASS_UNUSABLE:
    case HF_CLASS_LIMITED:
    case HF_CLASS_UNAVAILABLE:
    case HF_CLASS_TIMEOUT:
    case HF_CLASS_INTERNAL:
        break;
    }
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    static struct reseal r = { .seal_fd = -1, .conf = { .dir_fd = -1, .program = -1 }, .source = { .fd = -1 } };
    hf_protections protections = { 0 };

    hf_log_init("reseal");
    reseal_options_read(argc, argv, &r.options);
    if (hf_sandbox_begin(-1, 0, &protections) != HF_OK || hf_process_close_up() != HF_OK)
        hf_fatal("the first protections cannot be had");
    hf_err err = reseal_do(&r);
    hf_secret_free(r.old_passphrase);
    hf_secret_free(r.new_passphrase);
    hf_secret_free(r.root);
    hf_crypto_end_job();
    if (err != HF_OK) {
        hf_log(HF_LOG_ERROR, "%s", r.why[0] != '\0' ? r.why : hf_err_text(err));
        return exit_code(err);
    }
    report(&r);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
