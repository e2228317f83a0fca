/* The arithmetic of blobs, and that no two identities are encoded alike. */
#include "helper.h"

static void sizes_have_bounds(void **state)
{
    (void)state;
    assert_int_equal(hf_sealed_size(0), 0);
    assert_int_equal(hf_sealed_size(1), 30);
    assert_int_equal(hf_sealed_size(32), 61);
    assert_int_equal(hf_sealed_size(HF_SEALED_MAX_BYTES), HF_SEALED_MAX_BYTES + 29);
    assert_int_equal(hf_sealed_size(HF_SEALED_MAX_BYTES + 1), 0);
    assert_int_equal(hf_sealed_size(SIZE_MAX), 0);
    assert_int_equal(hf_sealed_size(SIZE_MAX - 28), 0);
}

static void plain_sizes_undo_sizes(void **state)
{
    (void)state;
    for (size_t n = 0; n <= 29; n++)
        assert_int_equal(hf_sealed_plain_size(n), 0);
    for (size_t n = 1; n < 5000; n++)
        assert_int_equal(hf_sealed_plain_size(hf_sealed_size(n)), n);
    assert_int_equal(hf_sealed_plain_size(HF_SEALED_MAX_BYTES + 29), HF_SEALED_MAX_BYTES);
    assert_int_equal(hf_sealed_plain_size(HF_SEALED_MAX_BYTES + 30), 0);
    assert_int_equal(hf_sealed_plain_size(SIZE_MAX), 0);
}

/* Every way to divide a few bytes between name and owner, with numbers that look like lengths. */
static void no_two_identities_are_alike(void **state)
{
    (void)state;
    static const char text[] = { 0, 0, 1, 0, 0, 1 };
    static uint8_t seen[4000][HF_SEALED_AAD_MAX_BYTES];
    static size_t length[4000];
    size_t n = 0;
    for (size_t name = 0; name <= 6; name++) {
        for (size_t owner = 0; name + owner <= 6; owner++) {
            for (uint64_t number = 0; number < 9; number++) {
                const hf_sealed_id id = { text, name, text + name, owner, number / 3, number % 3 };
                hf_writer w = hf_writer_on(seen[n], sizeof seen[n]);
                assert_int_equal(hf_sealed_aad(&id, &w), HF_OK);
                length[n] = w.len;
                for (size_t i = 0; i < n; i++)
                    assert_false(length[i] == length[n] && memcmp(seen[i], seen[n], length[n]) == 0);
                n++;
            }
        }
    }
    assert_int_equal(n, 28 * 9);
}

static void names_have_a_bound(void **state)
{
    (void)state;
    static const uint8_t text[HF_SEALED_NAMES_MAX_BYTES + 1];
    uint8_t out[HF_SEALED_AAD_MAX_BYTES];
    const size_t most = HF_SEALED_NAMES_MAX_BYTES;
    const struct {
        size_t name, owner;
        hf_err e;
    } rows[] = { { most, 0, HF_OK },
                 { 0, most, HF_OK },
                 { most / 2, most / 2, HF_OK },
                 { most, 1, HF_ERR_BOUNDS },
                 { 1, most, HF_ERR_BOUNDS },
                 { SIZE_MAX, 1, HF_ERR_BOUNDS },
                 { 1, SIZE_MAX, HF_ERR_BOUNDS },
                 { (size_t)1 << 16, 0, HF_ERR_BOUNDS } };
    for (size_t i = 0; i < HF_COUNT(rows); i++) {
        const hf_sealed_id id = { text, rows[i].name, text, rows[i].owner, 0, 0 };
        hf_writer w = hf_writer_on(out, sizeof out);
        assert_int_equal(hf_sealed_aad(&id, &w), rows[i].e);
    }
}

/* The layout is promised in internal.h. */
static void the_layout_is_this(void **state)
{
    (void)state;
    static const uint8_t want[] = { 1,   0,   0,   11,  0,   5,   0,   0,   0,   0,   0,   0,   0,   0,
                                    0,   3,   0,   0,   0,   0,   0,   0,   3,   232, 'd', 'b', '/', 'p',
                                    'a', 's', 's', 'w', 'o', 'r', 'd', 'a', 'l', 'i', 'c', 'e' };
    uint8_t out[HF_SEALED_AAD_MAX_BYTES];
    hf_writer w = hf_writer_on(out, sizeof out);
    assert_int_equal(hf_sealed_aad(&alice, &w), HF_OK);
    assert_int_equal(w.len, sizeof want);
    assert_memory_equal(out, want, sizeof want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_have_bounds),           cmocka_unit_test(plain_sizes_undo_sizes),
        cmocka_unit_test(no_two_identities_are_alike), cmocka_unit_test(names_have_a_bound),
        cmocka_unit_test(the_layout_is_this),
    };
    return cmocka_run_group_tests_name("sealmem-size", tests, NULL, NULL);
}
