/*
 * selftest [--vectors DIR] [--output text|json]
 *
 * Runs the power-up known answers of the cryptographic library that core links and, with DIR, every published vector
 * file in it. Exit code 0 when nothing was wrong, 8 when something was, 2 for wrong usage or a folder that is not there,
 * 1 when memory or output fail.
 */
#include "crypto/crypto.h"
#include "selftest/report.h"
#include "selftest/vectors.h"
#include "sys/process.h"
#include <getopt.h>
#include <holdfast/arena.h>
#include <holdfast/secret.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_INTEGRITY = 8 };

#define ARENA_BYTES (6u << 20) /* below the usual limit of locked memory */

static const char usage[] =
    "Usage: selftest [--vectors DIR] [--output text|json]\n"
    "Runs the known answers of the cryptographic library and, with --vectors, every test of the C2SP Wycheproof and\n"
    "NIST ACVP files (*.json) in DIR and the folders below it.\n"
    "\n"
    "  --vectors DIR        a folder of vector files, or one file\n"
    "  --output text|json   lines of text (default), or one JSON document\n"
    "\n"
    "Exit code 8 when an answer was wrong. docs/algorithms.md explains why a test can be skipped or judged stricter.\n";

struct arguments {
    const char *folder;
    bool json;
    bool help;
};

static hf_err parse(int argc, char **argv, struct arguments *ret)
{
    static const struct option options[] = { { "vectors", required_argument, NULL, 'v' },
                                             { "output", required_argument, NULL, 'o' },
                                             { "json", no_argument, NULL, 'j' },
                                             { "help", no_argument, NULL, 'h' },
                                             { NULL, 0, NULL, 0 } };
    struct arguments a = { 0 };
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        HF_CHECK(c != '?', HF_ERR_INVALID);
        if (c == 'v')
            a.folder = optarg;
        if (c == 'o' && strcmp(optarg, "text") != 0 && strcmp(optarg, "json") != 0) {
            fprintf(stderr, "selftest: --output must be text or json\n");
            return HF_ERR_INVALID;
        }
        a.json = (a.json && c != 'o') || c == 'j' || (c == 'o' && strcmp(optarg, "json") == 0);
        a.help = a.help || c == 'h';
    }
    HF_CHECK(a.help || optind == argc, HF_ERR_INVALID);
    *ret = a;
    return HF_OK;
}

static hf_err start(void)
{
    const hf_arena_spec spec = { ARENA_BYTES, HF_BACKING_MALLOC };
    hf_arena *arena = NULL;
    const char *why = "";
    HF_TRY(hf_arena_create(&spec, &arena, &why));
    hf_secret_use_arena(arena);
    return hf_crypto_start(arena);
}

/* ---- the two parts ---- */

static bool tell_answer(void *arg, const char *name, bool passed)
{
    st_report_answer(arg, name, passed);
    return true;
}

static void run_answers(struct st_report *report)
{
    const char *failed = "";
    hf_crypto_selftest_each(tell_answer, report);
    st_report_answer(report, "hpke", hf_crypto_selftest_hpke(&failed) == HF_OK);
    st_report_answer(report, "argon2id", hf_crypto_selftest_argon2(&failed) == HF_OK);
}

static void run_file(const char *folder, const char *path, struct st_report *report)
{
    struct st_tally t = { 0 };
    char algorithm[ST_ALGORITHM_CAP] = "";
    uint8_t *bytes = NULL;
    size_t len = 0;
    st_why skipped;
    hf_err e = st_file_read(folder, path, ST_FILE_MAX_BYTES, &bytes, &len);
    if (e == HF_OK)
        skipped = st_vectors_run(hf_view_of(bytes, len), &t, algorithm);
    else
        skipped = e == HF_ERR_TOO_LARGE ? ST_SKIP_LARGE_FILE : ST_SKIP_UNREADABLE;
    free(bytes);
    st_report_file(report, path[0] != '\0' ? path : folder, algorithm, skipped, &t);
}

static int report(const struct arguments *a, const struct st_files *files)
{
    struct st_report r;
    if (st_report_begin(a->json, a->folder, &r) != HF_OK)
        return EXIT_FAILED;
    run_answers(&r);
    for (size_t i = 0; i < files->n; i++)
        run_file(a->folder, files->paths[i], &r);
    if (st_report_end(&r, a->folder != NULL ? files : NULL) != HF_OK) {
        fprintf(stderr, "selftest: the report cannot be written\n");
        return EXIT_FAILED;
    }
    return st_report_passed(&r) ? EXIT_DONE : EXIT_INTEGRITY;
}

static int find_and_report(const struct arguments *a)
{
    HF_AUTO(st_files_free) struct st_files files = { 0 };
    hf_err e = a->folder == NULL ? HF_OK : st_files_find(a->folder, &files);
    if (e != HF_OK) {
        fprintf(stderr, "selftest: '%s' %s\n", a->folder,
                e == HF_ERR_NOT_FOUND   ? "is not there; give a folder of vector files"
                : e == HF_ERR_TOO_LARGE ? "holds more files than this program looks at; give a folder below it"
                                        : "cannot be listed: out of memory");
        return e == HF_ERR_SYSTEM ? EXIT_FAILED : EXIT_USAGE;
    }
    if (a->folder != NULL && files.n == 0)
        fprintf(stderr, "selftest: warning: there are no .json files in '%s'\n", a->folder);
    return report(a, &files);
}

int main(int argc, char **argv)
{
    struct arguments a = { 0 };
    if (parse(argc, argv, &a) != HF_OK) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    if (a.help) {
        fputs(usage, stdout);
        return EXIT_DONE;
    }
    if (hf_process_close_up() != HF_OK) {
        fprintf(stderr, "selftest: the process cannot be protected from others\n");
        return EXIT_FAILED;
    }
    if (start() != HF_OK) {
        fprintf(stderr, "selftest: the cryptographic library does not start\n");
        return EXIT_INTEGRITY;
    }
    return find_and_report(&a);
}
