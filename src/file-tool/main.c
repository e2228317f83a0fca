/*
 * file-tool VERB F: protects files, verifies, reads and writes them. Run by 'holdfast file VERB'; works without a server.
 *
 * Exit: 0 done, and for verify and read: the file is as it was protected; 1 failure; 2 usage, or no file that can be protected; 3 not
 * found; 4 not allowed; 5 never protected, or anchored although --sidecar-only; 7 key or store cannot be had; 8 tampered with.
 */
#include "crypto/crypto.h"
#include "file-tool/options.h"
#include "file-tool/report.h"
#include "file/content.h"
#include "sys/fd.h"
#include "sys/process.h"
#include "sys/strict.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARENA_BYTES (4u << 20)

static int exit_code(hf_err e)
{
    switch (hf_err_class_of(e)) {
    case HF_CLASS_OK:
        return 0;
    case HF_CLASS_INVALID:
    case HF_CLASS_TOO_LARGE:
    case HF_CLASS_UNUSABLE:
        return 2;
    case HF_CLASS_NOT_FOUND:
        return 3;
    case HF_CLASS_UNAUTHENTICATED:
    case HF_CLASS_DENIED:
        return 4;
    case HF_CLASS_CONFLICT:
        return 5;
    case HF_CLASS_LIMITED:
    case HF_CLASS_UNAVAILABLE:
    case HF_CLASS_TIMEOUT:
        return 7;
    case HF_CLASS_INTEGRITY:
        return 8;
    case HF_CLASS_INTERNAL:
        break;
    }
    return EXIT_FAILURE;
}

/* The key, and what OpenSSL keeps of it, lie in the arena. */
static hf_err memory_start(const file_options *o)
{
    const char *why = "";
    bool strict = false;
    hf_arena_spec spec = { .bytes = ARENA_BYTES, .weakest = HF_BACKING_MALLOC };
    hf_arena *arena = NULL;

    if (hf_strict_wanted(&strict) != HF_OK)
        return report_failure(o, HF_ERR_INVALID, HF_STRICT_WHY);
    if (strict)
        spec.weakest = HF_BACKING_MLOCK;
    hf_err err = hf_arena_create(&spec, &arena, &why);
    if (err != HF_OK)
        return report_failure(o, err, "%s", why);
    if (hf_arena_backing(arena) == HF_BACKING_MALLOC)
        fprintf(stderr, "holdfast file %s: warning: the key is not in locked memory\n", verb_name(o->verb));
    hf_secret_use_arena(arena);
    err = hf_crypto_start(arena);
    return err == HF_OK ? HF_OK : report_failure(o, err, "the cryptographic library cannot be started");
}

static bool is_standard(const char *path)
{
    return path == NULL || strcmp(path, "-") == 0;
}

/* ---- reading ---- */

static hf_err cannot_write(const file_options *o, int code)
{
    return report_failure(o, HF_ERR_SYSTEM, "cannot write %s: %s", is_standard(o->out) ? "standard output" : o->out,
                          strerrordesc_np(code));
}

/* Half a content would be taken for all of it. Devices and pipes stay; nor is a link removed, or what others have put there. */
static void take_back(const char *path, const struct stat *made)
{
    struct stat now;

    if (S_ISREG(made->st_mode) && lstat(path, &now) == 0 && now.st_dev == made->st_dev && now.st_ino == made->st_ino)
        (void)unlink(path);
}

static hf_err file_write(const file_options *o, hf_view content)
{
    int fd = open(o->out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0600), code = 0;
    struct stat st = { 0 };

    if (fd < 0)
        return cannot_write(o, errno);
    if (fstat(fd, &st) != 0 || !hf_write_all(fd, content))
        code = errno;
    if (code != 0 && S_ISREG(st.st_mode) && ftruncate(fd, 0) != 0)
        code = errno;
    if (close(fd) != 0 && code == 0)
        code = errno;
    if (code == 0)
        return HF_OK;
    take_back(o->out, &st);
    return cannot_write(o, code);
}

static hf_err content_write(const file_options *o, hf_view content)
{
    if (!is_standard(o->out))
        return file_write(o, content);
    return hf_write_all(STDOUT_FILENO, content) ? HF_OK : cannot_write(o, errno);
}

static hf_err read_file(const file_options *o, const hf_file_guard *guard, hf_file_report *report)
{
    HF_AUTO(hf_content_freep) hf_file_content *c = NULL;
    bool in_document = o->json && is_standard(o->out);

    hf_err err = hf_file_read(guard, o->path, o->allow, &c, report);
    if (err != HF_OK)
        return report_outcome(o, err, report, NULL);
    hf_view content = hf_view_of(hf_file_content_bytes(c), hf_file_content_size(c));
    if (in_document && content.len > REPORT_CONTENT_MAX_BYTES)
        return report_failure(o, HF_ERR_TOO_LARGE,
                              "%s: a document takes at most 1 MiB of content; say with --out F which file takes it",
                              o->path);
    if (!in_document)
        HF_TRY(content_write(o, content));
    return report_outcome(o, HF_OK, report, in_document ? &content : NULL);
}

/* ---- writing ---- */

static hf_err write_file(const file_options *o, const hf_file_guard *guard, hf_file_report *report)
{
    HF_AUTO(hf_content_freep) hf_file_content *c = NULL;
    HF_AUTO(hf_fd_closep) int opened = -1;
    int fd = STDIN_FILENO;
    hf_why why;

    if (!is_standard(o->in))
        fd = opened = open(o->in, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return report_failure(o, HF_ERR_SYSTEM, "cannot open %s: %s", o->in, strerrordesc_np(errno));
    hf_err err = hf_content_keep(fd, HF_FILE_READ_MAX_BYTES, &c, &why);
    if (err != HF_OK)
        return report_failure(o, err, "%s: %s", is_standard(o->in) ? "standard input" : o->in, why.text);
    err = hf_file_write(guard, o->path, hf_file_content_bytes(c), hf_file_content_size(c), o->flags, report);
    return report_outcome(o, err, report, NULL);
}

/* ---- all ---- */

static hf_err run(const file_options *o)
{
    const hf_file_guard guard = { .mode = o->mode, .store_dir = o->store };
    static hf_file_report report;

    switch (o->verb) {
    case VERB_PROTECT:
        return report_outcome(o, hf_file_protect(&guard, o->path, o->flags, &report), &report, NULL);
    case VERB_VERIFY:
        return report_outcome(o, hf_file_verify(&guard, o->path, &report), &report, NULL);
    case VERB_READ:
        return read_file(o, &guard, &report);
    case VERB_WRITE:
        return write_file(o, &guard, &report);
    case VERB_UNPROTECT:
        return report_outcome(o, hf_file_unprotect(&guard, o->path, o->flags, &report), &report, NULL);
    }
    return HF_ERR_INTERNAL;
}

int main(int argc, char **argv)
{
    static file_options options;

    options_read(argc, argv, &options);
    if (hf_process_close_up() != HF_OK)
        _Exit(exit_code(report_failure(&options, HF_ERR_PROTECTION, "this process cannot be protected from others")));
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a limit is an error like a full disk */
    hf_err err = memory_start(&options);
    if (err == HF_OK)
        err = run(&options);
    if (fflush(stdout) != 0)
        err = HF_ERR_SYSTEM;
    /* Past the exit handlers: OpenSSL's are not set, and secrets have been wiped as they were freed. */
    _Exit(exit_code(err));
}
