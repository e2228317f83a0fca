/*
 * The real store program, spoken to over its channels: right and wrong messages, group commit, the death of each
 * neighbour, the audit ring's last entries, a full and a read-only disk.
 *
 *   test-store-protocol PATH-OF-STORE
 */
#include "harness.h"

#include "audit/ring.h"
#include "failing.h"
#include "records/row.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const char *program;
static store_ops ops;

typedef struct place {
    char folder[64];
    store_run r;
    store_start how;
} place;

static int set_up(void **state)
{
    place *p = calloc(1, sizeof(*p));

    folder_make(p->folder, sizeof(p->folder));
    p->how = (store_start) { .program = program, .folder = p->folder };
    store_run_start(&p->r, &p->how);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    place *p = *state;

    if (p->r.supervisor != NULL)
        store_stop(&p->r);
    folder_remove(p->folder);
    free(p);
    return 0;
}

static void restart(place *p)
{
    store_stop(&p->r);
    store_run_start(&p->r, &p->how);
}

/* ---- right messages ---- */

static void ready_names_the_protections(void **state)
{
    place *p = *state;
    struct hf_ready ready;
    struct hf_protection_row row;
    hf_message m;
    bool seccomp = false, landlock = false, own_uid = false;

    store_stop(&p->r);
    p->how.drop_uid = true;
    store_spawn(&p->r, &p->how);
    assert_true(store_wait_ready(&p->r, &m));
    assert_int_equal(hf_ready_decode(m.body, &ready), HF_OK);
    hf_reader list = hf_reader_of(ready.protections);
    while (hf_protection_row_next(&list, &row)) {
        assert_true(hf_view_eq_str(row.process, "store"));
        seccomp |= hf_view_eq_str(row.name, "seccomp");
        landlock |= hf_view_eq_str(row.name, "landlock") && row.state == 0;
        own_uid |= hf_view_eq_str(row.name, "own-uid") && (row.state == 0) == (geteuid() == 0);
    }
    assert_false(list.failed);
    assert_true(seccomp && landlock && own_uid);
    /* Under the other uid it still works, to the removal of its log. */
    store_connect_core(&p->r);
    assert_int_equal(store_put(&p->r, 1, 1, 0, "x", 1), HF_OK);
    store_stop(&p->r);
    assert_true(folder_has(p->folder, "store.db"));
    assert_false(folder_has(p->folder, "store.db-wal"));
}

static void strict_start_works_as_root(void **state)
{
    place *p = *state;

    if (geteuid() != 0) {
        print_message("# skipped: needs root for an own uid and network\n");
        skip();
    }
    store_stop(&p->r);
    p->how.drop_uid = true;
    p->how.strict = true;
    store_run_start(&p->r, &p->how);
    assert_int_equal(store_put(&p->r, 1, 1, 0, "x", 1), HF_OK);
}

static void rows_come_back(void **state)
{
    place *p = *state;
    static uint8_t blob[131072];
    struct hf_store_row row;

    memset(blob, 0x5a, sizeof(blob));
    assert_int_equal(store_put(&p->r, 2, 7, 3, blob, sizeof(blob)), HF_OK);
    for (int round = 0; round < 2; round++) {
        struct hf_store_rows rows = store_get(&p->r, 2, 7, 3);
        hf_reader list = hf_reader_of(rows.rows);
        assert_int_equal(rows.error, HF_OK);
        assert_true(hf_store_row_next(&list, &row));
        assert_int_equal(row.blob.len, sizeof(blob));
        assert_memory_equal(row.blob.ptr, blob, sizeof(blob));
        assert_int_equal(list.left.len, 0);
        assert_int_equal(store_get(&p->r, 2, 7, 4).error, HF_ERR_NOT_FOUND);
        restart(p);
    }
}

static void scan_comes_in_pages(void **state)
{
    place *p = *state;
    static uint8_t blob[100000];
    hf_row_key last = { 0 };
    size_t pages = 0, n = 0;
    bool more = true;

    for (uint8_t i = 0; i < 30; i++)
        assert_int_equal(store_put(&p->r, 2, i, i, blob, i == 3 ? sizeof(blob) : 1000), HF_OK);
    while (more) {
        struct hf_store_rows rows = store_scan(&p->r, 2, n == 0 ? NULL : &last, 4096);
        hf_reader list = hf_reader_of(rows.rows);
        struct hf_store_row row;
        assert_int_equal(rows.error, HF_OK);
        for (size_t in_page = 0; hf_store_row_next(&list, &row); in_page++, n++) {
            assert_int_equal(row.id[0], n);
            assert_true(in_page == 0 || rows.rows.len <= 4096);
            memcpy(last.id, row.id, sizeof(last.id));
            last.version = row.version;
        }
        more = rows.more;
        pages++;
    }
    assert_int_equal(n, 30);
    assert_true(pages >= 9 && pages <= 12);
    assert_int_equal(store_count(&p->r, 2), 30);
}

/* A megabyte and more of rows needs several answers even without a bound. */
static void large_table_is_read_whole(void **state)
{
    place *p = *state;
    static uint8_t blob[131072];

    for (uint8_t i = 0; i < 20; i++)
        assert_int_equal(store_put(&p->r, 2, i, 0, blob, sizeof(blob)), HF_OK);
    assert_int_equal(store_count(&p->r, 2), 20);
}

/* ---- transactions ---- */

static void commit_is_all_or_nothing(void **state)
{
    place *p = *state;
    uint64_t sent, got;
    char why[256];
    hf_err e;

    assert_int_equal(store_put(&p->r, 1, 9, 0, "there", 5), HF_OK);
    store_ops_begin(&ops);
    store_ops_add(&ops, HF_CHANGE_PUT, 1, 1, 0, "a", 1);
    store_ops_add(&ops, HF_CHANGE_DELETE, 1, 9, 0, NULL, 0);
    store_ops_add(&ops, HF_CHANGE_PUT, 1, 9, 0, "b", 1);
    store_ops_add(&ops, HF_CHANGE_INSERT, 1, 9, 0, "c", 1);
    assert_true(store_send_commit(&p->r, &ops, &sent));
    assert_true(store_take_done(&p->r, &got, &e, why));
    assert_int_equal(e, HF_ERR_CONFLICT);
    assert_string_equal(why, "the row exists already");
    assert_int_equal(store_count(&p->r, 1), 1);
    struct hf_store_rows rows = store_get(&p->r, 1, 9, 0);
    hf_reader list = hf_reader_of(rows.rows);
    struct hf_store_row row;
    assert_true(hf_store_row_next(&list, &row));
    assert_true(hf_view_eq_str(row.blob, "there"));
}

/*
 * Forty commits wait while the store is stopped; one conflicts. All that are well share one transaction: the log
 * grows by few pages, where forty transactions would write forty.
 */
static void waiting_commits_share_one_transaction(void **state)
{
    place *p = *state;
    uint64_t first = 0, sent, got;
    struct stat before, after;
    char log[128];
    hf_err e;

    assert_int_equal(store_put(&p->r, 1, 200, 0, "there", 5), HF_OK);
    snprintf(log, sizeof(log), "%s/store.db-wal", p->folder);
    assert_int_equal(stat(log, &before), 0);
    assert_int_equal(kill(p->r.pid, SIGSTOP), 0);
    for (uint8_t i = 0; i < 40; i++) {
        store_ops_begin(&ops);
        store_ops_add(&ops, HF_CHANGE_PUT, 1, i, 0, "x", 1);
        if (i == 20)
            store_ops_add(&ops, HF_CHANGE_INSERT, 1, 200, 0, "y", 1);
        assert_true(store_send_commit(&p->r, &ops, &sent));
        first = first == 0 ? sent : first;
    }
    assert_int_equal(kill(p->r.pid, SIGCONT), 0);
    for (uint8_t i = 0; i < 40; i++) {
        assert_true(store_take_done(&p->r, &got, &e, NULL));
        assert_int_equal(got, first + i); /* in order */
        assert_int_equal(e, i == 20 ? HF_ERR_CONFLICT : HF_OK);
    }
    assert_int_equal(stat(log, &after), 0);
    assert_true(after.st_size - before.st_size < 10 * 4120);
    assert_int_equal(store_count(&p->r, 1), 40);
    assert_int_equal(store_get(&p->r, 1, 20, 0).error, HF_ERR_NOT_FOUND);
}

/* A scan behind unanswered commits sees them, and their answers come first. */
static void reads_see_what_was_asked_before(void **state)
{
    place *p = *state;
    uint64_t sent, got;
    hf_err e;

    assert_int_equal(kill(p->r.pid, SIGSTOP), 0);
    store_ops_begin(&ops);
    store_ops_add(&ops, HF_CHANGE_PUT, 1, 1, 0, "x", 1);
    assert_true(store_send_commit(&p->r, &ops, &sent));
    uint8_t request[128];
    hf_writer w = hf_writer_on(request, sizeof(request));
    struct hf_store_scan scan = { .kind = 1, .from_start = true };
    assert_int_equal(hf_store_scan_encode(&scan, &w), HF_OK);
    assert_int_equal(hf_channel_send(p->r.core, HF_MSG_STORE_SCAN, 900, hf_writer_view(&w), NULL, 0), HF_OK);
    assert_int_equal(kill(p->r.pid, SIGCONT), 0);
    assert_true(store_take_done(&p->r, &got, &e, NULL));
    assert_int_equal(e, HF_OK);
    hf_message m;
    struct hf_store_rows rows;
    assert_int_equal(hf_channel_wait(p->r.core, 5000, &m), HF_OK);
    assert_int_equal(m.id, 900);
    assert_int_equal(hf_store_rows_decode(m.body, &rows), HF_OK);
    assert_true(rows.rows.len > 0);
}

/* ---- wrong messages ---- */

static void frame(uint8_t *dst, size_t *ret_len, uint8_t version, uint8_t flags, uint16_t type, uint32_t total,
                  const void *bytes, size_t len)
{
    hf_writer w = hf_writer_on(dst, 4096);

    hf_put_u8(&w, version);
    hf_put_u8(&w, flags);
    hf_put_u16(&w, type);
    hf_put_u32(&w, total);
    hf_put_u64(&w, 1);
    hf_put_bytes(&w, bytes, len);
    assert_false(w.failed);
    *ret_len = w.len;
}

/* Core's channel ends, the process does not, and a next core finds everything in order. */
static void ends_the_channel_only(place *p, const char *what)
{
    if (!store_core_ended(&p->r))
        fail_msg("the channel did not end after: %s", what);
    store_connect_core(&p->r);
    struct hf_store_rows rows = store_get(&p->r, 1, 1, 0);
    if (rows.error != HF_OK)
        fail_msg("the store is not well after: %s", what);
}

static void raw(place *p, const uint8_t *bytes, size_t len, const char *what)
{
    assert_int_equal(send(hf_channel_fd(p->r.core), bytes, len, MSG_NOSIGNAL), (ssize_t)len);
    ends_the_channel_only(p, what);
}

static void broken_frames_end_the_channel(void **state)
{
    place *p = *state;
    uint8_t f[4096], scan[64] = { 0 };
    uint64_t random = 88172645463325252u;
    size_t n;

    assert_int_equal(store_put(&p->r, 1, 1, 0, "x", 1), HF_OK);
    for (int i = 0; i < 50; i++) {
        for (size_t j = 0; j < 64; j++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            f[j] = (uint8_t)random;
        }
        raw(p, f, 1 + (size_t)i, "random bytes");
    }
    frame(f, &n, 2, 0, HF_MSG_STORE_SCAN, 30, scan, 30);
    raw(p, f, n, "another version");
    frame(f, &n, 1, 0x80, HF_MSG_STORE_SCAN, 30, scan, 30);
    raw(p, f, n, "an unknown flag");
    frame(f, &n, 1, 0, HF_MSG_STORE_SCAN, 30, scan, 29);
    raw(p, f, n, "fewer bytes than it says");
    frame(f, &n, 1, 0, HF_MSG_STORE_SCAN, 30, scan, 31);
    raw(p, f, n, "more bytes than it says");
    frame(f, &n, 1, 0, HF_MSG_STORE_SCAN, 29, scan, 29);
    raw(p, f, n, "a body that is cut");
    frame(f, &n, 1, 0, HF_MSG_STORE_SCAN, 31, scan, 31);
    raw(p, f, n, "a body with something behind it");
    scan[25] = 2;
    frame(f, &n, 1, 0, HF_MSG_STORE_SCAN, 30, scan, 30);
    raw(p, f, n, "a bool of 2");
    frame(f, &n, 1, 1, HF_MSG_STORE_COMMIT, 0xffffffff, scan, 60);
    raw(p, f, n, "a total of 4 GiB");
    frame(f, &n, 1, 1, HF_MSG_STORE_COMMIT, 1114113, scan, 60);
    raw(p, f, n, "one byte above the bound");
}

static void send_body(place *p, uint16_t type, const void *bytes, size_t len)
{
    assert_int_equal(hf_channel_send(p->r.core, type, 1, hf_view_of(bytes, len), NULL, 0), HF_OK);
}

/* Every type that core may not send, all answers of the store itself included. */
static void wrong_direction_ends_the_channel(void **state)
{
    place *p = *state;
    uint8_t nothing[8] = { 0 };
    size_t tried = 0;

    assert_int_equal(store_put(&p->r, 1, 1, 0, "x", 1), HF_OK);
    for (size_t i = 0; i < hf_message_row_count; i++) {
        uint16_t type = hf_message_rows[i].type;
        if (type == HF_MSG_STORE_SCAN || type == HF_MSG_STORE_GET || type == HF_MSG_STORE_COMMIT ||
            type == HF_MSG_AUDIT_RING)
            continue;
        send_body(p, type, nothing, sizeof(nothing));
        ends_the_channel_only(p, hf_message_rows[i].name);
        tried++;
    }
    assert_true(tried > 20);
    send_body(p, 0x7777, nothing, sizeof(nothing));
    ends_the_channel_only(p, "an unknown type");
}

static void send_op(place *p, uint8_t op, size_t blob, size_t cut)
{
    static uint8_t bytes[200000], body[200100];
    hf_writer w = hf_writer_on(body, sizeof(body));

    /* By hand, as the codec would refuse to write it. */
    hf_put_u32(&w, (uint32_t)(4 + 30 + blob - cut));
    hf_put_u32(&w, (uint32_t)(30 + blob));
    hf_put_u8(&w, op);
    hf_put_u8(&w, 1);
    hf_put_bytes(&w, bytes, 16);
    hf_put_u64(&w, 5);
    hf_put_u32(&w, (uint32_t)blob);
    hf_put_bytes(&w, bytes, blob - cut);
    assert_false(w.failed);
    send_body(p, HF_MSG_STORE_COMMIT, body, w.len);
}

static void wrong_operations_end_the_channel(void **state)
{
    place *p = *state;

    assert_int_equal(store_put(&p->r, 1, 1, 0, "x", 1), HF_OK);
    send_op(p, 0, 1, 0);
    ends_the_channel_only(p, "operation 0");
    send_op(p, 4, 1, 0);
    ends_the_channel_only(p, "operation 4");
    send_op(p, HF_CHANGE_DELETE, 1, 0);
    ends_the_channel_only(p, "a deletion with bytes");
    send_op(p, HF_CHANGE_PUT, 131073, 0);
    ends_the_channel_only(p, "a blob above its bound");
    send_op(p, HF_CHANGE_PUT, 100, 1);
    ends_the_channel_only(p, "a list that is cut");
    assert_int_equal(store_count(&p->r, 1), 1);
    send_op(p, HF_CHANGE_PUT, 100, 0);
    uint64_t id;
    hf_err e;
    assert_true(store_take_done(&p->r, &id, &e, NULL));
    assert_int_equal(e, HF_OK);
}

/* Nothing of a bad message stays, and the good one in the same group does. */
static void bad_message_leaves_its_neighbour(void **state)
{
    place *p = *state;
    static uint8_t bad[4096];
    uint64_t sent;

    assert_int_equal(store_put(&p->r, 1, 1, 0, "x", 1), HF_OK);
    assert_int_equal(kill(p->r.pid, SIGSTOP), 0);
    store_ops_begin(&ops);
    store_ops_add(&ops, HF_CHANGE_PUT, 1, 2, 0, "good", 4);
    assert_true(store_send_commit(&p->r, &ops, &sent));
    store_ops_begin(&ops);
    store_ops_add(&ops, HF_CHANGE_PUT, 1, 3, 0, "half", 4);
    store_ops_add(&ops, HF_CHANGE_PUT, 1, 4, 0, "half", 4);
    hf_writer w = hf_writer_on(bad, sizeof(bad));
    hf_put_view32(&w, hf_writer_view(&ops.w));
    bad[4 + 4 + 30 + 4 + 4] = 77; /* the second operation's code */
    send_body(p, HF_MSG_STORE_COMMIT, bad, w.len);
    assert_int_equal(kill(p->r.pid, SIGCONT), 0);
    ends_the_channel_only(p, "a bad message in a group");
    assert_int_equal(store_get(&p->r, 1, 2, 0).error, HF_OK);
    assert_int_equal(store_count(&p->r, 1), 2);
}

static void descriptors_where_none_belong(void **state)
{
    place *p = *state;
    uint8_t scan[30] = { 0 };
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    assert_int_equal(store_put(&p->r, 1, 1, 0, "x", 1), HF_OK);
    for (int i = 0; i < 100; i++) { /* more than it may have open: none stays */
        assert_int_equal(hf_channel_send(p->r.core, HF_MSG_STORE_SCAN, 1, hf_view_of(scan, sizeof(scan)), &fd, 1),
                         HF_OK);
        ends_the_channel_only(p, "a descriptor with a scan");
    }
    close(fd);
}

static void supervisor_may_not_speak_as_core(void **state)
{
    place *p = *state;
    uint8_t scan[30] = { 0 };

    assert_int_equal(store_put(&p->r, 1, 1, 0, "x", 1), HF_OK);
    assert_int_equal(hf_channel_send(p->r.supervisor, HF_MSG_STORE_SCAN, 1, hf_view_of(scan, sizeof(scan)), NULL, 0),
                     HF_OK);
    assert_int_equal(store_wait_exit(&p->r), 1);
    assert_false(folder_has(p->folder, "store.db-wal")); /* in order all the same */
    store_run_start(&p->r, &p->how);
    assert_int_equal(store_count(&p->r, 1), 1);
}

/* ---- the death of neighbours ---- */

static void what_core_asked_before_dying_is_done(void **state)
{
    place *p = *state;
    uint64_t sent;

    assert_int_equal(kill(p->r.pid, SIGSTOP), 0);
    for (uint8_t i = 0; i < 10; i++) {
        store_ops_begin(&ops);
        store_ops_add(&ops, HF_CHANGE_PUT, 1, i, 0, "x", 1);
        assert_true(store_send_commit(&p->r, &ops, &sent));
    }
    hf_channel_free(p->r.core);
    p->r.core = NULL;
    assert_int_equal(kill(p->r.pid, SIGCONT), 0);
    store_connect_core(&p->r);
    assert_int_equal(store_put(&p->r, 1, 100, 0, "x", 1), HF_OK);
    assert_int_equal(store_count(&p->r, 1), 11);
}

static void stop_finishes_what_has_arrived(void **state)
{
    place *p = *state;
    uint64_t sent, got;
    hf_err e;

    assert_int_equal(kill(p->r.pid, SIGSTOP), 0);
    for (uint8_t i = 0; i < 200; i++) { /* more than one turn of the loop takes */
        store_ops_begin(&ops);
        store_ops_add(&ops, HF_CHANGE_PUT, 1, i, 0, "x", 1);
        assert_true(store_send_commit(&p->r, &ops, &sent));
    }
    store_send_stop(&p->r);
    assert_int_equal(kill(p->r.pid, SIGCONT), 0);
    for (int i = 0; i < 200; i++) {
        assert_true(store_take_done(&p->r, &got, &e, NULL));
        assert_int_equal(e, HF_OK);
    }
    assert_int_equal(store_wait_exit(&p->r), 0);
    store_run_start(&p->r, &p->how);
    assert_int_equal(store_count(&p->r, 1), 200);
}

static void supervisor_gone_is_a_clean_stop(void **state)
{
    place *p = *state;

    assert_int_equal(store_put(&p->r, 1, 1, 0, "x", 1), HF_OK);
    hf_channel_free(p->r.supervisor);
    p->r.supervisor = NULL;
    assert_int_equal(store_wait_exit(&p->r), 0);
    assert_false(folder_has(p->folder, "store.db-wal"));
    store_run_start(&p->r, &p->how);
    assert_int_equal(store_count(&p->r, 1), 1);
}

static void memory_engine_leaves_no_file(void **state)
{
    place *p = *state;

    store_stop(&p->r);
    folder_remove(p->folder);
    assert_int_equal(mkdir(p->folder, 0700), 0);
    p->how.engine = HF_ENGINE_MEMORY;
    store_run_start(&p->r, &p->how);
    assert_int_equal(store_put(&p->r, 1, 1, 0, "x", 1), HF_OK);
    assert_int_equal(store_count(&p->r, 1), 1);
    store_stop(&p->r);
    assert_false(folder_has(p->folder, "store.db"));
    assert_int_equal(rmdir(p->folder), 0); /* empty */
}

/* ---- the audit ring ---- */

#define RING_BYTES (HF_RING_HEADER_BYTES + 262144)

typedef struct ring {
    int fd;
    uint8_t *memory;
    struct hf_ring writer;
    uint8_t all[300000]; /* every entry ever appended, in order */
    size_t len, starts[4000];
} ring;

static ring journal;

static void ring_make(ring *g, bool sealed)
{
    g->fd = memfd_create("ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_true(g->fd >= 0);
    assert_int_equal(ftruncate(g->fd, RING_BYTES), 0);
    g->memory = mmap(NULL, RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, g->fd, 0);
    assert_true(g->memory != MAP_FAILED);
    assert_int_equal(hf_ring_format(g->memory, RING_BYTES, &g->writer), HF_OK);
    if (sealed)
        assert_int_equal(fcntl(g->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL), 0);
    g->len = 0;
}

static void ring_free(ring *g)
{
    munmap(g->memory, RING_BYTES);
    close(g->fd);
}

/* Of the right form; hash and tag are core's affair. */
static void ring_append(ring *g, uint64_t seq)
{
    uint8_t entry[HF_AUDIT_ENTRY_MAX_BYTES] = { 0 }, record[HF_AUDIT_RECORD_MAX_BYTES];
    struct hf_audit_record rec = { .seq = seq, .time = { 1 }, .klass = 1, .count = 1, .actor = hf_view_str("somebody"),
                                   .detail = hf_view_str(seq % 3 == 0 ? "a longer detail of what was done" : "") };
    size_t n = 0;

    assert_int_equal(hf_audit_record_encode(&rec, record, &n), HF_OK);
    entry[0] = (uint8_t)(n >> 8);
    entry[1] = (uint8_t)n;
    memcpy(entry + 2, record, n);
    memset(entry + 2 + n, (int)(seq & 0xff), HF_AUDIT_HASH_BYTES + HF_AUDIT_TAG_BYTES);
    n += HF_AUDIT_ENTRY_OVERHEAD;
    assert_int_equal(hf_ring_append(&g->writer, hf_view_of(entry, n)), HF_OK);
    g->starts[seq] = g->len;
    memcpy(g->all + g->len, entry, n);
    g->len += n;
    g->starts[seq + 1] = g->len;
}

static void give_ring(hf_channel *to, const ring *g)
{
    uint8_t message[16];
    hf_writer w = hf_writer_on(message, sizeof(message));
    struct hf_audit_ring m = { .bytes = RING_BYTES };

    assert_int_equal(hf_audit_ring_encode(&m, &w), HF_OK);
    assert_int_equal(hf_channel_send(to, HF_MSG_AUDIT_RING, 0, hf_writer_view(&w), &g->fd, 1), HF_OK);
}

/* After a new start: the TAIL rows, put together, are exactly the entries behind `after`. */
static void tail_is(place *p, const ring *g, uint64_t after)
{
    static uint8_t got[300000];
    size_t len = 0, n = 0;
    struct hf_store_row row;

    struct hf_store_rows rows = store_scan(&p->r, HF_ROW_TAIL, NULL, 0);
    assert_int_equal(rows.error, HF_OK);
    hf_reader list = hf_reader_of(rows.rows);
    for (; hf_store_row_next(&list, &row); n++) {
        memcpy(got + len, row.blob.ptr, row.blob.len);
        len += row.blob.len;
    }
    assert_int_equal(len, g->len - g->starts[after + 1]);
    assert_memory_equal(got, g->all + g->starts[after + 1], len);
    print_message("# %zu bytes of entries in %zu rows\n", len, n);
}

static void kill_everybody_else(place *p)
{
    hf_channel_free(p->r.core);
    p->r.core = NULL;
    hf_channel_free(p->r.supervisor);
    p->r.supervisor = NULL;
    assert_int_equal(store_wait_exit(&p->r), 0);
    store_run_start(&p->r, &p->how);
}

static void ring_survives_everybody_else(void **state)
{
    place *p = *state;
    ring *g = &journal;

    ring_make(g, true);
    for (uint64_t seq = 1; seq <= 1500; seq++)
        ring_append(g, seq);
    give_ring(p->r.core, g);
    assert_int_equal(store_put(&p->r, HF_ROW_SEGMENT, 0, 100, "segment", 7), HF_OK);
    for (uint64_t seq = 1501; seq <= 1600; seq++) /* after the store has it */
        ring_append(g, seq);
    kill_everybody_else(p);
    tail_is(p, g, 100);
    /* The next time there is less: the older rows go. */
    give_ring(p->r.supervisor, g);
    assert_int_equal(store_put(&p->r, HF_ROW_SEGMENT, 0, 1598, "segment", 7), HF_OK);
    kill_everybody_else(p);
    tail_is(p, g, 1598);
    assert_int_equal(store_count(&p->r, HF_ROW_TAIL), 1);
    ring_free(g);
}

/* Core alone dies and comes back: the ring stays, and no tail is written while the supervisor lives. */
static void ring_stays_over_a_restart_of_core(void **state)
{
    place *p = *state;
    ring *g = &journal;

    ring_make(g, true);
    ring_append(g, 1);
    give_ring(p->r.core, g);
    store_connect_core(&p->r);
    ring_append(g, 2);
    assert_int_equal(store_count(&p->r, HF_ROW_TAIL), 0);
    kill_everybody_else(p);
    tail_is(p, g, 0);
    ring_free(g);
}

/* SIGTERM is also what the kernel sends when the parent dies. */
static void ring_is_saved_at_sigterm(void **state)
{
    place *p = *state;
    ring *g = &journal;

    ring_make(g, true);
    ring_append(g, 1);
    give_ring(p->r.core, g);
    assert_int_equal(store_put(&p->r, 1, 1, 0, "x", 1), HF_OK);
    assert_int_equal(kill(p->r.pid, SIGTERM), 0);
    assert_int_equal(store_wait_exit(&p->r), 0);
    store_run_start(&p->r, &p->how);
    tail_is(p, g, 0);
    ring_free(g);
}

/*
 * kill -9 of the real parent, while its channel stays open in another process: the death signal alone must do. The
 * first child plays the supervisor; this process keeps copies of all descriptors.
 */
static void parents_death_is_noticed_by_itself(void **state)
{
    place *p = *state;
    ring *g = &journal;
    int to_test[2];

    ring_make(g, true);
    ring_append(g, 1);
    store_stop(&p->r);
    assert_int_equal(pipe(to_test), 0);
    pid_t parent = fork();
    assert_true(parent >= 0);
    if (parent == 0) {
        store_run_start(&p->r, &p->how);
        give_ring(p->r.core, g);
        if (store_put(&p->r, 1, 1, 0, "x", 1) != HF_OK)
            _exit(1);
        int keeper = fork(); /* holds the channels open */
        while (keeper == 0)
            pause();
        int told[2] = { p->r.pid, keeper };
        if (write(to_test[1], told, sizeof(told)) != (ssize_t)sizeof(told))
            _exit(1);
        pause();
        _exit(0);
    }
    int told[2];
    assert_int_equal(read(to_test[0], told, sizeof(told)), sizeof(told));
    assert_int_equal(kill(parent, SIGKILL), 0);
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    for (int i = 0; i < 500 && kill(told[0], 0) == 0; i++)
        usleep(10000);
    bool gone = kill(told[0], 0) != 0;
    kill(told[1], SIGKILL);
    assert_true(gone);
    close(to_test[0]);
    close(to_test[1]);
    store_run_start(&p->r, &p->how);
    tail_is(p, g, 0);
    ring_free(g);
}

static void ring_that_could_shrink_is_refused(void **state)
{
    place *p = *state;
    ring *g = &journal;
    int file = open("/dev/null", O_RDWR | O_CLOEXEC);

    assert_int_equal(store_put(&p->r, 1, 1, 0, "x", 1), HF_OK);
    ring_make(g, false);
    give_ring(p->r.core, g);
    ends_the_channel_only(p, "a ring without seals");
    ring unusual = *g;
    unusual.fd = file;
    give_ring(p->r.core, &unusual);
    ends_the_channel_only(p, "a ring that is no memfd");
    close(file);
    ring_free(g);
}

/* Whatever core's dying hand wrote into the ring, the store ends in order and says that something is amiss. */
static void broken_ring_does_no_harm(void **state)
{
    place *p = *state;
    ring *g = &journal;

    for (int i = 0; i < 6; i++) {
        ring_make(g, true);
        for (uint64_t seq = 1; seq <= 50; seq++)
            ring_append(g, seq);
        give_ring(p->r.core, g);
        assert_int_equal(store_put(&p->r, 1, 1, 0, "x", 1), HF_OK);
        memset(g->memory + (i < 3 ? i * 8 : HF_RING_HEADER_BYTES + (i - 3) * 1000), 0xc3, i < 3 ? 8 : 3000);
        store_send_stop(&p->r);
        assert_int_equal(store_wait_exit(&p->r), 1);
        assert_true(store_log_has(&p->r, "audit records could not all be saved"));
        assert_false(folder_has(p->folder, "store.db-wal"));
        store_run_start(&p->r, &p->how);
        assert_int_equal(store_count(&p->r, 1), 1);
        ring_free(g);
    }
}

/* ---- disks ---- */

static void says_why_and_ends(place *p, const char *why)
{
    store_spawn(&p->r, &p->how);
    assert_false(store_wait_ready(&p->r, NULL));
    assert_int_equal(store_wait_exit(&p->r), 1);
    assert_true(store_log_has(&p->r, why));
}

static void second_store_on_a_folder_says_so(void **state)
{
    place *p = *state, second = *p;

    second.how.folder = p->folder;
    assert_int_equal(store_put(&p->r, 1, 1, 0, "x", 1), HF_OK);
    says_why_and_ends(&second, "another holdfast store process has this data folder open");
    assert_int_equal(store_put(&p->r, 1, 2, 0, "x", 1), HF_OK);
}

/* Opened, then removed: the descriptor leads nowhere. */
static void missing_folder_says_so(void **state)
{
    place *p = *state;
    char by_descriptor[64];

    store_stop(&p->r);
    int fd = open(p->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    folder_remove(p->folder);
    snprintf(by_descriptor, sizeof(by_descriptor), "/proc/self/fd/%d", fd);
    p->how.folder = by_descriptor;
    p->how.log = p->folder;
    says_why_and_ends(p, "the folder of store.db is missing");
    close(fd);
}

/* A private mount namespace for this test program; false when it may not have one. */
static bool mount_small(const char *at, const char *options)
{
    static bool apart;

    if (!apart && (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0))
        return false;
    apart = true;
    return mount("holdfast-test", at, "tmpfs", 0, options) == 0;
}

static void full_disk_refuses_and_recovers(void **state)
{
    place *p = *state;
    static uint8_t blob[60000], filler[65536];
    char path[128];
    hf_err e = HF_OK;
    uint64_t sent, got;
    char why[256];
    unsigned stored = 0;

    store_stop(&p->r);
    if (!mount_small(p->folder, "size=2m,mode=0700")) {
        print_message("# skipped: no private mount namespace: %s\n", strerror(errno));
        store_run_start(&p->r, &p->how);
        skip();
    }
    store_run_start(&p->r, &p->how);
    assert_int_equal(store_put(&p->r, 1, 1, 0, "x", 1), HF_OK);
    snprintf(path, sizeof(path), "%s/filler", p->folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    for (int i = 0; i < 16; i++)
        assert_int_equal(write(fd, filler, sizeof(filler)), sizeof(filler));
    close(fd);
    for (uint64_t v = 1; v < 100 && e == HF_OK; v++) {
        store_ops_begin(&ops);
        store_ops_add(&ops, HF_CHANGE_PUT, 2, 1, v, blob, sizeof(blob));
        assert_true(store_send_commit(&p->r, &ops, &sent));
        assert_true(store_take_done(&p->r, &got, &e, why));
        stored += e == HF_OK ? 1 : 0;
    }
    assert_int_equal(e, HF_ERR_STORE);
    assert_string_equal(why, "the disk is full");
    assert_true(stored > 2);
    assert_int_equal(store_count(&p->r, 2), stored); /* alive and readable */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(store_put(&p->r, 1, 2, 0, "room again", 10), HF_OK);
    assert_int_equal(store_put(&p->r, 2, 9, 9, blob, sizeof(blob)), HF_OK);
    store_stop(&p->r);
    store_run_start(&p->r, &p->how);
    assert_int_equal(store_count(&p->r, 2), stored + 1);
    assert_int_equal(store_count(&p->r, 1), 2);
    store_stop(&p->r);
    assert_int_equal(umount(p->folder), 0);
}

/* Stopping with a disk on which the database cannot grow: an error is said, nothing acknowledged is lost. */
static void stop_with_a_full_disk_loses_nothing(void **state)
{
    place *p = *state;
    static uint8_t blob[60000];
    unsigned stored = 0;

    store_stop(&p->r);
    if (!mount_small(p->folder, "size=1m,mode=0700")) {
        print_message("# skipped: no private mount namespace: %s\n", strerror(errno));
        store_run_start(&p->r, &p->how);
        skip();
    }
    store_run_start(&p->r, &p->how);
    while (stored < 100 && store_put(&p->r, 2, 1, stored + 1, blob, sizeof(blob)) == HF_OK)
        stored++;
    assert_true(stored > 2 && stored < 100);
    store_send_stop(&p->r);
    assert_int_equal(store_wait_exit(&p->r), 1);
    assert_true(store_log_has(&p->r, "nothing acknowledged is lost"));
    assert_int_equal(mount(NULL, p->folder, NULL, MS_REMOUNT, "size=8m"), 0);
    store_run_start(&p->r, &p->how);
    assert_int_equal(store_count(&p->r, 2), stored);
    store_stop(&p->r);
    assert_int_equal(umount(p->folder), 0);
}

static void read_only_disk_says_so(void **state)
{
    place *p = *state;

    store_stop(&p->r);
    if (!mount_small(p->folder, "size=1m,mode=0700")) {
        print_message("# skipped: no private mount namespace: %s\n", strerror(errno));
        store_run_start(&p->r, &p->how);
        skip();
    }
    assert_int_equal(mount(NULL, p->folder, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    says_why_and_ends(p, "read-only file system; mount it for writing");
    assert_int_equal(umount(p->folder), 0);
}

/* ---- system calls that fail in the running program ---- */

/* Skips the test where it cannot be done. */
static pid_t inject(place *p, long nr, unsigned first, unsigned times, int error)
{
    pid_t tracer = 0;

    if (!failing_calls(p->r.pid, nr, first, times, error, &tracer)) {
        kill(p->r.pid, SIGCONT);
        print_message("# skipped: tracing the store is refused (root only) or not known on this machine\n");
        skip();
    }
    return tracer;
}

/* The tracer met its call. */
static void injected(pid_t tracer)
{
    int status;

    assert_int_equal(waitpid(tracer, &status, 0), tracer);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* Whoever waits is told, nobody is told success, and the next process finds what was acknowledged. */
static void failed_fsync_is_told_and_ends_the_process(void **state)
{
    place *p = *state;
    uint64_t sent, got;
    char why[256];
    hf_err e;

    assert_int_equal(store_put(&p->r, 1, 1, 0, "kept", 4), HF_OK);
    assert_int_equal(kill(p->r.pid, SIGSTOP), 0);
    for (uint8_t i = 10; i < 15; i++) {
        store_ops_begin(&ops);
        store_ops_add(&ops, HF_CHANGE_PUT, 1, i, 0, "lost", 4);
        assert_true(store_send_commit(&p->r, &ops, &sent));
    }
    pid_t tracer = inject(p, SYS_fdatasync, 1, 0, EIO);
    for (int i = 0; i < 5; i++) {
        assert_true(store_take_done(&p->r, &got, &e, why));
        assert_int_equal(e, HF_ERR_STORE);
        assert_non_null(strstr(why, "fsync failed (Input/output error)"));
    }
    assert_int_equal(store_wait_exit(&p->r), 1);
    injected(tracer);
    assert_true(store_log_has(&p->r, "ending, because fsync failed"));
    store_run_start(&p->r, &p->how);
    assert_int_equal(store_get(&p->r, 1, 1, 0).error, HF_OK);
}

/* The disk fills between two writes of one commit, in the middle of work. */
static void no_space_at_a_single_write(void **state)
{
    place *p = *state;
    uint64_t sent, got;
    char why[256];
    hf_err e;

    assert_int_equal(store_put(&p->r, 1, 1, 0, "kept", 4), HF_OK);
    pid_t tracer = inject(p, SYS_pwrite64, 2, 1, ENOSPC);
    store_ops_begin(&ops);
    store_ops_add(&ops, HF_CHANGE_PUT, 1, 2, 0, "refused", 7);
    assert_true(store_send_commit(&p->r, &ops, &sent));
    assert_true(store_take_done(&p->r, &got, &e, why));
    assert_int_equal(e, HF_ERR_STORE);
    assert_string_equal(why, "the disk is full");
    assert_int_equal(store_count(&p->r, 1), 1);
    assert_int_equal(store_put(&p->r, 1, 3, 0, "room again", 10), HF_OK);
    store_stop(&p->r);
    injected(tracer);
    store_run_start(&p->r, &p->how);
    assert_int_equal(store_get(&p->r, 1, 2, 0).error, HF_ERR_NOT_FOUND);
    assert_int_equal(store_get(&p->r, 1, 3, 0).error, HF_OK);
}

#define TEST(test) { #test, test, set_up, tear_down, NULL }

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(ready_names_the_protections),
        TEST(strict_start_works_as_root),
        TEST(rows_come_back),
        TEST(scan_comes_in_pages),
        TEST(large_table_is_read_whole),
        TEST(commit_is_all_or_nothing),
        TEST(waiting_commits_share_one_transaction),
        TEST(reads_see_what_was_asked_before),
        TEST(broken_frames_end_the_channel),
        TEST(wrong_direction_ends_the_channel),
        TEST(wrong_operations_end_the_channel),
        TEST(bad_message_leaves_its_neighbour),
        TEST(descriptors_where_none_belong),
        TEST(supervisor_may_not_speak_as_core),
        TEST(what_core_asked_before_dying_is_done),
        TEST(stop_finishes_what_has_arrived),
        TEST(supervisor_gone_is_a_clean_stop),
        TEST(memory_engine_leaves_no_file),
        TEST(ring_survives_everybody_else),
        TEST(ring_stays_over_a_restart_of_core),
        TEST(ring_is_saved_at_sigterm),
        TEST(parents_death_is_noticed_by_itself),
        TEST(ring_that_could_shrink_is_refused),
        TEST(broken_ring_does_no_harm),
        TEST(second_store_on_a_folder_says_so),
        TEST(missing_folder_says_so),
        TEST(full_disk_refuses_and_recovers),
        TEST(stop_with_a_full_disk_loses_nothing),
        TEST(read_only_disk_says_so),
        TEST(failed_fsync_is_told_and_ends_the_process),
        TEST(no_space_at_a_single_write),
    };

    if (argc != 2)
        return 2;
    program = argv[1];
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("store-protocol", tests, NULL, NULL);
}
