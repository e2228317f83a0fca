/*
 * The real store program, spoken to over its channels: right and wrong messages, group commit, the death of each
 * neighbour.
 *
 *   test-store-protocol PATH-OF-STORE
 */
#include "place.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static store_ops ops;

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

static void raw(place *p, const uint8_t *bytes, size_t len, const char *what)
{
    assert_int_equal(send(hf_channel_fd(p->r.core), bytes, len, MSG_NOSIGNAL), (ssize_t)len);
    place_channel_ends(p, what);
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
        place_channel_ends(p, hf_message_rows[i].name);
        tried++;
    }
    assert_true(tried > 20);
    send_body(p, 0x7777, nothing, sizeof(nothing));
    place_channel_ends(p, "an unknown type");
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
    place_channel_ends(p, "operation 0");
    send_op(p, 4, 1, 0);
    place_channel_ends(p, "operation 4");
    send_op(p, HF_CHANGE_DELETE, 1, 0);
    place_channel_ends(p, "a deletion with bytes");
    send_op(p, HF_CHANGE_PUT, 131073, 0);
    place_channel_ends(p, "a blob above its bound");
    send_op(p, HF_CHANGE_PUT, 100, 1);
    place_channel_ends(p, "a list that is cut");
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
    place_channel_ends(p, "a bad message in a group");
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
        place_channel_ends(p, "a descriptor with a scan");
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

#define TEST(test) { #test, test, place_set_up, place_tear_down, NULL }

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
    };

    if (argc != 2)
        return 2;
    place_program = argv[1];
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("store-protocol", tests, NULL, NULL);
}
