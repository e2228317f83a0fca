/* Sidecars and entries as bytes: the one form of each, and every other one refused. */
#include "file/entry.h"
#include "file/sidecar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define TAG_HEX "00112233445566778899aabbccddeeff0f1e2d3c4b5a69788796a5b4c3d2e1f0"

static hf_secret *key_of(uint8_t first)
{
    uint8_t bytes[HF_FILE_KEY_BYTES] = { first };
    hf_secret *key = NULL;

    assert_int_equal(hf_secret_copy(bytes, sizeof(bytes), &key), HF_OK);
    return key;
}

/* ---- sidecars ---- */

static void test_sidecar_round_trip(void **state)
{
    uint8_t printed[HF_SIDECAR_BYTES];
    const char *why = NULL;
    hf_tag tag;

    (void)state;
    assert_int_equal(hf_sidecar_parse(hf_view_str(TAG_HEX "\n"), &tag, &why), HF_OK);
    assert_int_equal(tag.bytes[0], 0);
    assert_int_equal(tag.bytes[31], 0xf0);
    hf_sidecar_print(&tag, printed);
    assert_memory_equal(printed, TAG_HEX "\n", sizeof(printed));
}

static void test_sidecar_forms_that_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "\n",
        TAG_HEX,
        TAG_HEX "\r\n",
        TAG_HEX "\n\n",
        TAG_HEX " ",
        " " TAG_HEX "\n",
        TAG_HEX TAG_HEX "\n",
        "0011\n",
        "00112233445566778899AABBCCDDEEFF0F1E2D3C4B5A69788796A5B4C3D2E1F0\n",
        "00112233445566778899aabbccddeeff0f1e2d3c4b5a69788796a5b4c3d2e1fg\n",
        "0x112233445566778899aabbccddeeff0f1e2d3c4b5a69788796a5b4c3d2e1f0\n",
        "00112233445566778899aabbccddeeff0f1e2d3c4b5a69788796a5b4c3d2e1\n\n\n",
    };
    const hf_tag before = { { 7 } };
    hf_tag tag = before;

    (void)state;
    for (size_t i = 0; i < HF_COUNT(bad); i++) {
        const char *why = NULL;
        assert_int_equal(hf_sidecar_parse(hf_view_str(bad[i]), &tag, &why), HF_ERR_MALFORMED);
        assert_non_null(strstr(why, "the sidecar "));
        assert_memory_equal(&tag, &before, sizeof(tag));
    }
}

/* ---- entries ---- */

static void test_entry_round_trip(void **state)
{
    static const hf_entry entries[] = {
        { .state = HF_ENTRY_SETTLED, .tag = { { 1 } } },
        { .state = HF_ENTRY_CHANGING, .tag = { { 2 } }, .previous = { { 3 } } },
        { .state = HF_ENTRY_BEGINNING, .tag = { { 4 } } },
    };
    hf_secret *key = key_of(1), *other = key_of(2);

    (void)state;
    for (size_t i = 0; i < HF_COUNT(entries); i++) {
        uint8_t bytes[HF_FILE_ENTRY_MAX_BYTES];
        const char *why = NULL;
        hf_entry got;
        size_t len = 0;
        assert_int_equal(hf_entry_print(&entries[i], "/a/b", key, bytes, &len), HF_OK);
        assert_int_equal(len, 2 + 32 + 32 + 2 + 4 + 32);
        assert_int_equal(hf_entry_open(hf_view_of(bytes, len), "/a/b", key, &got, &why), HF_OK);
        assert_int_equal(got.state, entries[i].state);
        assert_memory_equal(&got.tag, &entries[i].tag, sizeof(got.tag));
        assert_memory_equal(&got.previous, &entries[i].previous, sizeof(got.previous));
        assert_int_equal(hf_entry_open(hf_view_of(bytes, len), "/a/c", key, &got, &why), HF_ERR_INTEGRITY);
        assert_non_null(strstr(why, "another path"));
        assert_int_equal(hf_entry_open(hf_view_of(bytes, len), "/a/b", other, &got, &why), HF_ERR_INTEGRITY);
        assert_non_null(strstr(why, "not genuine"));
    }
    hf_secret_free(key);
    hf_secret_free(other);
}

static void test_entry_every_bit_is_covered(void **state)
{
    const hf_entry entry = { .state = HF_ENTRY_SETTLED, .tag = { { 9 } } };
    uint8_t bytes[HF_FILE_ENTRY_MAX_BYTES];
    hf_secret *key = key_of(1);
    size_t len = 0;

    (void)state;
    assert_int_equal(hf_entry_print(&entry, "/some/path", key, bytes, &len), HF_OK);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        const char *why = NULL;
        hf_entry got;
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_int_not_equal(hf_entry_open(hf_view_of(bytes, len), "/some/path", key, &got, &why), HF_OK);
        assert_true(strlen(why) > 20);
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    for (size_t cut = 0; cut < len; cut++) {
        hf_entry_parts parts;
        assert_int_equal(hf_entry_parse(hf_view_of(bytes, cut), &parts), HF_ERR_MALFORMED);
    }
    hf_secret_free(key);
}

static void test_entry_longest_path(void **state)
{
    static char path[HF_FILE_PATH_CAP + 1];
    const hf_entry entry = { .state = HF_ENTRY_SETTLED };
    uint8_t bytes[HF_FILE_ENTRY_MAX_BYTES];
    hf_secret *key = key_of(1);
    const char *why = NULL;
    hf_entry got;
    size_t len = 0;

    (void)state;
    memset(path, 'p', HF_FILE_PATH_CAP - 1);
    assert_int_equal(hf_entry_print(&entry, path, key, bytes, &len), HF_OK);
    assert_true(len <= HF_FILE_ENTRY_MAX_BYTES);
    assert_int_equal(hf_entry_open(hf_view_of(bytes, len), path, key, &got, &why), HF_OK);
    path[HF_FILE_PATH_CAP - 1] = 'p';
    assert_int_equal(hf_entry_print(&entry, path, key, bytes, &len), HF_ERR_BOUNDS);
    hf_secret_free(key);
}

/* ---- keys ---- */

/* A file may hold any text, and its HMAC stands beside it: none of these may be the key of entries. */
static void test_no_tag_is_the_key_of_entries(void **state)
{
    static const char info[] = "holdfast file entry 1";
    hf_secret *key = key_of(1), *entry_key = NULL;
    uint8_t block[sizeof(info)];
    hf_tag tag;

    (void)state;
    assert_int_equal(hf_entry_key(key, &entry_key), HF_OK);
    assert_int_equal(hf_secret_len(entry_key), HF_FILE_KEY_BYTES);
    memcpy(block, info, sizeof(info));
    block[sizeof(info) - 1] = 1; /* what HKDF's expansion would make an HMAC of, were the key its own */
    for (size_t n = 0; n <= sizeof(block); n++) {
        assert_int_equal(hf_tag_of(key, hf_view_of(block, n), &tag), HF_OK);
        assert_memory_not_equal(tag.bytes, hf_secret_read(entry_key), HF_FILE_KEY_BYTES);
    }
    hf_secret_free(entry_key);
    hf_secret_free(key);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sidecar_round_trip), cmocka_unit_test(test_sidecar_forms_that_are_refused),
        cmocka_unit_test(test_entry_round_trip),   cmocka_unit_test(test_entry_every_bit_is_covered),
        cmocka_unit_test(test_entry_longest_path), cmocka_unit_test(test_no_tag_is_the_key_of_entries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
