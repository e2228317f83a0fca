/* The file seal: what goes in comes out, and every altered byte is found. */
#include "crypto/crypto.h"
#include "seal/seal.h"
#include "sys/fd.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define FILE_BYTES 132

struct place {
    char path[32];
    int dir;
    hf_secret *root;
};

static int place_make(void **state)
{
    struct place *p = calloc(1, sizeof(*p));

    strcpy(p->path, "/tmp/hf-seal-XXXXXX");
    if (mkdtemp(p->path) == NULL)
        return -1;
    p->dir = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *state = p;
    return hf_secret_new(HF_ROOT_KEY_BYTES, &p->root) == HF_OK &&
                   hf_random(hf_secret_bytes(p->root), HF_ROOT_KEY_BYTES) == HF_OK
               ? 0
               : -1;
}

static int place_remove(void **state)
{
    struct place *p = *state;

    unlinkat(p->dir, HF_SEAL_FILE_NAME, 0);
    close(p->dir);
    hf_secret_free(p->root);
    int r = rmdir(p->path);
    free(p);
    return r;
}

static hf_err reopen(const struct place *p, hf_secret **ret, struct hf_seal_why *why)
{
    struct hf_seal_source source;

    HF_TRY(hf_seal_file.prepare(p->dir, &source, why));
    assert_int_equal(source.work_bytes, 0);
    hf_err err = hf_seal_file.open(source.fd, NULL, ret, why);
    close(source.fd);
    return err;
}

static void test_round_trip(void **state)
{
    const struct place *p = *state;
    hf_secret *got = NULL;
    struct hf_seal_why why;
    struct stat st;

    assert_int_equal(hf_seal_file.create(p->dir, p->root, NULL, false), HF_OK);
    assert_int_equal(fstatat(p->dir, HF_SEAL_FILE_NAME, &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, FILE_BYTES);
    assert_int_equal(reopen(p, &got, &why), HF_OK);
    assert_int_equal(hf_secret_len(got), HF_ROOT_KEY_BYTES);
    assert_memory_equal(hf_secret_read(got), hf_secret_read(p->root), HF_ROOT_KEY_BYTES);
    hf_secret_free(got);
}

static void test_never_over_another_root(void **state)
{
    const struct place *p = *state;

    assert_int_equal(hf_seal_file.create(p->dir, p->root, NULL, false), HF_OK);
    assert_int_equal(hf_seal_file.create(p->dir, p->root, NULL, false), HF_ERR_EXISTS);
}

static void test_every_bit_is_covered(void **state)
{
    const struct place *p = *state;
    uint8_t image[FILE_BYTES];
    hf_secret *got = NULL;
    struct hf_seal_why why;

    assert_int_equal(hf_seal_file.create(p->dir, p->root, NULL, false), HF_OK);
    int fd = openat(p->dir, HF_SEAL_FILE_NAME, O_RDWR | O_CLOEXEC);
    assert_int_equal(read(fd, image, sizeof(image)), FILE_BYTES);
    for (size_t bit = 0; bit < FILE_BYTES * 8; bit++) {
        uint8_t altered = (uint8_t)(image[bit / 8] ^ (1u << (bit % 8)));
        assert_int_equal(pwrite(fd, &altered, 1, (off_t)(bit / 8)), 1);
        why.text[0] = '\0';
        hf_err err = reopen(p, &got, &why);
        assert_true(err == HF_ERR_INTEGRITY || (bit < 8 && err == HF_ERR_UNSUPPORTED) ||
                    (bit / 8 == 1 && err == HF_ERR_MALFORMED));
        assert_true(strlen(why.text) > 20);
        assert_null(got);
        assert_int_equal(pwrite(fd, &image[bit / 8], 1, (off_t)(bit / 8)), 1);
    }
    assert_int_equal(reopen(p, &got, &why), HF_OK);
    hf_secret_free(got);
    close(fd);
}

static void test_lengths(void **state)
{
    const struct place *p = *state;
    hf_secret *got = NULL;
    struct hf_seal_why why;

    assert_int_equal(reopen(p, &got, &why), HF_ERR_NOT_FOUND);
    assert_int_equal(hf_seal_file.create(p->dir, p->root, NULL, false), HF_OK);
    for (off_t len = FILE_BYTES + 20; len >= 0; len--) {
        if (len == FILE_BYTES)
            continue;
        int fd = openat(p->dir, HF_SEAL_FILE_NAME, O_RDWR | O_CLOEXEC);
        assert_int_equal(ftruncate(fd, len), 0);
        close(fd);
        assert_int_equal(reopen(p, &got, &why), HF_ERR_MALFORMED);
    }
    assert_null(got);
}

static void test_links_are_not_followed(void **state)
{
    const struct place *p = *state;
    hf_secret *got = NULL;
    struct hf_seal_why why;

    assert_int_equal(symlinkat("/dev/zero", p->dir, HF_SEAL_FILE_NAME), 0);
    assert_int_equal(reopen(p, &got, &why), HF_ERR_SYSTEM);
    assert_int_equal(hf_seal_file.create(p->dir, p->root, NULL, false), HF_ERR_EXISTS);
}

static void test_table(void **state)
{
    (void)state;
    assert_ptr_equal(hf_seal_find(hf_view_str("file")), &hf_seal_file);
    assert_null(hf_seal_find(hf_view_str("fil")));
    assert_null(hf_seal_find(hf_view_str("")));
    assert_null(hf_seal_find(hf_view_of("file\0", 5)));
    assert_true(hf_seal_file.opens_alone && !hf_seal_file.asks_passphrase);
    assert_ptr_equal(hf_seal_find(hf_view_str("passphrase")), &hf_seal_passphrase);
    assert_true(!hf_seal_passphrase.opens_alone && hf_seal_passphrase.asks_passphrase);
    assert_ptr_equal(hf_seal_at(0), &hf_seal_file);
    assert_null(hf_seal_at(2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, place_make, place_remove),
        cmocka_unit_test_setup_teardown(test_never_over_another_root, place_make, place_remove),
        cmocka_unit_test_setup_teardown(test_every_bit_is_covered, place_make, place_remove),
        cmocka_unit_test_setup_teardown(test_lengths, place_make, place_remove),
        cmocka_unit_test_setup_teardown(test_links_are_not_followed, place_make, place_remove),
        cmocka_unit_test(test_table),
    };
    hf_arena *arena = NULL;
    const char *why = "";

    if (hf_arena_create(&(hf_arena_spec) { 4u << 20, HF_BACKING_MALLOC }, &arena, &why) != HF_OK)
        return 1;
    hf_secret_use_arena(arena);
    if (hf_crypto_start(arena) != HF_OK)
        return 1;
    return cmocka_run_group_tests_name("seal", tests, NULL, NULL);
}
