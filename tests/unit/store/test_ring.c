/*
 * The last entries of the audit ring: the real store program saves them when everybody else is gone.
 *
 *   test-store-ring PATH-OF-STORE
 */
#include "place.h"

#include "audit/ring.h"
#include "records/row.h"
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

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
    struct hf_audit_record rec = { .seq = seq,
                                   .time = { 1 },
                                   .klass = 1,
                                   .count = 1,
                                   .actor = hf_view_str("somebody"),
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
    place_channel_ends(p, "a ring without seals");
    ring unusual = *g;
    unusual.fd = file;
    give_ring(p->r.core, &unusual);
    place_channel_ends(p, "a ring that is no memfd");
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

#define TEST(test) { #test, test, place_set_up, place_tear_down, NULL }

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(ring_survives_everybody_else),      TEST(ring_stays_over_a_restart_of_core),
        TEST(ring_is_saved_at_sigterm),          TEST(parents_death_is_noticed_by_itself),
        TEST(ring_that_could_shrink_is_refused), TEST(broken_ring_does_no_harm),
    };

    if (argc != 2)
        return 2;
    place_program = argv[1];
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("store-ring", tests, NULL, NULL);
}
