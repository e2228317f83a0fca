/*
 * verify-offline --public KEY.pem [--json] FILE
 *
 * Verifies an exported audit file with the public key alone: no server, no secret, no store. Exit code 0 when every
 * segment's signature and the whole chain hold, 8 when not (the first bad segment and record are named), 2 for wrong
 * usage, 1 when a file cannot be read.
 */
#include "audit/export.h"
#include "base/text.h"
#include "sys/fd.h"
#include "verify-offline/public_key.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_INTEGRITY = 8 };

static const char usage[] = "usage: verify-offline --public KEY.pem [--json] FILE\n"
                            "Verifies an exported audit file with the public key of the audit.\n";

struct arguments {
    const char *public_key;
    const char *file;
    bool json;
    bool help;
};

static hf_err parse(int argc, char **argv, struct arguments *ret)
{
    static const struct option options[] = { { "public", required_argument, NULL, 'p' },
                                             { "json", no_argument, NULL, 'j' },
                                             { "help", no_argument, NULL, 'h' },
                                             { NULL, 0, NULL, 0 } };
    struct arguments a = { 0 };
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        HF_CHECK(c == 'p' || c == 'j' || c == 'h', HF_ERR_INVALID);
        if (c == 'p')
            a.public_key = optarg;
        a.json = a.json || c == 'j';
        a.help = a.help || c == 'h';
    }
    HF_CHECK(a.help || (a.public_key != NULL && optind == argc - 1), HF_ERR_INVALID);
    a.file = argv[optind];
    *ret = a;
    return HF_OK;
}

static hf_err load_key(const char *path, hf_key **ret)
{
    uint8_t pem[PUBLIC_KEY_PEM_MAX_BYTES];
    size_t len;
    HF_AUTO(hf_fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    HF_CHECK(fd >= 0, HF_ERR_SYSTEM);
    HF_TRY(hf_fd_read_all(fd, pem, sizeof(pem), &len));
    return public_key_load(hf_view_of(pem, len), ret);
}

/* Maps the whole file; an empty one gives an empty view. It stays mapped until the program ends. */
static hf_err map_file(const char *path, hf_view *ret)
{
    struct stat st;
    HF_AUTO(hf_fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    HF_CHECK(fd >= 0 && fstat(fd, &st) == 0, HF_ERR_SYSTEM);
    HF_CHECK(S_ISREG(st.st_mode), HF_ERR_INVALID);
    if (st.st_size == 0) {
        *ret = hf_view_of(NULL, 0);
        return HF_OK;
    }
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    HF_CHECK(p != MAP_FAILED, HF_ERR_SYSTEM);
    *ret = hf_view_of(p, (size_t)st.st_size);
    return HF_OK;
}

static void print_good(const struct hf_export_result *r, bool json)
{
    char head[2 * HF_AUDIT_HASH_BYTES + 1];
    hf_hex_encode(hf_view_of(r->head, sizeof(r->head)), head);
    printf(json ? "{\"valid\":true,\"segments\":%" PRIu64 ",\"records\":%" PRIu64 ",\"first_seq\":%" PRIu64
                  ",\"last_seq\":%" PRIu64 ",\"head\":\"%s\"}\n"
                : "the audit is intact\nsegments: %" PRIu64 "\nrecords: %" PRIu64 "\nfirst record: %" PRIu64
                  "\nlast record: %" PRIu64 "\nhead: %s\n",
           r->segments, r->records, r->first_seq, r->last_seq, head);
}

static void print_bad(const struct hf_export_result *r, bool json)
{
    if (json)
        printf("{\"valid\":false,\"segment\":%" PRIu64 ",\"record\":%" PRIu64 ",\"detail\":\"%s\"}\n", r->err_segment,
               r->err_seq, r->err_what);
    else if (r->err_seq != 0)
        fprintf(stderr, "verify-offline: segment %" PRIu64 ", record %" PRIu64 ": %s\n", r->err_segment, r->err_seq,
                r->err_what);
    else
        fprintf(stderr, "verify-offline: segment %" PRIu64 ": %s\n", r->err_segment, r->err_what);
}

static int report(hf_err e, const struct arguments *a, const struct hf_export_result *result)
{
    if (e == HF_ERR_INTEGRITY) {
        print_bad(result, a->json);
        return EXIT_INTEGRITY;
    }
    if (e != HF_OK) {
        fprintf(stderr, "verify-offline: %s: %s\n", a->file,
                e == HF_ERR_MALFORMED ? "the file holds no segment"
                : e == HF_ERR_BAD_KEY ? "the audit is signed with Ed25519, and this is another kind of key"
                                      : hf_err_text(e));
        return e == HF_ERR_MALFORMED ? EXIT_INTEGRITY : EXIT_FAILED;
    }
    print_good(result, a->json);
    return fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
}

static int cannot_read(const char *path, hf_err e)
{
    fprintf(stderr, "verify-offline: cannot read %s: %s\n", path,
            e == HF_ERR_SYSTEM ? strerror(errno) : hf_err_text(e));
    return EXIT_FAILED;
}

int main(int argc, char **argv)
{
    struct arguments a;
    struct hf_export_result result = { 0 };
    hf_key *key = NULL;
    hf_view file;
    if (parse(argc, argv, &a) != HF_OK) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    if (a.help) {
        fputs(usage, stdout);
        return EXIT_DONE;
    }
    hf_err e = hf_crypto_start(NULL); /* no secret is ever here */
    if (e != HF_OK)
        return cannot_read("the cryptographic library", e);
    e = load_key(a.public_key, &key);
    if (e != HF_OK)
        return cannot_read(a.public_key, e);
    e = map_file(a.file, &file);
    if (e != HF_OK) {
        hf_key_free(key);
        return cannot_read(a.file, e);
    }
    e = hf_export_verify(file, key, &result);
    hf_key_free(key);
    return report(e, &a, &result);
}
