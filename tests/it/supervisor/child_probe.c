/*
 * A stand-in for core, store, gateway and verifier-token in the supervisor's tests; its name (argv[0]) says which it plays.
 * It speaks the real protocol over the real channel, writes what it sees to ./probe.log and does what ./probe.NAME
 * and, on SIGUSR1, ./probe.NAME.do say. For tests only: it keeps all its rights.
 *
 *   probe.NAME      words: exit (end with code 3 at once), mute (never READY), sealed (core: does not ask for the
 *                   root key), rollback (core: CORE_STATE failed), deaf (ignores STOP), nack (core: refuses keysets),
 *                   nokey (core: refuses the gateway's private key)
 *   probe.NAME.do   one of: anchor TEXT, epoch TEXT, keyset (adds 1 to the generation), unseal, alarm TEXT, alarms TEXT (100 of them),
 *                   garbage
 */
#include "base/macros.h"
#include "ipc/channel.h"
#include "proto/gen/messages.h"
#include <holdfast/arena.h>

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define RING_BYTES 4096

static const char *name;
static char orders[256];
static hf_loop *loop;
static hf_channel *supervisor, *unsealer, *keyer;
static hf_watch signals;
static uint8_t keyset[262144];
static size_t keyset_len;
static bool stopping;

static void note(const char *format, ...) HF_PRINTF(1, 2);
static void note(const char *format, ...)
{
    char line[2048];
    va_list args;
    int n = snprintf(line, sizeof(line), "%s %d ", name, (int)getpid());

    va_start(args, format);
    n += vsnprintf(line + n, sizeof(line) - (size_t)n - 1, format, args);
    va_end(args);
    line[n++] = '\n';
    int fd = open("probe.log", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0 || write(fd, line, (size_t)n) != n)
        _exit(9);
    close(fd);
}

static void file_text(const char *suffix, char *dst, size_t cap)
{
    char path[64];

    snprintf(path, sizeof(path), "probe.%s%s", name, suffix);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, dst, cap - 1);
    dst[n > 0 ? n : 0] = '\0';
    if (fd >= 0)
        close(fd);
}

static bool ordered(const char *word)
{
    return strstr(orders, word) != NULL;
}

static bool is(const char *role)
{
    return strcmp(name, role) == 0;
}

static void say_on(hf_channel *c, uint16_t type, uint64_t id, hf_err encoded, const hf_writer *w, const int *fds,
                   size_t n)
{
    if (encoded != HF_OK || hf_channel_send(c, type, id, hf_writer_view(w), fds, n) != HF_OK)
        note("cannot send 0x%04x", type);
}

static void say_state(uint8_t state, const char *why)
{
    uint8_t body[1024];
    hf_writer w = hf_writer_on(body, sizeof(body));
    struct hf_core_state m = { .state = state, .why = hf_view_str(why) };

    say_on(supervisor, HF_MSG_CORE_STATE, 0, hf_core_state_encode(&m, &w), &w, NULL, 0);
}

static void say_ring(void)
{
    uint8_t body[16];
    hf_writer w = hf_writer_on(body, sizeof(body));
    int fd = memfd_create("ring", MFD_CLOEXEC);
    char text[32];
    int n = snprintf(text, sizeof(text), "ring of %d", (int)getpid());

    if (fd < 0 || ftruncate(fd, RING_BYTES) != 0 || pwrite(fd, text, (size_t)n, 0) != n)
        _exit(9);
    say_on(supervisor, HF_MSG_AUDIT_RING, 0, hf_audit_ring_encode(&(struct hf_audit_ring) { .bytes = RING_BYTES }, &w),
           &w, &fd, 1);
    close(fd);
}

static void say_ready(void)
{
    uint8_t body[256], list[128];
    hf_writer rows = hf_writer_on(list, sizeof(list)), w = hf_writer_on(body, sizeof(body));
    struct hf_protection_row row = { .process = hf_view_str(name),
                                     .name = hf_view_str("probe"),
                                     .why = hf_view_str("") };

    if (ordered("mute") || hf_protection_row_encode(&row, &rows) != HF_OK)
        return;
    struct hf_ready m = { .protections = hf_writer_view(&rows) };
    say_on(supervisor, HF_MSG_READY, 0, hf_ready_encode(&m, &w), &w, NULL, 0);
}

static void want_root(void)
{
    if (hf_channel_send(supervisor, HF_MSG_UNSEAL_WANTED, 0, (hf_view) { NULL, 0 }, NULL, 0) != HF_OK)
        note("cannot ask for the root key");
}

static void say_anchor(const char *text)
{
    uint8_t body[1100];
    hf_writer w = hf_writer_on(body, sizeof(body));
    struct hf_anchor_write m = { .anchor = hf_view_str(text) };

    say_on(supervisor, HF_MSG_ANCHOR_WRITE, 7, hf_anchor_write_encode(&m, &w), &w, NULL, 0);
}

static void say_keyset(void)
{
    uint8_t *body = malloc(sizeof(keyset));
    hf_writer w = hf_writer_on(body, sizeof(keyset));
    struct hf_keyset had;
    struct hf_keyset_write m;

    if (body == NULL || hf_keyset_decode((hf_view) { keyset, keyset_len }, &had) != HF_OK)
        _exit(9);
    m = (struct hf_keyset_write) { .generation = had.generation + 1, .rows = had.rows };
    memcpy(m.mac, had.mac, sizeof(m.mac));
    say_on(supervisor, HF_MSG_KEYSET_WRITE, 8, hf_keyset_write_encode(&m, &w), &w, NULL, 0);
    free(body);
}

static void say_epoch(const char *text)
{
    uint8_t body[5000];
    hf_writer w = hf_writer_on(body, sizeof(body));

    say_on(supervisor, HF_MSG_EPOCH_WRITE, 9,
           hf_epoch_write_encode(&(struct hf_epoch_write) { .epoch = hf_view_str(text) }, &w), &w, NULL, 0);
}

static void say_alarm(const char *text)
{
    uint8_t body[1000];
    hf_writer w = hf_writer_on(body, sizeof(body));

    say_on(supervisor, HF_MSG_ALARM, 0, hf_alarm_encode(&(struct hf_alarm) { .what = hf_view_str(text) }, &w), &w, NULL,
           0);
}

static void act(void)
{
    char text[1024];

    file_text(".do", text, sizeof(text));
    char *space = strchr(text, ' ');
    const char *rest = space == NULL ? "" : space + 1;
    if (strncmp(text, "anchor", 6) == 0)
        say_anchor(rest);
    else if (strncmp(text, "epoch", 5) == 0)
        say_epoch(rest);
    else if (strncmp(text, "keyset", 6) == 0)
        say_keyset();
    else if (strncmp(text, "unseal", 6) == 0)
        want_root();
    else if (strncmp(text, "alarms", 6) == 0)
        for (int i = 0; i < 100; i++)
            say_alarm(rest);
    else if (strncmp(text, "alarm", 5) == 0)
        say_alarm(rest);
    else if (strncmp(text, "garbage", 7) == 0 && write(hf_channel_fd(supervisor), "garbage", 7) != 7)
        note("cannot write");
}

/* ---- what arrives ---- */

static void on_root(void *arg, hf_message *m)
{
    struct hf_root_key root;
    struct hf_unseal_failed failed;
    uint8_t body[8];
    hf_writer w = hf_writer_on(body, sizeof(body));

    (void)arg;
    if (m->type == HF_MSG_ROOT_KEY && hf_root_key_decode(m->body, &root) == HF_OK) {
        note("ROOT_KEY %zu", hf_secret_len(root.root));
        hf_secret_free(root.root);
        say_on(unsealer, HF_MSG_ACK, m->id, hf_ack_encode(&(struct hf_ack) { .error = HF_OK }, &w), &w, NULL, 0);
        say_state(2, "");
    } else if (m->type == HF_MSG_UNSEAL_FAILED && hf_unseal_failed_decode(m->body, &failed) == HF_OK) {
        note("UNSEAL_FAILED %u %.*s", failed.error, (int)failed.what.len, (const char *)failed.what.ptr);
    }
}

/* The gateway's private key, from the config process. */
static void on_tls_key(void *arg, hf_message *m)
{
    struct hf_tls_key key;
    uint8_t body[8];
    hf_writer w = hf_writer_on(body, sizeof(body));
    hf_err answer = ordered("nokey") ? HF_ERR_BAD_KEY : HF_OK;

    (void)arg;
    if (m->type != HF_MSG_TLS_KEY || hf_tls_key_decode(m->body, &key) != HF_OK)
        return;
    note("TLS_KEY %zu", hf_secret_len(key.pkcs8));
    hf_secret_free(key.pkcs8);
    say_on(keyer, HF_MSG_ACK, m->id, hf_ack_encode(&(struct hf_ack) { .error = (uint16_t)answer }, &w), &w, NULL, 0);
}

static void on_tls_key_end(void *arg, hf_err cause)
{
    (void)arg;
    (void)cause;
    hf_channel_free(keyer);
    keyer = NULL;
}

static void on_unseal_end(void *arg, hf_err cause)
{
    (void)arg;
    (void)cause;
    hf_channel_free(unsealer);
    unsealer = NULL;
}

static void on_peer(hf_message *m)
{
    struct hf_peer_channel peer;

    if (hf_peer_channel_decode(m->body, &peer) != HF_OK)
        _exit(9);
    note("PEER %u fds=%zu", peer.role, m->n_fds);
    bool brings_key = peer.role == HF_PEER_CONFIG;
    if ((peer.role != HF_PEER_UNSEAL && !brings_key) || m->n_fds != 1)
        return;
    int fd = m->fds[0];
    m->fds[0] = -1;
    if (brings_key) {
        if (hf_channel_new(fd, 65536, hf_message_max_body, &keyer) != HF_OK ||
            hf_channel_attach(keyer, loop, on_tls_key, on_tls_key_end, NULL) != HF_OK)
            _exit(9);
        return;
    }
    if (hf_channel_new(fd, 65536, hf_message_max_body, &unsealer) != HF_OK ||
        hf_channel_attach(unsealer, loop, on_root, on_unseal_end, NULL) != HF_OK)
        _exit(9);
}

static void on_keyset(const hf_message *m)
{
    uint8_t body[8];
    hf_writer w = hf_writer_on(body, sizeof(body));
    hf_err answer = ordered("nack") ? HF_ERR_INTEGRITY : HF_OK;
    struct hf_keyset k;

    if (hf_keyset_decode(m->body, &k) != HF_OK)
        _exit(9);
    memcpy(keyset, m->body.ptr, m->body.len);
    keyset_len = m->body.len;
    note("KEYSET generation=%llu id=%d", (unsigned long long)k.generation, m->id != 0);
    if (m->id != 0)
        say_on(supervisor, HF_MSG_ACK, m->id, hf_ack_encode(&(struct hf_ack) { .error = (uint16_t)answer }, &w), &w,
               NULL, 0);
    if (m->id != 0 || stopping)
        return;
    if (is("core")) {
        say_ring();
        say_ready();
        if (ordered("rollback"))
            say_state(3, "the data is older than its anchor");
        else if (!ordered("sealed"))
            want_root();
    } else {
        say_ready();
    }
}

static void on_saved(const hf_message *m)
{
    struct hf_saved_files f;

    if (hf_saved_files_decode(m->body, &f) != HF_OK)
        _exit(9);
    note("SAVED_FILES epoch=%d:%.*s anchor=%d:%.*s", f.has_epoch, (int)f.epoch.len, (const char *)f.epoch.ptr,
         f.has_anchor, (int)f.anchor.len, (const char *)f.anchor.ptr);
}

static void on_seal(const hf_message *m)
{
    struct hf_seal_in_use s;

    if (hf_seal_in_use_decode(m->body, &s) != HF_OK)
        _exit(9);
    note("SEAL %.*s %s", (int)s.seal.len, (const char *)s.seal.ptr, s.opens_alone ? "alone" : "by an operator");
}

static void on_ring(const hf_message *m)
{
    char text[32] = "";

    if (m->n_fds == 1 && pread(m->fds[0], text, sizeof(text) - 1, 0) < 0)
        _exit(9);
    note("AUDIT_RING %s", text);
}

static void on_alarm(const hf_message *m)
{
    struct hf_alarm a;

    if (hf_alarm_decode(m->body, &a) == HF_OK)
        note("ALARM %.*s", (int)a.what.len, (const char *)a.what.ptr);
}

static void on_process_up(const hf_message *m)
{
    struct hf_process_up p;

    if (hf_process_up_decode(m->body, &p) == HF_OK)
        note("PROCESS_UP role=%u pid=%u starts=%u protections=%zu", p.role, p.pid, p.starts, p.protections.len);
}

static void on_stop(void)
{
    note("STOP");
    stopping = true;
    if (ordered("deaf"))
        return;
    if (is("core"))
        say_anchor("last anchor");
    else
        hf_loop_stop(loop);
}

static void on_config(const hf_message *m)
{
    struct hf_config_core c;
    char kinds[32] = "";

    for (size_t i = 0; i < m->n_fds; i++) {
        struct stat st;
        if (fstat(m->fds[i], &st) == 0)
            strcat(kinds, S_ISSOCK(st.st_mode) ? "s" : S_ISREG(st.st_mode) ? "f" : "?");
    }
    if (m->type == HF_MSG_CONFIG_CORE && hf_config_core_decode(m->body, &c) == HF_OK)
        note("CONFIG strict=%d lanes=%u", c.strict, c.lanes);
    else
        note("CONFIG %s fds=%s", hf_message_row_of(m->type)->name, kinds);
    if (is("store") || (is("gateway") && kinds[0] != '\0'))
        say_ready();
}

static void on_message(void *arg, hf_message *m)
{
    struct hf_ack ack;

    (void)arg;
    switch (m->type) {
    case HF_MSG_PEER_CHANNEL:
        on_peer(m);
        return;
    case HF_MSG_KEYSET:
        on_keyset(m);
        return;
    case HF_MSG_SAVED_FILES:
        on_saved(m);
        return;
    case HF_MSG_SEAL_IN_USE:
        on_seal(m);
        return;
    case HF_MSG_AUDIT_RING:
        on_ring(m);
        return;
    case HF_MSG_ALARM:
        on_alarm(m);
        return;
    case HF_MSG_PROCESS_UP:
        on_process_up(m);
        return;
    case HF_MSG_STOP:
        on_stop();
        return;
    case HF_MSG_ACK:
        note("ACK %llu %s", (unsigned long long)m->id,
             hf_ack_decode(m->body, &ack) == HF_OK ? hf_err_name((hf_err)ack.error) : "?");
        if (stopping && !ordered("deaf"))
            hf_loop_stop(loop);
        return;
    default:
        on_config(m);
    }
}

static void on_end(void *arg, hf_err cause)
{
    (void)arg;
    note("END %s", hf_err_name(cause));
    _exit(0);
}

static void on_signal(void *arg, uint32_t events)
{
    struct signalfd_siginfo info;

    (void)arg;
    (void)events;
    if (read(signals.fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        act();
}

static void start(void)
{
    hf_arena *arena = NULL;
    const char *why = "";
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    if (hf_arena_create(&(hf_arena_spec) { 1 << 20, HF_BACKING_MALLOC }, &arena, &why) != HF_OK)
        _exit(9);
    hf_secret_use_arena(arena);
    signals = (hf_watch) { .fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), .fn = on_signal };
    if (hf_loop_new(&loop) != HF_OK || hf_loop_watch(loop, &signals, EPOLLIN) != HF_OK ||
        hf_channel_new(3, 1 << 20, hf_message_max_body, &supervisor) != HF_OK ||
        hf_channel_attach(supervisor, loop, on_message, on_end, NULL) != HF_OK)
        _exit(9);
}

int main(int argc, char **argv)
{
    struct stat dir;

    name = argv[0];
    note("START uid=%s gid=%s folder=%d", argc > 2 ? argv[2] : "-", argc > 4 ? argv[4] : "-",
         fstat(4, &dir) == 0 && S_ISDIR(dir.st_mode));
    file_text("", orders, sizeof(orders));
    if (ordered("exit"))
        return 3;
    start();
    if (hf_loop_run(loop) != HF_OK)
        return 9;
    note("EXIT");
    return 0;
}
