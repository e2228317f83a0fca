/*
 * wrap: takes a key that was made elsewhere into locked memory, checks it, and writes it wrapped to an import key. Run by
 * 'holdfast key import'. Exit: 0 done; 1 failure; 2 a key or a usage that cannot be.
 */
#include "sys/fd.h"
#include "sys/process.h"
#include "sys/strict.h"
#include "wrap/arguments.h"
#include "wrap/envelope.h"
#include "wrap/material.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARENA_BYTES (6u << 20)
#define PUBLIC_MAX_BYTES 4096

static int fail(const char *what, int exit_code)
{
    fprintf(stderr, "wrap: %s\n", what);
    return exit_code;
}

/* Strict demands locked memory; otherwise its lack is said and the key lies in ordinary memory for some milliseconds. */
static hf_err arena_make(const char **reterr_why)
{
    hf_arena_spec spec = { .bytes = ARENA_BYTES, .weakest = HF_BACKING_MALLOC };
    hf_arena *arena = NULL;
    bool strict = false;

    *reterr_why = HF_STRICT_WHY;
    HF_TRY(hf_strict_wanted(&strict));
    if (strict)
        spec.weakest = HF_BACKING_MLOCK;
    HF_TRY(hf_arena_create(&spec, &arena, reterr_why));
    if (hf_arena_backing(arena) == HF_BACKING_MALLOC)
        fprintf(stderr, "wrap: warning: the key is not in locked memory\n");
    hf_secret_use_arena(arena);
    *reterr_why = "OpenSSL cannot be started";
    return hf_crypto_start(arena);
}

static hf_err public_load(const char *path, hf_key **ret, const char **reterr_why)
{
    uint8_t der[PUBLIC_MAX_BYTES];
    HF_AUTO(hf_fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    size_t len = 0;

    *reterr_why = "the import key's public half cannot be read";
    HF_TRY(hf_fd_read_all(fd, der, sizeof(der), &len));
    *reterr_why = "the import key's public half is no key that is taken here";
    return hf_key_load_any_public(hf_view_of(der, len), ret);
}

/* Regular files and pipes alike. */
static hf_err read_to_end(int fd, hf_secret *into, size_t *ret_len, const char **reterr_why)
{
    uint8_t *dst = hf_secret_bytes(into);
    size_t len = 0, cap = hf_secret_len(into);
    ssize_t n = 1;

    *reterr_why = "the key file cannot be read";
    while (len < cap && n != 0) {
        n = read(fd, dst + len, cap - len);
        HF_CHECK(n >= 0 || errno == EINTR, HF_ERR_SYSTEM);
        len += n > 0 ? (size_t)n : 0;
    }
    *reterr_why = "the key file is larger than a key";
    HF_CHECK(len < cap, HF_ERR_TOO_LARGE);
    *ret_len = len;
    return HF_OK;
}

static void warn_if_open(int fd)
{
    struct stat st;

    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        fprintf(stderr, "wrap: warning: the key file is open to its group or to others\n");
}

static hf_err file_read(const char *path, hf_secret **ret, size_t *ret_len, const char **reterr_why)
{
    HF_AUTO(hf_fd_closep) int fd = -1;
    bool standard = strcmp(path, "-") == 0;

    *reterr_why = "there is no locked memory for the key";
    HF_TRY(hf_secret_new(MATERIAL_FILE_MAX_BYTES, ret));
    if (!standard)
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    *reterr_why = errno == ENOENT ? "the key file cannot be opened: there is none with this name"
                                  : "the key file cannot be opened: it is not yours to read";
    HF_CHECK(standard || fd >= 0, HF_ERR_INVALID);
    if (!standard)
        warn_if_open(fd);
    return read_to_end(standard ? STDIN_FILENO : fd, *ret, ret_len, reterr_why);
}

static hf_err work(const struct wrap_arguments *a, const hf_key *to, const char **reterr_why)
{
    static uint8_t wrapped[ENVELOPE_MAX_BYTES];
    HF_AUTO(hf_secret_freep) hf_secret *file = NULL;
    HF_AUTO(hf_secret_freep) hf_secret *plain = NULL;
    hf_alg alg = HF_ALG_NONE;
    size_t file_len = 0, len = 0;

    HF_TRY(file_read(a->in, &file, &file_len, reterr_why));
    HF_TRY(material_read(hf_view_of(hf_secret_read(file), file_len), a->alg, &plain, &alg, reterr_why));
    hf_err e = envelope_make(to, plain, wrapped, &len);
    hf_crypto_end_job(); /* who takes the wrapped key may let us wait */
    *reterr_why = e == HF_ERR_UNSUPPORTED ? "the wrapping key is no rsa-2048, rsa-3072 or ml-kem-768 key"
                                          : "the key cannot be wrapped";
    HF_TRY(e);
    *reterr_why = "the wrapped key cannot be written";
    HF_CHECK(printf("%s\n", hf_alg_name(alg)) > 0 && fwrite(wrapped, 1, len, stdout) == len && fflush(stdout) == 0,
             HF_ERR_SYSTEM);
    return HF_OK;
}

static int run(const struct wrap_arguments *a)
{
    const char *why = "";
    hf_key *to = NULL;

    if (arena_make(&why) != HF_OK)
        return fail(why, 1);
    if (public_load(a->public_key, &to, &why) != HF_OK)
        return fail(why, 2);
    hf_err e = work(a, to, &why);
    hf_key_free(to);
    if (e == HF_OK)
        return 0;
    return fail(why, e == HF_ERR_SYSTEM || e == HF_ERR_LOCKED_MEMORY || e == HF_ERR_INTERNAL ? 1 : 2);
}

int main(int argc, char **argv)
{
    struct wrap_arguments arguments;

    wrap_arguments_parse(argc, argv, &arguments);
    if (hf_process_close_up() != HF_OK)
        _Exit(fail("the process cannot be protected from others", 1));
    /* Past the exit handlers: secrets have been wiped as they were freed. */
    _Exit(run(&arguments));
}
