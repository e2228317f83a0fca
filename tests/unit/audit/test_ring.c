/* The journal ring: what was published can be read, full is said, and a reader survives any memory. */
#include "fixture.h"

#include "audit/ring.h"
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BYTES = HF_RING_HEADER_BYTES + HF_RING_DATA_MIN };

static uint8_t *memory;
static struct hf_ring ring;
static struct hf_audit_chain chain;
static uint8_t out[HF_RING_DATA_MIN];

static int make(void **state)
{
    (void)state;
    memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    chain = (struct hf_audit_chain) { 0 };
    return memory != MAP_FAILED && hf_ring_format(memory, BYTES, &ring) == HF_OK ? 0 : -1;
}

static int unmake(void **state)
{
    (void)state;
    return munmap(memory, BYTES);
}

/* Appends one record whose detail has n characters, so that entries have many sizes. */
static hf_err append(unsigned n)
{
    static char text[64];
    uint8_t entry[HF_AUDIT_ENTRY_MAX_BYTES];
    size_t len;
    struct hf_audit_chain next = chain;
    struct hf_audit_record rec = record_of("alice");
    memset(text, 'd', sizeof(text));
    rec.detail = hf_view_of(text, n % sizeof(text));
    HF_TRY(hf_audit_append(&next, mac_key(), &rec, entry, &len));
    HF_TRY(hf_ring_append(&ring, hf_view_of(entry, len)));
    chain = next;
    return HF_OK;
}

/* Reads everything after `before` and verifies it; gives how many records. */
static uint64_t read_all(struct hf_audit_chain *before, hf_view key)
{
    struct hf_ring_reader reader;
    struct hf_audit_walk walk;
    struct hf_audit_entry entry;
    size_t len;
    uint64_t last, n = 0;
    assert_int_equal(hf_ring_open(memory, BYTES, &reader), HF_OK);
    do {
        assert_int_equal(hf_ring_read_after(&reader, before->seq, out, sizeof(out), &len, &last), HF_OK);
        hf_audit_walk_start(&walk, hf_view_of(out, len), before, key);
        while (hf_audit_walk_next(&walk, &entry) == HF_OK)
            n++;
        assert_int_equal(walk.left.len, 0);
        assert_int_equal(walk.at.seq, last);
        *before = walk.at;
    } while (len > 0);
    return n;
}

static void what_was_written_is_read(void **state)
{
    (void)state;
    struct hf_audit_chain from = { 0 };
    assert_int_equal(read_all(&from, mac_key()), 0);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(append(i), HF_OK);
    assert_int_equal(read_all(&from, mac_key()), 100);
    assert_memory_equal(&from, &chain, sizeof(chain));
    assert_int_equal(read_all(&from, mac_key()), 0);
    assert_int_equal(append(3), HF_OK);
    assert_int_equal(read_all(&from, mac_key()), 1);
}

static void small_buffers_get_it_in_pieces(void **state)
{
    (void)state;
    struct hf_ring_reader reader;
    size_t len, total = 0;
    uint64_t last = 0, pieces = 0;
    for (unsigned i = 0; i < 50; i++)
        assert_int_equal(append(i), HF_OK);
    assert_int_equal(hf_ring_open(memory, BYTES, &reader), HF_OK);
    assert_int_equal(hf_ring_read_after(&reader, 0, out, HF_AUDIT_ENTRY_MAX_BYTES - 1, &len, &last), HF_ERR_BOUNDS);
    for (;;) {
        const uint64_t before = last;
        assert_int_equal(hf_ring_read_after(&reader, last, out + total, HF_AUDIT_ENTRY_MAX_BYTES, &len, &last), HF_OK);
        if (len == 0)
            break;
        assert_true(last > before);
        total += len;
        pieces++;
    }
    assert_true(pieces > 25);
    assert_int_equal(last, 50);
}

static void full_is_said_and_released_room_returns(void **state)
{
    (void)state;
    unsigned n = 0;
    hf_err e;
    while ((e = append(n)) == HF_OK)
        n++;
    assert_int_equal(e, HF_ERR_AUDIT_FULL);
    assert_true(n > 200);
    assert_int_equal(append(n), HF_ERR_AUDIT_FULL);
    assert_true(hf_ring_room(&ring) < HF_AUDIT_ENTRY_MAX_BYTES + 8);
    struct hf_audit_chain from = { 0 };
    assert_int_equal(read_all(&from, mac_key()), n);
    hf_ring_release(&ring, 10);
    assert_int_equal(ring.released_seq, 10);
    assert_int_equal(append(n), HF_OK);
    hf_ring_release(&ring, UINT64_MAX);
    assert_int_equal(hf_ring_used(&ring), 0);
    assert_int_equal(hf_ring_room(&ring), HF_RING_DATA_MIN);
}

/* Many laps with every alignment of the end: nothing is lost, nothing is read that was released. */
static void it_wraps(void **state)
{
    (void)state;
    struct hf_audit_chain from = { 0 };
    uint64_t seen = 0;
    for (unsigned i = 0; i < 5000; i++) {
        assert_int_equal(append(i * 7), HF_OK);
        if (i % 97 == 0) {
            seen += read_all(&from, mac_key());
            assert_int_equal(seen, i + 1);
            hf_ring_release(&ring, from.seq > 5 ? from.seq - 5 : 0);
        }
    }
    seen += read_all(&from, mac_key());
    assert_int_equal(seen, 5000);
    assert_true(ring.written > 10 * (uint64_t)HF_RING_DATA_MIN);
}

static void only_entries_in_order_go_in(void **state)
{
    (void)state;
    uint8_t entry[HF_AUDIT_ENTRY_MAX_BYTES];
    size_t len;
    struct hf_audit_record rec = record_of("alice");
    assert_int_equal(hf_audit_append(&chain, mac_key(), &rec, entry, &len), HF_OK);
    assert_int_equal(hf_ring_append(&ring, hf_view_of(entry, len - 1)), HF_ERR_INVALID);
    assert_int_equal(hf_ring_append(&ring, hf_view_of(entry, 0)), HF_ERR_INVALID);
    assert_int_equal(hf_ring_append(&ring, hf_view_of(entry, len)), HF_OK);
    assert_int_equal(hf_ring_append(&ring, hf_view_of(entry, len)), HF_ERR_INVALID); /* the same seq again */
}

static void sizes_are_checked(void **state)
{
    (void)state;
    struct hf_ring r;
    struct hf_ring_reader reader;
    assert_int_equal(hf_ring_format(memory, BYTES - 1, &r), HF_ERR_BOUNDS);
    assert_int_equal(hf_ring_format(memory, HF_RING_HEADER_BYTES, &r), HF_ERR_BOUNDS);
    assert_int_equal(hf_ring_format(memory + 1, BYTES, &r), HF_ERR_BOUNDS);
    /* A header that claims more than the reader has mapped. */
    assert_int_equal(hf_ring_open(memory, BYTES, &reader), HF_OK);
    memory[9] ^= 0x10;
    assert_int_equal(hf_ring_open(memory, BYTES, &reader), HF_ERR_MALFORMED);
    memory[9] ^= 0x10;
    memory[0] ^= 1;
    assert_int_equal(hf_ring_open(memory, BYTES, &reader), HF_ERR_MALFORMED);
}

/* Reads at most what a ring can hold, whatever the memory says: an answer in any case, and no access outside. */
static void read_hostile(void)
{
    struct hf_ring_reader reader;
    size_t len;
    uint64_t last = 0;
    if (hf_ring_open(memory, BYTES, &reader) != HF_OK)
        return;
    for (int i = 0; i < 4; i++) {
        if (hf_ring_read_after(&reader, last, out, sizeof(out), &len, &last) != HF_OK)
            return;
        assert_true(len <= sizeof(out));
    }
}

static void hostile_memory_is_survived(void **state)
{
    (void)state;
    static uint8_t saved[BYTES];
    unsigned seed = 12345;
    for (unsigned i = 0; i < 200; i++)
        assert_int_equal(append(i), HF_OK);
    memcpy(saved, memory, BYTES);
    for (int round = 0; round < 3000; round++) {
        memcpy(memory, saved, HF_RING_HEADER_BYTES + 8192);
        for (int k = 0; k < 4; k++) {
            seed = seed * 1103515245u + 12345u;
            const unsigned area = round % 2 == 0 ? 32 : HF_RING_HEADER_BYTES + 4096;
            memory[(seed >> 8) % area] = (uint8_t)(seed >> 24);
        }
        read_hostile();
    }
    /* Positions at the edges, with the rest intact. */
    static const uint64_t edges[] = { 0,
                                      8,
                                      4,
                                      HF_RING_DATA_MIN - 8,
                                      HF_RING_DATA_MIN,
                                      HF_RING_DATA_MIN + 8,
                                      UINT64_MAX,
                                      UINT64_MAX - 7,
                                      UINT64_C(1) << 63 };
    for (size_t i = 0; i < HF_COUNT(edges); i++) {
        for (size_t j = 0; j < HF_COUNT(edges); j++) {
            memcpy(memory + 16, &edges[i], 8);
            memcpy(memory + 24, &edges[j], 8);
            read_hostile();
        }
    }
}

static void positions_must_make_sense(void **state)
{
    (void)state;
    const struct {
        uint64_t written, released;
    } bad[] = { { 8, 16 }, { HF_RING_DATA_MIN + 8, 0 }, { 4, 0 }, { 16, 4 }, { UINT64_MAX - 7, 0 } };
    struct hf_ring_reader reader;
    size_t len;
    uint64_t last;
    assert_int_equal(append(1), HF_OK);
    for (size_t i = 0; i < HF_COUNT(bad); i++) {
        memcpy(memory + 16, &bad[i].written, 8);
        memcpy(memory + 24, &bad[i].released, 8);
        assert_int_equal(hf_ring_open(memory, BYTES, &reader), HF_OK);
        assert_int_equal(hf_ring_read_after(&reader, 0, out, sizeof(out), &len, &last), HF_ERR_INTEGRITY);
    }
}

/* A reader that lags behind a ring that went on starts at the oldest entry there is, never in the middle of one. */
static void a_slow_reader_starts_at_the_oldest(void **state)
{
    (void)state;
    struct hf_ring_reader reader;
    struct hf_audit_entry entry;
    size_t len;
    uint64_t last;
    assert_int_equal(append(1), HF_OK);
    assert_int_equal(hf_ring_open(memory, BYTES, &reader), HF_OK);
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(append(i), HF_OK);
        hf_ring_release(&ring, chain.seq > 3 ? chain.seq - 3 : 0);
    }
    assert_int_equal(hf_ring_read_after(&reader, 1, out, sizeof(out), &len, &last), HF_OK);
    hf_view left = hf_view_of(out, len);
    assert_int_equal(hf_audit_entry_next(&left, &entry), HF_OK);
    assert_int_equal(entry.seq, ring.released_seq + 1);
    assert_int_equal(last, chain.seq);
}

/* Writes without end, releasing all but the newest 20 when there is no room: the parent ends it. */
static void write_for_ever(void)
{
    for (unsigned i = 0;; i++) {
        if (append(i) != HF_OK)
            hf_ring_release(&ring, chain.seq - 20);
    }
}

/* Reads what there is and verifies each entry against the one before it; gives how many. */
static uint64_t read_and_verify(struct hf_ring_reader *reader, uint64_t after)
{
    struct hf_audit_entry entry;
    struct hf_audit_walk walk;
    size_t len;
    uint64_t last;
    assert_int_equal(hf_ring_read_after(reader, after, out, 4096, &len, &last), HF_OK);
    hf_view left = hf_view_of(out, len);
    if (hf_audit_entry_next(&left, &entry) != HF_OK)
        return 0;
    struct hf_audit_chain first = { .seq = entry.seq };
    memcpy(first.head, entry.hash, sizeof(first.head));
    hf_audit_walk_start(&walk, left, &first, mac_key());
    uint64_t n = 1;
    hf_err e;
    while ((e = hf_audit_walk_next(&walk, &entry)) == HF_OK)
        n++;
    /* A gap is where the writer went round the reader: never inside an entry. */
    if (e == HF_ERR_INTEGRITY) {
        assert_int_equal(hf_audit_entry_next(&walk.left, &entry), HF_OK);
        assert_true(entry.seq > walk.at.seq + 1);
    }
    return n;
}

/* A writer killed at any moment, and read all the while, leaves whole and verifying entries only. */
static void a_killed_writer_leaves_whole_entries(void **state)
{
    (void)state;
    uint64_t while_alive = 0, after_death = 0;
    for (unsigned round = 0; round < 20; round++) {
        struct hf_ring_reader reader;
        assert_int_equal(hf_ring_format(memory, BYTES, &ring), HF_OK);
        chain = (struct hf_audit_chain) { 0 };
        const pid_t child = fork();
        if (child == 0)
            write_for_ever();
        assert_int_equal(hf_ring_open(memory, BYTES, &reader), HF_OK);
        for (unsigned i = 0; i < 20 + 7 * round; i++) {
            while_alive += read_and_verify(&reader, 0);
            usleep(50);
        }
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        assert_int_equal(hf_ring_open(memory, BYTES, &reader), HF_OK);
        after_death += read_and_verify(&reader, 0);
    }
    print_message("# %llu entries read from a living writer, %llu after its death\n", (unsigned long long)while_alive,
                  (unsigned long long)after_death);
    assert_true(while_alive > 1000 && after_death > 100);
}

int main(void)
{
    crypto_on_heap = true;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_written_is_read, make, unmake),
        cmocka_unit_test_setup_teardown(small_buffers_get_it_in_pieces, make, unmake),
        cmocka_unit_test_setup_teardown(full_is_said_and_released_room_returns, make, unmake),
        cmocka_unit_test_setup_teardown(it_wraps, make, unmake),
        cmocka_unit_test_setup_teardown(only_entries_in_order_go_in, make, unmake),
        cmocka_unit_test_setup_teardown(sizes_are_checked, make, unmake),
        cmocka_unit_test_setup_teardown(hostile_memory_is_survived, make, unmake),
        cmocka_unit_test_setup_teardown(positions_must_make_sense, make, unmake),
        cmocka_unit_test_setup_teardown(a_slow_reader_starts_at_the_oldest, make, unmake),
        cmocka_unit_test_setup_teardown(a_killed_writer_leaves_whole_entries, make, unmake),
    };
    return cmocka_run_group_tests_name("audit-ring", tests, set_up, tear_down);
}
