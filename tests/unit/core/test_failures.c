/* Failures without an actor: few records however many failures, and none is lost. */
#include "fixture.h"

#define PERIOD_NS (11 * HF_NS_PER_S)

static void begin(void)
{
    memset(&the_core.journal, 0, sizeof(the_core.journal));
    the_core.config.ring_mib = 1;
    the_core.state = CORE_OPEN;
    assert_int_equal(failures_new(&the_core.failures), HF_OK);
    assert_int_equal(hf_loop_new(&the_core.lanes[0].loop), HF_OK);
    assert_int_equal(journal_start(&the_core), HF_OK);
    the_core.journal.chained = true; /* as when the records of before are known */
}

static void end(void)
{
    journal_macs_forget(&the_core);
    free(the_core.failures);
    hf_loop_free(the_core.lanes[0].loop);
}

static struct hf_audit_record records[600];
static uint8_t entries[200000];

/* All records of the journal. */
static size_t read_all(void)
{
    struct hf_ring_reader reader = the_core.journal.reader;
    uint64_t last = 0;
    size_t len = 0, n = 0;
    struct hf_audit_entry e;

    assert_int_equal(hf_ring_read_after(&reader, 0, entries, sizeof(entries), &len, &last), HF_OK);
    hf_view left = { entries, len };
    while (hf_audit_entry_next(&left, &e) == HF_OK) {
        assert_true(n < HF_COUNT(records));
        assert_int_equal(hf_audit_record_decode(e.record, &records[n++]), HF_OK);
    }
    return n;
}

static void tick_after_period(void)
{
    failures_tick(&the_core, (hf_mono) { hf_mono_now().ns + PERIOD_NS });
}

static void mapped(uint8_t c, uint8_t d, uint8_t address[static 16])
{
    memcpy(address, (uint8_t[16]) { [10] = 0xff, [11] = 0xff, [12] = 10, [13] = 0, [14] = c, [15] = d }, 16);
}

static void a_flood_is_one_record_for_each_prefix_and_reason(void **state)
{
    (void)state;
    uint8_t address[16];

    begin();
    for (int i = 0; i < 100000; i++) {
        mapped((uint8_t)(i % 2), (uint8_t)i, address);
        failures_count(&the_core, address, i % 10 == 0 ? HF_ERR_TOKEN_EXPIRED : HF_ERR_BAD_TOKEN, 1);
    }
    failures_tick(&the_core, hf_mono_now());
    assert_int_equal(read_all(), 0); /* not before ten seconds */
    tick_after_period();
    assert_int_equal(read_all(), 3); /* two networks; only even i are multiples of ten */
    uint32_t total = 0;
    for (size_t i = 0; i < 3; i++) {
        total += records[i].count;
        assert_true(records[i].address[15] == 0 && records[i].address[12] == 10); /* the prefix, not the host */
        assert_int_equal(records[i].actor.len, 0);
        assert_int_equal(records[i].action, HF_MSG_FAILURES);
    }
    assert_int_equal(total, 100000);
    tick_after_period();
    assert_int_equal(read_all(), 3); /* nothing new, nothing twice */
    end();
}

static void ipv6_counts_by_48_bits(void **state)
{
    (void)state;
    uint8_t a[16] = { 0x20, 1, 0xd, 0xb8, 1, 2, 3 }, b[16] = { 0x20, 1, 0xd, 0xb8, 1, 2, 9, [15] = 1 },
            c[16] = { 0x20, 1, 0xd, 0xb8, 1, 3 };

    begin();
    failures_count(&the_core, a, HF_ERR_BAD_TOKEN, 5);
    failures_count(&the_core, b, HF_ERR_BAD_TOKEN, 6);
    failures_count(&the_core, c, HF_ERR_BAD_TOKEN, 7);
    tick_after_period();
    assert_int_equal(read_all(), 2);
    assert_int_equal(records[0].count + records[1].count, 18);
    assert_true(records[0].count == 7 || records[1].count == 7);
    end();
}

/* More prefixes than the table has rows: counted together, and none is lost. */
static void a_scattered_flood_is_bounded(void **state)
{
    (void)state;
    uint8_t address[16] = { 0x20, 1 };

    begin();
    for (uint32_t i = 0; i < 70000; i++) {
        address[3] = (uint8_t)(i >> 16);
        address[4] = (uint8_t)(i >> 8);
        address[5] = (uint8_t)i;
        failures_count(&the_core, address, HF_ERR_NO_TOKEN, 1);
    }
    tick_after_period();
    size_t n = read_all();
    assert_true(n <= 256);
    uint64_t total = 0;
    size_t everybody = 0;
    for (size_t i = 0; i < n; i++) {
        total += records[i].count;
        everybody += memcmp(records[i].address, (uint8_t[16]) { 0 }, 16) == 0;
    }
    assert_int_equal(total, 70000);
    assert_int_equal(everybody, 1);
    end();
}

static void counts_do_not_wrap(void **state)
{
    (void)state;
    uint8_t address[16] = { 1 };

    begin();
    failures_count(&the_core, address, HF_ERR_BAD_TOKEN, UINT32_MAX);
    failures_count(&the_core, address, HF_ERR_BAD_TOKEN, 2);
    tick_after_period();
    assert_int_equal(read_all(), 1);
    assert_true(records[0].count == UINT32_MAX);
    end();
}

static void a_sealed_core_keeps_counting(void **state)
{
    (void)state;
    uint8_t address[16] = { 1 };

    begin();
    the_core.state = CORE_SEALED;
    failures_count(&the_core, address, HF_ERR_BAD_TOKEN, 1);
    tick_after_period();
    assert_int_equal(read_all(), 0);
    failures_count(&the_core, address, HF_ERR_BAD_TOKEN, 1);
    the_core.state = CORE_OPEN;
    tick_after_period();
    assert_int_equal(read_all(), 1);
    assert_int_equal(records[0].count, 2);
    end();
}

/* Without keys there is no chain, nor while what stands before is unknown: nothing is written, and a payload has no MAC. */
static void a_journal_without_keys_refuses(void **state)
{
    (void)state;
    hf_root_keys *keys = the_core.keys;
    struct hf_audit_record r = { .count = 1, .klass = HF_AUDIT_JOURNAL };
    hf_view part = hf_view_str("x");
    uint8_t mac[16] = { 0 };

    begin();
    the_core.keys = NULL;
    assert_int_equal(journal_append(&the_core, &r), HF_ERR_SEALED);
    assert_int_equal(journal_payload_mac(&the_core, &part, 1, mac), HF_ERR_SEALED);
    the_core.keys = keys;
    the_core.journal.chained = false;
    assert_int_equal(journal_append(&the_core, &r), HF_ERR_SEALED);
    assert_int_equal(read_all(), 0);
    the_core.journal.chained = true;
    assert_int_equal(journal_append(&the_core, &r), HF_OK);
    assert_int_equal(read_all(), 1);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flood_is_one_record_for_each_prefix_and_reason),
        cmocka_unit_test(ipv6_counts_by_48_bits),
        cmocka_unit_test(a_scattered_flood_is_bounded),
        cmocka_unit_test(counts_do_not_wrap),
        cmocka_unit_test(a_sealed_core_keeps_counting),
        cmocka_unit_test(a_journal_without_keys_refuses),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
