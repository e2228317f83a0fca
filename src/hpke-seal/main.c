/*
 * hpke-seal: asks for a passphrase and seals it to core's key, so that only core can read it on its way. Run by
 * 'holdfast unseal', which sends what this prints; the passphrase itself is in no other process of the sender.
 *
 *   hpke-seal --public HEX [--fingerprint HEX] [--passphrase-file F]
 *
 * Prints enc (32 bytes) and the ciphertext, raw. The fingerprint is computed here: a gateway that was taken over can name
 * any fingerprint, but not make its own key have that of core's.
 * Exit: 0 done; 1 failure; 2 usage; 8 the key is not the one whose fingerprint was given.
 */
#include "ask/ask.h"
#include "base/log.h"
#include "base/names.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "sys/process.h"
#include "sys/sandbox.h"
#include "sys/strict.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define ARENA_BYTES (4u << 20)
#define PASSPHRASE_MIN 8
#define FINGERPRINT_BYTES 32
#define EXIT_USAGE 2
#define EXIT_INTEGRITY 8

struct arguments {
    uint8_t public[HF_HPKE_PUBLIC_BYTES];
    const char *fingerprint; /* NULL: a human compares */
    const char *file;
};

static void arguments_read(int argc, char **argv, struct arguments *ret)
{
    static const struct option known[] = {
        { "public", required_argument, NULL, 'p' },
        { "fingerprint", required_argument, NULL, 'f' },
        { "passphrase-file", required_argument, NULL, 'i' },
        { NULL, 0, NULL, 0 },
    };
    size_t len = 0;
    int opt;

    while ((opt = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (opt == 'p' && hf_hex_decode(hf_view_str(optarg), ret->public, sizeof(ret->public), &len) != HF_OK)
            len = 0;
        if (opt == 'f')
            ret->fingerprint = optarg;
        if (opt == 'i')
            ret->file = optarg;
        if (opt == '?')
            exit(EXIT_USAGE);
    }
    if (optind == argc && len == sizeof(ret->public))
        return;
    fputs("usage: hpke-seal --public HEX [--fingerprint HEX] [--passphrase-file F] (run by 'holdfast unseal')\n",
          stderr);
    exit(EXIT_USAGE);
}

static void memory_start(void)
{
    hf_arena *arena = NULL;
    const char *why = "", *failed = "";
    bool strict = false;

    if (hf_strict_wanted(&strict) != HF_OK)
        hf_fatal(HF_STRICT_WHY);
    if (hf_arena_create(&(hf_arena_spec) { ARENA_BYTES, strict ? HF_BACKING_MLOCK : HF_BACKING_MALLOC }, &arena,
                        &why) != HF_OK)
        hf_fatal("memory for the passphrase cannot be had: %s", why);
    hf_secret_use_arena(arena);
    if (hf_arena_backing(arena) == HF_BACKING_MALLOC)
        hf_log(HF_LOG_WARN, "the passphrase is not in locked memory: %s", why);
    if (hf_crypto_start(arena) != HF_OK)
        hf_fatal("the crypto library cannot be started");
    if (hf_crypto_selftest_hpke(&failed) != HF_OK)
        hf_fatal("self-test failed: %s", failed);
}

/* Shown before the question, so that nobody types a passphrase for a key that is not core's. */
static void key_check(const struct arguments *a)
{
    uint8_t digest[FINGERPRINT_BYTES];
    char text[2 * FINGERPRINT_BYTES + 1], line[128];
    hf_view public = hf_view_of(a->public, sizeof(a->public));

    if (hf_digest(HF_HASH_SHA256, &public, 1, digest) != HF_OK)
        hf_fatal("the fingerprint cannot be computed");
    hf_hex_encode(hf_view_of(digest, sizeof(digest)), text);
    if (a->fingerprint != NULL && strcasecmp(a->fingerprint, text) != 0) {
        hf_log(HF_LOG_ERROR, "the key of this HSM has the fingerprint %s, not the given one: nothing was sent", text);
        exit(EXIT_INTEGRITY);
    }
    if (a->fingerprint != NULL)
        return;
    snprintf(line, sizeof(line), "unseal key fingerprint: %s", text);
    if (a->file != NULL || !hf_ask_tell(line))
        fprintf(stderr, "%s\n", line);
    else
        (void)hf_ask_tell("(type the passphrase only if holdfastd's log shows the same one)");
}

static bool write_all(const uint8_t *bytes, size_t len)
{
    return fwrite(bytes, 1, len, stdout) == len && fflush(stdout) == 0;
}

int main(int argc, char **argv)
{
    static const struct hf_ask ask = { .what = "passphrase",
                                       .question = "Passphrase: ",
                                       .option = "--passphrase-file",
                                       .min = PASSPHRASE_MIN,
                                       .max = HF_UNSEAL_PASSPHRASE_MAX };
    struct arguments args = { .file = NULL };
    struct hf_ask this_time = ask;
    struct hf_ask_why why = { "" };
    hf_protections protections = { 0 };
    HF_AUTO(hf_secret_freep) hf_secret *passphrase = NULL;
    uint8_t sealed[HF_HPKE_ENC_BYTES + HF_UNSEAL_PASSPHRASE_MAX + HF_HPKE_TAG_BYTES];
    size_t len = 0;

    hf_log_init("hpke-seal");
    arguments_read(argc, argv, &args);
    if (hf_sandbox_begin(-1, 0, &protections) != HF_OK || hf_process_close_up() != HF_OK)
        hf_fatal("the first protections cannot be had");
    memory_start();
    key_check(&args);
    this_time.file = args.file;
    if (hf_ask_secret(&this_time, &passphrase, &why) != HF_OK)
        hf_fatal("%s", why.text);
    if (hf_hpke_seal(args.public, hf_view_str(HF_UNSEAL_INFO), (hf_view) { NULL, 0 }, passphrase, sealed,
                     sealed + HF_HPKE_ENC_BYTES, sizeof(sealed) - HF_HPKE_ENC_BYTES, &len) != HF_OK)
        hf_fatal("the passphrase cannot be sealed to this key");
    hf_crypto_end_job();
    return write_all(sealed, HF_HPKE_ENC_BYTES + len) ? EXIT_SUCCESS : EXIT_FAILURE;
}
