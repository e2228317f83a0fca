/* The key cache: bounded, and a key that is in use is never freed under its user. */
#include "fixture.h"

static hf_key *fresh(hf_alg alg)
{
    hf_secret *material = NULL;
    hf_key *key = NULL;

    assert_int_equal(hf_key_generate(alg, &material), HF_OK);
    assert_int_equal(hf_key_load_private(alg, material, &key), HF_OK);
    hf_secret_free(material);
    return key;
}

static void id_of(uint32_t n, uint8_t id[static 16])
{
    memset(id, 0, 16);
    memcpy(id, &n, sizeof(n));
}

static void put(uint32_t n, uint32_t version)
{
    uint8_t id[16];

    id_of(n, id);
    assert_int_equal(cache_put(&the_core, id, version, fresh(HF_ALG_ED25519)), HF_OK);
}

static cached_key *hold(uint32_t n, uint32_t version)
{
    uint8_t id[16];

    id_of(n, id);
    return cache_hold(the_core.cache, id, version);
}

static bool has(uint32_t n, uint32_t version)
{
    cached_key *k = hold(n, version);

    if (k != NULL)
        cache_release(&the_core, k);
    return k != NULL;
}

static void make(size_t keys)
{
    assert_int_equal(cache_new(keys * hf_key_cost(HF_ALG_ED25519), &the_core.cache), HF_OK);
}

static void drop_cache(void)
{
    cache_drop_all(the_core.cache);
    free(the_core.cache);
}

static void keys_are_found_by_version(void **state)
{
    (void)state;
    make(100);
    put(1, 1);
    put(1, 2);
    put(2, 1);
    assert_true(has(1, 1) && has(1, 2) && has(2, 1));
    assert_false(has(1, 3) || has(3, 1) || has(1, 0));
    cached_key *first = hold(1, 1);
    put(1, 1); /* loaded twice: the first stays, the second is freed */
    cached_key *again = hold(1, 1);
    assert_ptr_equal(first, again);
    cache_release(&the_core, first);
    cache_release(&the_core, again);
    drop_cache();
}

static void the_oldest_goes(void **state)
{
    (void)state;
    make(4);
    for (uint32_t n = 1; n <= 4; n++)
        put(n, 1);
    assert_true(has(1, 1)); /* used: now 2 is the oldest */
    put(5, 1);
    assert_false(has(2, 1));
    assert_true(has(1, 1) && has(3, 1) && has(4, 1) && has(5, 1));
    size_t used = hf_arena_used(the_core.arena);
    for (uint32_t n = 10; n < 300; n++)
        put(n, 1);
    assert_true(hf_arena_used(the_core.arena) <= used + (256u << 10)); /* slabs, not keys */
    drop_cache();
}

static bool still_signs(const cached_key *k)
{
    uint8_t signature[HF_SIGNATURE_MAX_BYTES];
    size_t len = 0;

    return hf_key_sign(cache_key(k), HF_SCHEME_DEFAULT, HF_HASH_NONE, false, hf_view_str("x"), signature,
                       sizeof(signature), &len) == HF_OK &&
           hf_key_verify(cache_key(k), HF_SCHEME_DEFAULT, HF_HASH_NONE, false, hf_view_str("x"),
                         hf_view_of(signature, len)) == HF_OK;
}

/* Destroyed, evicted or sealed while a lane works with it (AddressSanitizer sees what the assertion does not). */
static void a_held_key_outlives_its_place(void **state)
{
    (void)state;
    uint8_t id[16];

    for (int how = 0; how < 3; how++) {
        make(2);
        put(1, 1);
        put(1, 2);
        cached_key *a = hold(1, 1), *b = hold(1, 1);
        id_of(1, id);
        if (how == 0) {
            cache_drop(the_core.cache, id);
        } else if (how == 1) {
            put(2, 1);
            put(3, 1);
        } else {
            cache_drop_all(the_core.cache);
        }
        assert_false(has(1, 1) || has(1, 2));
        assert_true(still_signs(a));
        cache_release(&the_core, a);
        assert_true(still_signs(b));
        cache_release(&the_core, b);
        put(1, 1); /* a new one in the same place */
        assert_true(has(1, 1));
        drop_cache();
    }
}

/* Its memory is not free before its hold ends, so it takes the room of another. */
static void a_held_key_counts(void **state)
{
    (void)state;
    make(2);
    put(1, 1);
    cached_key *held = hold(1, 1);
    put(2, 1);
    put(3, 1); /* both others go: the first is the oldest, and that makes no room */
    assert_true(has(3, 1));
    assert_false(has(1, 1) || has(2, 1));
    cache_release(&the_core, held);
    put(4, 1);
    assert_true(has(3, 1) && has(4, 1));
    drop_cache();
}

static void keys_in_one_bucket(void **state)
{
    (void)state;
    uint8_t id[16] = { 0 };

    make(50);
    for (uint8_t n = 0; n < 40; n++) { /* the first two bytes choose the bucket */
        id[15] = n;
        assert_int_equal(cache_put(&the_core, id, 1, fresh(HF_ALG_ED25519)), HF_OK);
    }
    for (uint8_t n = 0; n < 40; n += 3) {
        id[15] = n;
        cache_drop(the_core.cache, id);
    }
    for (uint8_t n = 0; n < 40; n++) {
        id[15] = n;
        cached_key *k = cache_hold(the_core.cache, id, 1);
        assert_int_equal(k == NULL, n % 3 == 0);
        if (k != NULL)
            cache_release(&the_core, k);
    }
    drop_cache();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_found_by_version),
        cmocka_unit_test(the_oldest_goes),
        cmocka_unit_test(a_held_key_outlives_its_place),
        cmocka_unit_test(a_held_key_counts),
        cmocka_unit_test(keys_in_one_bucket),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
