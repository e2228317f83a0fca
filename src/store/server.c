#include "store/server.h"

#include "base/log.h"
#include "proto/gen/messages.h"
#include "store/group.h"
#include "store/rows.h"
#include "store/tail.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define QUEUE_BYTES (8u << 20)
#define ANSWER_BYTES (1114112 + 64)
#define LAST_ANSWERS_MS 1000

struct hf_server {
    hf_engine *engine;
    hf_loop *loop;
    hf_channel *supervisor;
    hf_channel *core; /* NULL: none now */
    hf_watch term;
    pid_t parent;
    hf_group group;
    hf_tail tail;
    bool tidy_failed; /* said once, not at every try */
    int exit_code;
    uint8_t answer[ANSWER_BYTES];
};

/* ---- core ---- */

static void drop_core(hf_server *s)
{
    hf_channel_free(s->core);
    s->core = NULL;
}

static void core_fault(hf_server *s, const char *what)
{
    hf_log(HF_LOG_ERROR, "core's channel ends: %s", what);
    drop_core(s);
}

static void send_core(hf_server *s, uint16_t type, uint64_t id, hf_view body)
{
    if (s->core == NULL)
        return;
    hf_err e = hf_channel_send(s->core, type, id, body, NULL, 0);
    if (e == HF_ERR_PEER_GONE)
        drop_core(s);
    else if (e != HF_OK)
        core_fault(s, "it does not read its answers");
}

static void send_done(void *arg, const hf_group_answer *a)
{
    hf_server *s = arg;
    uint8_t body[512];
    hf_writer w = hf_writer_on(body, sizeof(body));
    struct hf_store_done done = { .error = (uint16_t)a->error, .why = hf_view_str(a->why) };

    if (a->error == HF_ERR_STORE || a->error == HF_ERR_INTEGRITY)
        hf_log(HF_LOG_ERROR, "a commit failed: %s", a->why);
    if (hf_store_done_encode(&done, &w) != HF_OK) {
        core_fault(s, "an answer could not be formed");
        return;
    }
    send_core(s, HF_MSG_STORE_DONE, a->id, hf_writer_view(&w));
}

/* After a failed write nobody knows what is on the disk: tell who waits, then let a new process read it. */
static void end_broken(hf_server *s)
{
    hf_log(HF_LOG_ERROR, "ending, because %s; what the disk holds is not known until the store is opened anew",
           hf_engine_why(s->engine)[0] == '\0' ? "a write failed" : hf_engine_why(s->engine));
    if (s->core != NULL && hf_channel_drain(s->core, LAST_ANSWERS_MS) != HF_OK)
        hf_log(HF_LOG_WARN, "core did not take its last answers");
    s->exit_code = 1;
    hf_loop_stop(s->loop);
}

static void commit_group(hf_server *s)
{
    if (hf_group_commit(&s->group, send_done, s) != HF_OK)
        end_broken(s);
}

static void answer_rows(hf_server *s, const hf_message *m, hf_err e, const hf_writer *w)
{
    if (w->failed || w->len == 0) {
        core_fault(s, "an answer could not be formed");
        return;
    }
    if (e == HF_ERR_STORE || e == HF_ERR_INTEGRITY)
        hf_log(HF_LOG_ERROR, "a read failed: %s", hf_engine_why(s->engine));
    send_core(s, HF_MSG_STORE_ROWS, m->id, hf_writer_view(w));
}

/* Reads see what was acknowledged: commits that came before are finished first. */
static hf_err on_scan(hf_server *s, const hf_message *m)
{
    hf_writer w = hf_writer_on(s->answer, sizeof(s->answer));
    struct hf_store_scan scan;

    HF_TRY(hf_store_scan_decode(m->body, &scan));
    commit_group(s);
    answer_rows(s, m, hf_rows_scan(s->engine, &scan, &w), &w);
    return HF_OK;
}

static hf_err on_get(hf_server *s, const hf_message *m)
{
    hf_writer w = hf_writer_on(s->answer, sizeof(s->answer));
    struct hf_store_get get;

    HF_TRY(hf_store_get_decode(m->body, &get));
    commit_group(s);
    answer_rows(s, m, hf_rows_get(s->engine, &get, &w), &w);
    return HF_OK;
}

static hf_err on_commit(hf_server *s, const hf_message *m)
{
    struct hf_store_commit commit;

    HF_TRY(hf_store_commit_decode(m->body, &commit));
    HF_TRY(hf_group_add(&s->group, m->id, commit.ops));
    if (hf_group_full(&s->group))
        commit_group(s);
    return HF_OK;
}

/* From core, or from the supervisor, which keeps it over core's death. */
static hf_err on_ring(hf_server *s, const hf_message *m)
{
    struct hf_audit_ring ring;

    HF_TRY(hf_audit_ring_decode(m->body, &ring));
    HF_CHECK(m->n_fds == 1, HF_ERR_MALFORMED);
    hf_err e = hf_tail_map(&s->tail, m->fds[0]);
    if (e == HF_OK && ring.bytes != s->tail.bytes)
        e = HF_ERR_MALFORMED;
    if (e != HF_OK)
        hf_log(HF_LOG_ERROR, "the audit ring cannot be used: %s", hf_err_text(e));
    return e;
}

static hf_err core_message(hf_server *s, const hf_message *m)
{
    HF_CHECK(hf_message_allowed(m->type, HF_PEER_CORE), HF_ERR_DENIED);
    HF_CHECK(m->n_fds == 0 || m->type == HF_MSG_AUDIT_RING, HF_ERR_MALFORMED);
    switch (m->type) {
    case HF_MSG_STORE_SCAN:
        return on_scan(s, m);
    case HF_MSG_STORE_GET:
        return on_get(s, m);
    case HF_MSG_STORE_COMMIT:
        return on_commit(s, m);
    case HF_MSG_AUDIT_RING:
        return on_ring(s, m);
    default:
        return HF_ERR_DENIED;
    }
}

static void close_message(hf_message *m)
{
    for (size_t i = 0; i < m->n_fds; i++)
        if (m->fds[i] >= 0)
            close(m->fds[i]);
    m->n_fds = 0;
}

/* Whoever frees the channel inside the call closes the message's descriptors, as the loop no longer does. */
static void on_core(void *arg, hf_message *m)
{
    hf_server *s = arg;
    hf_err e = core_message(s, m);

    if (e != HF_OK && s->core != NULL)
        core_fault(s, e == HF_ERR_DENIED ? "it sent what core may not send" : hf_err_text(e));
    if (s->core == NULL)
        close_message(m);
}

/* What core asked for before it died is still done; nobody takes the answers. */
static void on_core_end(void *arg, hf_err cause)
{
    hf_server *s = arg;

    if (cause != HF_ERR_PEER_GONE)
        hf_log(HF_LOG_ERROR, "core's channel ends: %s", hf_err_text(cause));
    drop_core(s);
    commit_group(s);
}

/* Does what core has sent already: when it is about to be replaced, or this process to end. */
static void take_rest(hf_server *s)
{
    hf_message m;
    bool got = true;

    while (s->core != NULL && !hf_engine_broken(s->engine)) {
        if (hf_channel_receive(s->core, &m, &got) != HF_OK || !got)
            break;
        on_core(s, &m);
        close_message(&m);
    }
    if (!hf_engine_broken(s->engine))
        commit_group(s);
}

/* ---- supervisor ---- */

static size_t core_max_body(uint16_t type)
{
    return hf_message_allowed(type, HF_PEER_CORE) ? hf_message_max_body(type) : 0;
}

static hf_err on_peer(hf_server *s, hf_message *m)
{
    struct hf_peer_channel peer;

    HF_TRY(hf_peer_channel_decode(m->body, &peer));
    HF_CHECK(m->n_fds == 1 && peer.role == HF_PEER_CORE, HF_ERR_DENIED);
    take_rest(s);
    drop_core(s);
    int fd = m->fds[0];
    m->fds[0] = -1; /* the channel's from here on */
    HF_TRY(hf_channel_new(fd, QUEUE_BYTES, core_max_body, &s->core));
    hf_err e = hf_channel_attach(s->core, s->loop, on_core, on_core_end, s);
    if (e != HF_OK)
        drop_core(s);
    return e;
}

static hf_err supervisor_message(hf_server *s, hf_message *m)
{
    HF_CHECK(hf_message_allowed(m->type, HF_PEER_SUPERVISOR), HF_ERR_DENIED);
    switch (m->type) {
    case HF_MSG_PEER_CHANNEL:
        return on_peer(s, m);
    case HF_MSG_AUDIT_RING:
        return on_ring(s, m);
    case HF_MSG_STOP:
        hf_loop_stop(s->loop);
        return HF_OK;
    default:
        return HF_ERR_DENIED;
    }
}

static void on_supervisor(void *arg, hf_message *m)
{
    hf_server *s = arg;
    hf_err e = supervisor_message(s, m);

    if (e == HF_OK)
        return;
    hf_log(HF_LOG_ERROR, "message 0x%04x from the supervisor is refused: %s", m->type, hf_err_text(e));
    s->exit_code = 1;
    hf_loop_stop(s->loop);
}

static void on_supervisor_end(void *arg, hf_err cause)
{
    hf_server *s = arg;

    if (cause != HF_ERR_PEER_GONE) {
        hf_log(HF_LOG_ERROR, "the supervisor's channel ends: %s", hf_err_text(cause));
        s->exit_code = 1;
    }
    hf_channel_free(s->supervisor);
    s->supervisor = NULL;
    hf_loop_stop(s->loop);
}

static void on_term(void *arg, uint32_t events)
{
    hf_server *s = arg;
    struct signalfd_siginfo info;

    (void)events;
    /* From our parent, or for its death. A unit's stop reaches all its processes at once: core still has segments for us. */
    if (read(s->term.fd, &info, sizeof(info)) == (ssize_t)sizeof(info) && (pid_t)info.ssi_pid == s->parent)
        hf_loop_stop(s->loop);
}

/* ---- the loop ---- */

static void before_wait(void *arg)
{
    hf_server *s = arg;

    if (hf_engine_broken(s->engine))
        return;
    commit_group(s);
    if (hf_engine_broken(s->engine) || hf_engine_tidy(s->engine) == HF_OK)
        return;
    if (hf_engine_broken(s->engine)) {
        end_broken(s);
        return;
    }
    if (!s->tidy_failed)
        hf_log(HF_LOG_WARN, "the write-ahead log cannot be moved into the database: %s", hf_engine_why(s->engine));
    s->tidy_failed = true;
}

/* Closes at once: the engine's own close would write again. */
static int finish_broken(hf_server *s)
{
    hf_engine_abandon(s->engine);
    s->engine = NULL;
    return 1;
}

static void save_tail(hf_server *s)
{
    size_t bytes = 0;
    hf_err e = hf_tail_save(&s->tail, s->engine, &bytes);

    if (e != HF_OK) {
        hf_log(HF_LOG_ERROR, "the last audit records could not all be saved: %s",
               e == HF_ERR_STORE ? hf_engine_why(s->engine) : hf_err_text(e));
        s->exit_code = 1;
    } else if (bytes > 0) {
        hf_log(HF_LOG_INFO, "%zu bytes of audit records were saved from the ring", bytes);
    }
}

static void finish_core(hf_server *s)
{
    take_rest(s);
    if (s->core != NULL && hf_channel_drain(s->core, LAST_ANSWERS_MS) != HF_OK)
        hf_log(HF_LOG_WARN, "core did not take its last answers");
}

static int finish(hf_server *s)
{
    if (hf_engine_broken(s->engine))
        return finish_broken(s);
    finish_core(s);
    if (hf_engine_broken(s->engine))
        return finish_broken(s);
    save_tail(s);
    if (hf_engine_broken(s->engine)) {
        end_broken(s);
        return finish_broken(s);
    }
    hf_err e = hf_engine_close(s->engine);
    s->engine = NULL;
    if (e != HF_OK) {
        hf_log(HF_LOG_ERROR, "the database could not be closed in order; nothing acknowledged is lost");
        s->exit_code = 1;
    }
    return s->exit_code;
}

static void server_free(hf_server *s)
{
    hf_channel_free(s->core);
    hf_channel_free(s->supervisor);
    if (s->term.fd >= 0)
        close(s->term.fd);
    hf_tail_unmap(&s->tail);
    hf_loop_free(s->loop);
    free(s);
}

static hf_err watch_term(hf_server *s)
{
    sigset_t term;

    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    s->term = (hf_watch) { .fd = signalfd(-1, &term, SFD_CLOEXEC | SFD_NONBLOCK), .fn = on_term, .arg = s };
    HF_CHECK(s->term.fd >= 0, HF_ERR_SYSTEM);
    return hf_loop_watch(s->loop, &s->term, EPOLLIN);
}

hf_err hf_server_new(hf_engine *engine, hf_channel *supervisor, hf_server **ret)
{
    hf_server *s = calloc(1, sizeof(*s));

    HF_CHECK(s != NULL, HF_ERR_SYSTEM);
    s->term.fd = -1;
    s->parent = getppid();
    s->group.engine = engine;
    hf_err e = hf_loop_new(&s->loop);
    if (e == HF_OK)
        e = watch_term(s);
    if (e == HF_OK)
        e = hf_channel_attach(supervisor, s->loop, on_supervisor, on_supervisor_end, s);
    if (e != HF_OK) {
        server_free(s);
        return e;
    }
    s->engine = engine;
    s->supervisor = supervisor;
    hf_loop_before_wait(s->loop, before_wait, s);
    *ret = s;
    return HF_OK;
}

hf_err hf_server_ready(hf_server *s, const hf_protections *report)
{
    uint8_t rows[8000], body[8192];
    hf_writer list = hf_writer_on(rows, sizeof(rows)), w = hf_writer_on(body, sizeof(body));

    for (size_t i = 0; i < report->n; i++) {
        struct hf_protection_row row = { .process = hf_view_str("store"),
                                         .name = hf_view_str(report->row[i].name),
                                         .state = (uint8_t)report->row[i].state,
                                         .why = hf_view_str(report->row[i].why) };
        HF_TRY(hf_protection_row_encode(&row, &list));
    }
    struct hf_ready ready = { .protections = hf_writer_view(&list) };
    HF_TRY(hf_ready_encode(&ready, &w));
    return hf_channel_send(s->supervisor, HF_MSG_READY, 0, hf_writer_view(&w), NULL, 0);
}

int hf_server_run(hf_server *s)
{
    hf_err e = hf_loop_run(s->loop);

    if (e != HF_OK) {
        hf_log(HF_LOG_ERROR, "the event loop ended: %s", hf_err_text(e));
        s->exit_code = 1;
    }
    int code = finish(s);
    server_free(s);
    return code;
}
