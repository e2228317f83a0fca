/*
 * config: parses what people edit, inside a sandbox, and says in typed rows what it read. It lives for one run.
 *
 *   config [--uid N --gid N]                    descriptors: 3 the supervisor's channel, 4 holdfast.conf, 5 keyset.json
 *   config [--uid N --gid N] --print-keyset     3 the channel: KEYSET_WRITE in, KEYSET_TEXT out
 *   config [--uid N --gid N] --tls-key          3 a channel to core, 4 the PEM file of the gateway's private key
 *   config --print-seal                         the kind of seal that holdfast.conf (4) names, on descriptor 3
 *   config --set-seal KIND                      holdfast.conf (4) with another one, on descriptor 3
 *   config --print-defaults [SECTION.NAME=VALUE]...   the commented holdfast.conf on descriptor 3
 *
 * Exit: 0 done; 1 refused (CONFIG_FAILED says why, or for --print-defaults a sentence on stderr).
 */
#include "base/log.h"
#include "config/edit.h"
#include "config/emit.h"
#include "config/file.h"
#include "config/tls_key.h"
#include "keysetfmt/keysetfmt.h"
#include "proto/gen/messages.h"
#include "sys/fd.h"
#include "sys/rules.h"
#include "sys/sandbox.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHANNEL_FD 3
#define CONF_FD 4
#define KEYSET_FD 5
#define TLS_KEY_FD 4
#define QUEUE_BYTES (1u << 20)
#define WAIT_MS 5000
#define PRINTED_MAX_BYTES 32768

/* After the sandbox: read two open files, work in memory, talk to the supervisor. */
static const hf_syscall_rule allowed[] = {
    HF_RULES_BASE, HF_RULES_HEAP,      HF_RULES_MESSAGES, HF_SYS(poll),  HF_SYS(ppoll),
    HF_SYS(fstat), HF_SYS(newfstatat), HF_SYS(pread64),   HF_SYS(lseek),
};

typedef enum config_mode {
    MODE_CHECK,
    MODE_PRINT_KEYSET,
    MODE_TLS_KEY,
    MODE_PRINT_DEFAULTS,
    MODE_PRINT_SEAL,
    MODE_SET_SEAL
} config_mode;

struct arguments {
    uid_t uid;
    gid_t gid;
    config_mode mode;
    char **settings; /* SECTION.NAME=VALUE, up to NULL */
    const char *seal;
};

static void arguments_read(int argc, char **argv, struct arguments *ret)
{
    int at = 1;

    *ret = (struct arguments) { .uid = (uid_t)-1, .gid = (gid_t)-1 };
    if (argc > 4 && strcmp(argv[1], "--uid") == 0 && strcmp(argv[3], "--gid") == 0) {
        ret->uid = (uid_t)strtoul(argv[2], NULL, 10);
        ret->gid = (gid_t)strtoul(argv[4], NULL, 10);
        at = 5;
    }
    if (at < argc && strcmp(argv[at], "--print-defaults") == 0) {
        ret->mode = MODE_PRINT_DEFAULTS;
        ret->settings = argv + at + 1;
        return;
    }
    if (at < argc && strcmp(argv[at], "--print-seal") == 0) {
        ret->mode = MODE_PRINT_SEAL;
        at++;
    } else if (at + 1 < argc && strcmp(argv[at], "--set-seal") == 0) {
        ret->mode = MODE_SET_SEAL;
        ret->seal = argv[at + 1];
        at += 2;
    }
    if (at < argc && strcmp(argv[at], "--print-keyset") == 0) {
        ret->mode = MODE_PRINT_KEYSET;
        at++;
    }
    if (at < argc && strcmp(argv[at], "--tls-key") == 0) {
        ret->mode = MODE_TLS_KEY;
        at++;
    }
    if (at != argc)
        hf_fatal("usage: config [--uid N --gid N] [--print-keyset | --tls-key] (started by holdfastd)");
}

/* From the supervisor, as far as it knows before the file is read. */
static bool is_strict(void)
{
    const char *strict = getenv("HOLDFAST_STRICT");

    return strict != NULL && strcmp(strict, "1") == 0;
}

static void sandbox_enter(const struct arguments *args)
{
    hf_protections report = { 0 };
    hf_sandbox box = {
        .process = "config",
        .uid = args->uid,
        .gid = args->gid,
        .max_files = 16,
        .allowed = allowed,
        .n_allowed = HF_COUNT(allowed),
    };

    if (hf_sandbox_enter(&box, is_strict(), &report) != HF_OK)
        hf_fatal("the sandbox cannot be entered");
}

/* ---- holdfast.conf and keyset.json ---- */

/* A whole file on the heap; *ret_text is freed by the process's end. */
static hf_err file_read(int fd, const char *name, size_t cap, hf_view *ret_text, struct config_why *why)
{
    uint8_t *text = malloc(cap + 1);
    size_t len = 0;
    hf_err err = text == NULL ? HF_ERR_SYSTEM : hf_fd_read_all(fd, text, cap + 1, &len);

    if (err == HF_OK && len <= cap) {
        *ret_text = hf_view_of(text, len);
        return HF_OK;
    }
    free(text);
    if (err == HF_ERR_TOO_LARGE || len > cap)
        config_why_set(why, "%s is larger than %zu bytes", name, cap);
    else
        config_why_set(why, "%s cannot be read: %s", name, hf_err_text(err));
    return HF_ERR_INVALID;
}

/* Without a file the descriptor is /dev/null, which is no regular file: that means the defaults. */
static hf_err options_read(struct config_values *ret, struct config_why *why)
{
    hf_view text = { NULL, 0 };
    struct config_why line;
    struct stat st;

    if (fstat(CONF_FD, &st) != 0 || S_ISREG(st.st_mode))
        HF_TRY(file_read(CONF_FD, "holdfast.conf", CONFIG_FILE_MAX_BYTES, &text, why));
    if (config_read(text, ret, &line) == HF_OK)
        return HF_OK;
    config_why_set(why, "holdfast.conf: %s", line.text);
    return HF_ERR_INVALID;
}

static hf_err check(hf_channel *supervisor, struct config_why *why)
{
    struct config_values values;
    hf_view keyset = { NULL, 0 };

    HF_TRY(options_read(&values, why));
    HF_TRY(file_read(KEYSET_FD, "keyset.json", HF_KEYSET_JSON_MAX_BYTES, &keyset, why));
    HF_TRY(emit_options(supervisor, &values));
    HF_TRY(emit_keyset(supervisor, keyset, values.hs256, why));
    return emit_done(supervisor);
}

static hf_err run_check(hf_channel *supervisor)
{
    struct config_why why = { "" };
    hf_err err = check(supervisor, &why);

    if (err != HF_OK && emit_failed(supervisor, why.text[0] != '\0' ? why.text : hf_err_text(err)) != HF_OK)
        hf_log(HF_LOG_ERROR, "the supervisor could not be told: %s", why.text);
    if (hf_channel_drain(supervisor, WAIT_MS) != HF_OK)
        return HF_ERR_PEER_GONE;
    return err;
}

/* ---- a new keyset as JSON ---- */

static hf_err run_print_keyset(hf_channel *supervisor)
{
    hf_message m;

    HF_TRY(hf_channel_wait(supervisor, WAIT_MS, &m));
    hf_err err = m.type == HF_MSG_KEYSET_WRITE ? emit_keyset_text(supervisor, m.id, m.body) : HF_ERR_MALFORMED;
    hf_channel_release(&m);
    HF_TRY(err);
    return hf_channel_drain(supervisor, WAIT_MS);
}

/* ---- the default file ---- */

static void setting_apply(struct config_values *values, const char *setting)
{
    char text[2048];
    struct config_why why;
    size_t index = 0;

    if (hf_view_to_str(hf_view_str(setting), text, sizeof(text)) != HF_OK)
        hf_fatal("the setting is too long");
    char *dot = strchr(text, '.');
    char *equals = strchr(text, '=');
    if (dot == NULL || equals == NULL || dot > equals)
        hf_fatal("'%s' is not SECTION.NAME=VALUE", text);
    *dot = '\0';
    *equals = '\0';
    if (config_set(values, text, dot + 1, equals + 1, &index, &why) != HF_OK)
        hf_fatal("%s", why.text);
}

static int write_out(const hf_writer *w)
{
    for (size_t at = 0; !w->failed && at < w->len;) {
        ssize_t n = write(CHANNEL_FD, w->ptr + at, w->len - at);
        if (n <= 0)
            hf_fatal("what was printed cannot be written");
        at += (size_t)n;
    }
    return w->failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int print_defaults(char **settings)
{
    static uint8_t text[PRINTED_MAX_BYTES];
    hf_writer w = hf_writer_on(text, sizeof(text));
    struct config_values values;
    struct config_why why;

    config_defaults(&values);
    for (; *settings != NULL; settings++)
        setting_apply(&values, *settings);
    if (config_check_together(&values, &why) != HF_OK)
        hf_fatal("%s", why.text);
    config_print(&values, &w);
    return write_out(&w);
}

/* ---- the seal, for reseal ---- */

static int print_seal(void)
{
    char text[64];
    hf_writer w = hf_writer_on(text, sizeof(text));
    struct config_values values;
    struct config_why why = { "" };

    if (options_read(&values, &why) != HF_OK)
        hf_fatal("%s", why.text);
    hf_put_view(&w, hf_view_str(values.seal_kind));
    return write_out(&w);
}

static int set_seal(const char *kind)
{
    static uint8_t edited[CONFIG_FILE_MAX_BYTES];
    hf_writer w = hf_writer_on(edited, sizeof(edited));
    hf_view text = { NULL, 0 };
    struct config_why why = { "" };

    if (file_read(CONF_FD, "holdfast.conf", CONFIG_FILE_MAX_BYTES, &text, &why) != HF_OK ||
        config_set_seal(text, kind, &w, &why) != HF_OK)
        hf_fatal("holdfast.conf: %s", why.text);
    return write_out(&w);
}

int main(int argc, char **argv)
{
    struct arguments args;
    hf_protections report = { 0 };
    hf_channel *peer = NULL;
    const char *why = "";
    hf_err err;

    hf_log_init("config");
    arguments_read(argc, argv, &args);
    if (hf_sandbox_begin(KEYSET_FD + 1, getppid(), &report) != HF_OK)
        hf_fatal("the first protections cannot be had");
    if (args.mode == MODE_TLS_KEY && tls_key_memory(is_strict(), &why) != HF_OK)
        hf_fatal("%s", why);
    sandbox_enter(&args);
    if (args.mode == MODE_PRINT_DEFAULTS)
        return print_defaults(args.settings);
    if (args.mode == MODE_PRINT_SEAL)
        return print_seal();
    if (args.mode == MODE_SET_SEAL)
        return set_seal(args.seal);
    if (hf_channel_new(CHANNEL_FD, QUEUE_BYTES, hf_message_max_body, &peer) != HF_OK)
        hf_fatal("descriptor 3 is not a channel");
    if (args.mode == MODE_TLS_KEY)
        err = tls_key_hand_over(TLS_KEY_FD, peer);
    else
        err = args.mode == MODE_PRINT_KEYSET ? run_print_keyset(peer) : run_check(peer);
    hf_channel_free(peer);
    return err == HF_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
