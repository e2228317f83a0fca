/* The table of revoked tokens against a plain list of them: nothing is lost when its neighbours go. */
#include "fixture.h"

#define IDS 600
#define MOST 16384

static uint64_t state_of_random = 2026;

static uint32_t number(void)
{
    state_of_random = state_of_random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state_of_random >> 33);
}

/* Ids of few places, so that they collide in the table. */
static void id_of(uint32_t i, uint8_t dst[static 16])
{
    memset(dst, 0, 16);
    dst[0] = (uint8_t)(i % 3 == 0 ? 255 : 0);
    dst[1] = (uint8_t)(i % 5 == 0 ? 255 : i % 7);
    dst[14] = (uint8_t)(i >> 8);
    dst[15] = (uint8_t)i;
}

static void test_like_a_list(void **state)
{
    int64_t expires[IDS] = { 0 }, found;
    uint8_t id[16];

    (void)state;
    assert_int_equal(revocations_new(&the_core.revocations), HF_OK);
    for (int round = 0; round < 20000; round++) {
        uint32_t i = number() % IDS;
        id_of(i, id);
        if (number() % 2 == 0) {
            expires[i] = 1 + number() % 1000;
            assert_int_equal(revocations_add(&the_core, id, expires[i]), HF_OK);
        } else {
            expires[i] = 0;
            revocations_remove(&the_core, id);
        }
        if (round % 50 != 0)
            continue;
        for (uint32_t j = 0; j < IDS; j++) {
            id_of(j, id);
            assert_int_equal(revocations_has(&the_core, id), expires[j] != 0);
            if (revocations_find(&the_core, id, &found))
                assert_int_equal(found, expires[j]);
        }
    }
}

static void test_expired_and_full(void **state)
{
    static core full;
    uint8_t id[16], gone[16];
    int64_t expires;

    (void)state;
    assert_int_equal(revocations_new(&full.revocations), HF_OK);
    assert_false(revocations_expired(&full, (hf_wall) { INT64_MAX }, gone, &expires));
    for (uint32_t i = 0; i < MOST; i++) {
        assert_false(revocations_full(&full));
        id_of(i, id);
        assert_int_equal(revocations_add(&full, id, i == 77 ? 1000 : 5000), HF_OK);
    }
    assert_true(revocations_full(&full));
    id_of(MOST, id);
    assert_int_equal(revocations_add(&full, id, 5000), HF_ERR_QUOTA);
    id_of(5, id);
    assert_int_equal(revocations_add(&full, id, 6000), HF_OK);
    /* Kept for as long as the most lenient clock might take the token. */
    assert_false(revocations_expired(&full, (hf_wall) { 1119 * HF_NS_PER_S }, gone, &expires));
    assert_true(revocations_expired(&full, (hf_wall) { 1121 * HF_NS_PER_S }, gone, &expires));
    id_of(77, id);
    assert_memory_equal(gone, id, sizeof(id));
    assert_int_equal(expires, 1000);
    revocations_remove(&full, gone);
    assert_false(revocations_full(&full));
    assert_false(revocations_has(&full, gone));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_like_a_list),
        cmocka_unit_test(test_expired_and_full),
    };

    return cmocka_run_group_tests_name("core-revocations", tests, set_up, tear_down);
}
