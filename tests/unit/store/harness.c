#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_MS 10000
#define QUEUE_BYTES (8u << 20)
#define OTHER_USER "65534"

static uint8_t body[1 << 21];

static void pair(int fds[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
}

static hf_channel *channel_on(int fd)
{
    hf_channel *c = NULL;

    assert_int_equal(hf_channel_new(fd, QUEUE_BYTES, hf_message_max_body, &c), HF_OK);
    return c;
}

static void become_store(const store_start *how, int channel, int folder, int log)
{
    char *plain[] = { (char *)(uintptr_t)"store", NULL };
    char *dropped[] = { (char *)(uintptr_t)"store", (char *)(uintptr_t)"--uid",    (char *)(uintptr_t)OTHER_USER,
                        (char *)(uintptr_t)"--gid", (char *)(uintptr_t)OTHER_USER, NULL };

    /* High numbers first, so that neither is in the other's way. */
    int c = fcntl(channel, F_DUPFD, 20), f = fcntl(folder, F_DUPFD, 20);
    if (c < 0 || f < 0 || dup2(log, 2) < 0 || dup2(c, 3) < 0 || dup2(f, 4) < 0)
        _exit(120);
    execv(how->program, how->drop_uid && geteuid() == 0 ? dropped : plain);
    _exit(121);
}

void store_spawn(store_run *r, const store_start *how)
{
    int fds[2], folder = open(how->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    uint8_t config_body[64];
    hf_writer w = hf_writer_on(config_body, sizeof(config_body));
    struct hf_config_store config = { .strict = how->strict, .engine = how->engine };

    memset(r, 0, sizeof(*r));
    assert_true(folder >= 0);
    snprintf(r->log, sizeof(r->log), "%s.log", how->log == NULL ? how->folder : how->log);
    int log = open(r->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(log >= 0);
    pair(fds);
    r->pid = fork();
    assert_true(r->pid >= 0);
    if (r->pid == 0)
        become_store(how, fds[1], folder, log);
    close(fds[1]);
    close(folder);
    close(log);
    r->supervisor = channel_on(fds[0]);
    assert_int_equal(hf_config_store_encode(&config, &w), HF_OK);
    /* A process that refuses its arguments may be gone already. */
    hf_err e = hf_channel_send(r->supervisor, HF_MSG_CONFIG_STORE, 0, hf_writer_view(&w), NULL, 0);
    assert_true(e == HF_OK || e == HF_ERR_PEER_GONE);
}

bool store_wait_ready(store_run *r, hf_message *ret)
{
    hf_message m;

    if (hf_channel_wait(r->supervisor, WAIT_MS, &m) != HF_OK)
        return false;
    assert_int_equal(m.type, HF_MSG_READY);
    if (ret != NULL)
        *ret = m;
    return true;
}

void store_connect_core(store_run *r)
{
    uint8_t peer_body[8];
    hf_writer w = hf_writer_on(peer_body, sizeof(peer_body));
    struct hf_peer_channel peer = { .role = HF_PEER_CORE };
    int fds[2];

    hf_channel_free(r->core);
    pair(fds);
    assert_int_equal(hf_peer_channel_encode(&peer, &w), HF_OK);
    assert_int_equal(hf_channel_send(r->supervisor, HF_MSG_PEER_CHANNEL, 0, hf_writer_view(&w), &fds[1], 1), HF_OK);
    close(fds[1]);
    r->core = channel_on(fds[0]);
}

void store_run_start(store_run *r, const store_start *how)
{
    store_spawn(r, how);
    if (!store_wait_ready(r, NULL))
        fail_msg("the store did not become ready; see %s", r->log);
    store_connect_core(r);
}

/* ---- requests ---- */

void store_ops_begin(store_ops *o)
{
    o->w = hf_writer_on(o->bytes, sizeof(o->bytes));
}

void store_ops_add(store_ops *o, hf_change_op op, uint8_t kind, uint8_t id, uint64_t version, const void *blob,
                   size_t len)
{
    struct hf_store_op row = { .op = (uint8_t)op, .kind = kind, .version = version, .blob = hf_view_of(blob, len) };

    memset(row.id, id, sizeof(row.id));
    assert_int_equal(hf_store_op_encode(&row, &o->w), HF_OK);
}

/* The socket is non-blocking: what it does not take now follows while waiting for answers. */
bool store_send_commit(store_run *r, const store_ops *o, uint64_t *ret_id)
{
    hf_writer w = hf_writer_on(body, sizeof(body));
    struct hf_store_commit commit = { .ops = hf_writer_view(&o->w) };

    assert_int_equal(hf_store_commit_encode(&commit, &w), HF_OK);
    *ret_id = ++r->next_id;
    return hf_channel_send(r->core, HF_MSG_STORE_COMMIT, *ret_id, hf_writer_view(&w), NULL, 0) == HF_OK;
}

static bool await(store_run *r, uint16_t type, hf_message *ret)
{
    /* Answers of a store that is gone by now are still there to be read. */
    assert_int_not_equal(hf_channel_drain(r->core, WAIT_MS), HF_ERR_TIMEOUT);
    hf_err e = hf_channel_wait(r->core, WAIT_MS, ret);
    if (e == HF_ERR_TIMEOUT)
        fail_msg("the store does not answer; see %s", r->log);
    if (e == HF_OK)
        assert_int_equal(ret->type, type);
    return e == HF_OK;
}

bool store_take_done(store_run *r, uint64_t *ret_id, hf_err *ret_error, char *why)
{
    struct hf_store_done done;
    hf_message m;

    if (!await(r, HF_MSG_STORE_DONE, &m))
        return false;
    assert_int_equal(hf_store_done_decode(m.body, &done), HF_OK);
    *ret_id = m.id;
    *ret_error = (hf_err)done.error;
    if (why != NULL)
        snprintf(why, 256, "%.*s", (int)done.why.len, (const char *)done.why.ptr);
    return true;
}

hf_err store_put(store_run *r, uint8_t kind, uint8_t id, uint64_t version, const void *blob, size_t len)
{
    static store_ops o;
    uint64_t sent, got;
    hf_err e;

    store_ops_begin(&o);
    store_ops_add(&o, HF_CHANGE_PUT, kind, id, version, blob, len);
    if (!store_send_commit(r, &o, &sent) || !store_take_done(r, &got, &e, NULL))
        return HF_ERR_PEER_GONE;
    assert_int_equal(got, sent);
    return e;
}

static struct hf_store_rows ask(store_run *r, uint16_t type, hf_view request)
{
    struct hf_store_rows rows;
    hf_message m;
    uint64_t id = ++r->next_id;

    assert_int_equal(hf_channel_send(r->core, type, id, request, NULL, 0), HF_OK);
    assert_true(await(r, HF_MSG_STORE_ROWS, &m));
    assert_int_equal(m.id, id);
    assert_int_equal(hf_store_rows_decode(m.body, &rows), HF_OK);
    return rows;
}

struct hf_store_rows store_scan(store_run *r, uint8_t kind, const hf_row_key *after, uint32_t max_bytes)
{
    uint8_t request[128];
    hf_writer w = hf_writer_on(request, sizeof(request));
    struct hf_store_scan scan = { .kind = kind, .from_start = after == NULL, .max_bytes = max_bytes };

    if (after != NULL) {
        memcpy(scan.after_id, after->id, sizeof(scan.after_id));
        scan.after_version = after->version;
    }
    assert_int_equal(hf_store_scan_encode(&scan, &w), HF_OK);
    return ask(r, HF_MSG_STORE_SCAN, hf_writer_view(&w));
}

struct hf_store_rows store_get(store_run *r, uint8_t kind, uint8_t id, uint64_t version)
{
    uint8_t request[128];
    hf_writer w = hf_writer_on(request, sizeof(request));
    struct hf_store_get get = { .kind = kind, .version = version };

    memset(get.id, id, sizeof(get.id));
    assert_int_equal(hf_store_get_encode(&get, &w), HF_OK);
    return ask(r, HF_MSG_STORE_GET, hf_writer_view(&w));
}

size_t store_count(store_run *r, uint8_t kind)
{
    hf_row_key last;
    struct hf_store_rows rows;
    size_t n = 0;

    do {
        rows = store_scan(r, kind, n == 0 ? NULL : &last, 0);
        assert_int_equal(rows.error, HF_OK);
        hf_reader list = hf_reader_of(rows.rows);
        struct hf_store_row row;
        while (hf_store_row_next(&list, &row)) {
            memcpy(last.id, row.id, sizeof(last.id));
            last.version = row.version;
            n++;
        }
        assert_false(list.failed);
    } while (rows.more);
    return n;
}

/* ---- the end ---- */

bool store_core_ended(store_run *r)
{
    hf_message m;
    hf_err e;

    do
        e = hf_channel_wait(r->core, WAIT_MS, &m);
    while (e == HF_OK);
    return e == HF_ERR_PEER_GONE;
}

void store_send_stop(store_run *r)
{
    assert_int_equal(hf_channel_send(r->supervisor, HF_MSG_STOP, 0, hf_view_of(NULL, 0), NULL, 0), HF_OK);
}

int store_wait_exit(store_run *r)
{
    int status = 0, pidfd = (int)syscall(SYS_pidfd_open, r->pid, 0);
    struct pollfd p = { .fd = pidfd, .events = POLLIN };

    assert_true(pidfd >= 0);
    int n = poll(&p, 1, WAIT_MS);
    close(pidfd);
    if (n != 1)
        kill(r->pid, SIGKILL);
    assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
    hf_channel_free(r->supervisor);
    hf_channel_free(r->core);
    r->supervisor = r->core = NULL;
    if (n != 1)
        fail_msg("the store did not end; see %s", r->log);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void store_stop(store_run *r)
{
    store_send_stop(r);
    assert_int_equal(store_wait_exit(r), 0);
}

bool store_log_has(const store_run *r, const char *text)
{
    char log[16384];
    int fd = open(r->log, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    ssize_t n = read(fd, log, sizeof(log) - 1);
    close(fd);
    assert_true(n >= 0);
    log[n] = '\0';
    if (strstr(log, text) != NULL)
        return true;
    print_message("# the log does not hold '%s' but: %s\n", text, log);
    return false;
}

/* ---- folders ---- */

void folder_make(char *dst, size_t cap)
{
    snprintf(dst, cap, "/tmp/holdfast-store-XXXXXX");
    assert_non_null(mkdtemp(dst));
}

void folder_remove(const char *path)
{
    char log[160];
    DIR *d = opendir(path);

    if (d != NULL) {
        for (struct dirent *e; (e = readdir(d)) != NULL;)
            if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
                unlinkat(dirfd(d), e->d_name, 0);
        closedir(d);
    }
    rmdir(path);
    snprintf(log, sizeof(log), "%s.log", path);
    unlink(log);
}

bool folder_has(const char *folder, const char *name)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}
