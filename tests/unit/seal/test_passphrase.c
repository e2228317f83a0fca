/* The passphrase seal: what goes in comes out with the right passphrase only, every altered byte is found, and no file can ask for too much. */
#include "crypto/crypto.h"
#include "seal/passphrase.h"
#include "seal/seal.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define FILE_BYTES HF_SEAL_PASSPHRASE_BYTES
#define RIGHT "correct horse battery staple"

struct place {
    char path[32];
    int dir;
    hf_secret *root, *right;
    uint8_t image[FILE_BYTES]; /* as `create` wrote it */
};

static hf_secret *secret_of(const char *text, size_t len)
{
    hf_secret *s = NULL;

    assert_int_equal(hf_secret_copy(text, len, &s), HF_OK);
    return s;
}

static void put(const struct place *p, const uint8_t *bytes, size_t len)
{
    int fd = openat(p->dir, HF_SEAL_PASSPHRASE_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    close(fd);
}

static int place_make(void **state)
{
    struct place *p = calloc(1, sizeof(*p));

    snprintf(p->path, sizeof(p->path), "/tmp/hf-seal-XXXXXX");
    if (mkdtemp(p->path) == NULL)
        return -1;
    p->dir = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    p->right = secret_of(RIGHT, strlen(RIGHT));
    *state = p;
    if (hf_secret_new(HF_ROOT_KEY_BYTES, &p->root) != HF_OK ||
        hf_random(hf_secret_bytes(p->root), HF_ROOT_KEY_BYTES) != HF_OK ||
        hf_seal_passphrase.create(p->dir, p->root, p->right, false) != HF_OK)
        return -1;
    int fd = openat(p->dir, HF_SEAL_PASSPHRASE_NAME, O_RDONLY | O_CLOEXEC);
    bool got = read(fd, p->image, FILE_BYTES) == FILE_BYTES;
    close(fd);
    return got ? 0 : -1;
}

static int place_remove(void **state)
{
    struct place *p = *state;

    unlinkat(p->dir, HF_SEAL_PASSPHRASE_NAME, 0);
    close(p->dir);
    hf_secret_free(p->root);
    hf_secret_free(p->right);
    int r = rmdir(p->path);
    free(p);
    return r;
}

static hf_err reopen(const struct place *p, const hf_secret *passphrase, hf_secret **ret, struct hf_seal_why *why)
{
    struct hf_seal_source source;

    HF_TRY(hf_seal_passphrase.prepare(p->dir, &source, why));
    hf_err err = hf_seal_passphrase.open(source.fd, passphrase, ret, why);
    close(source.fd);
    return err;
}

static void test_round_trip(void **state)
{
    const struct place *p = *state;
    hf_secret *got = NULL;
    struct hf_seal_why why;
    struct stat st;

    assert_int_equal(fstatat(p->dir, HF_SEAL_PASSPHRASE_NAME, &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, FILE_BYTES);
    assert_int_equal(reopen(p, p->right, &got, &why), HF_OK);
    assert_memory_equal(hf_secret_read(got), hf_secret_read(p->root), HF_ROOT_KEY_BYTES);
    hf_secret_free(got);
    assert_null(memmem(p->image, FILE_BYTES, hf_secret_read(p->root), 8));
    assert_null(memmem(p->image, FILE_BYTES, RIGHT, 8));
}

static void test_wrong_passphrases(void **state)
{
    const struct place *p = *state;
    static const char *const wrong[] = { "correct horse battery stapl", "correct horse battery staplf",
                                         "correct horse battery staple ", "Correct horse battery staple", "x" };
    hf_secret *got = NULL;
    struct hf_seal_why first = { "" }, why;

    for (size_t i = 0; i < HF_COUNT(wrong); i++) {
        hf_secret *s = secret_of(wrong[i], strlen(wrong[i]));
        assert_int_equal(reopen(p, s, &got, &why), HF_ERR_DENIED);
        assert_null(got);
        if (i == 0)
            first = why;
        assert_string_equal(why.text, first.text); /* never says more for one than for another */
        hf_secret_free(s);
    }
    assert_non_null(strstr(first.text, "passphrase is wrong"));
    assert_int_equal(reopen(p, NULL, &got, &why), HF_ERR_DENIED);
}

static void test_lengths_of_passphrases(void **state)
{
    const struct place *p = *state;
    char text[HF_PASSPHRASE_MAX_BYTES + 1];
    hf_secret *got = NULL;
    struct hf_seal_why why;

    memset(text, 0xc3, sizeof(text)); /* bytes, not valid UTF-8: taken as they are */
    static const size_t taken[] = { HF_PASSPHRASE_MIN_BYTES, HF_PASSPHRASE_MAX_BYTES };
    for (size_t i = 0; i < HF_COUNT(taken); i++) {
        hf_secret *s = secret_of(text, taken[i]);
        assert_int_equal(hf_seal_passphrase.create(p->dir, p->root, s, true), HF_OK);
        assert_int_equal(reopen(p, s, &got, &why), HF_OK);
        hf_secret_free(got);
        got = NULL;
        hf_secret_free(s);
    }
    static const size_t refused[] = { 1, HF_PASSPHRASE_MIN_BYTES - 1, HF_PASSPHRASE_MAX_BYTES + 1 };
    for (size_t i = 0; i < HF_COUNT(refused); i++) {
        hf_secret *s = secret_of(text, refused[i]);
        assert_int_equal(hf_seal_passphrase.create(p->dir, p->root, s, true), HF_ERR_BOUNDS);
        hf_secret_free(s);
    }
    assert_int_equal(hf_seal_passphrase.create(p->dir, p->root, NULL, true), HF_ERR_BOUNDS);
}

static void test_over_another_root_only_when_told(void **state)
{
    const struct place *p = *state;
    uint8_t again[FILE_BYTES];

    assert_int_equal(hf_seal_passphrase.create(p->dir, p->root, p->right, false), HF_ERR_EXISTS);
    assert_int_equal(hf_seal_passphrase.create(p->dir, p->root, p->right, true), HF_OK);
    int fd = openat(p->dir, HF_SEAL_PASSPHRASE_NAME, O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(fd, again, sizeof(again)), FILE_BYTES);
    close(fd);
    /* New salt and nonce each time. */
    assert_memory_not_equal(again + 16, p->image + 16, 16);
    assert_memory_not_equal(again + 32, p->image + 32, 12);
}

static void test_every_byte_is_covered(void **state)
{
    const struct place *p = *state;
    static const struct hf_seal_cost cheap = { HF_SEAL_MEMORY_MIN_KIB, 1, 1 };
    uint8_t image[FILE_BYTES], altered[FILE_BYTES];
    hf_secret *got = NULL;
    struct hf_seal_why why;
    size_t kinds[4] = { 0 };

    assert_int_equal(hf_seal_passphrase_make(&cheap, p->root, p->right, image), HF_OK);
    for (size_t at = 0; at < FILE_BYTES; at++) {
        memcpy(altered, image, FILE_BYTES);
        altered[at] ^= (uint8_t)(1u << (at % 8));
        put(p, altered, FILE_BYTES);
        why.text[0] = '\0';
        hf_err err = reopen(p, p->right, &got, &why);
        assert_null(got);
        assert_true(strlen(why.text) > 20);
        if (at == 0)
            assert_int_equal(err, HF_ERR_UNSUPPORTED);
        else if (at < 4)
            assert_int_equal(err, HF_ERR_MALFORMED);
        else
            assert_true(err == HF_ERR_DENIED || (at < 16 && err == HF_ERR_MALFORMED));
        kinds[err == HF_ERR_DENIED ? 0 : err == HF_ERR_MALFORMED ? 1 : 2]++;
    }
    assert_true(kinds[0] >= FILE_BYTES - 16 && kinds[1] >= 3 && kinds[2] == 1);
    put(p, image, FILE_BYTES);
    assert_int_equal(reopen(p, p->right, &got, &why), HF_OK);
    hf_secret_free(got);
}

static void test_lengths_of_files(void **state)
{
    const struct place *p = *state;
    uint8_t longer[FILE_BYTES + 20] = { 0 };
    hf_secret *got = NULL;
    struct hf_seal_why why;
    struct hf_seal_sealed s;

    memcpy(longer, p->image, FILE_BYTES);
    for (size_t len = 0; len <= sizeof(longer); len++) {
        if (len == FILE_BYTES)
            continue;
        put(p, longer, len);
        assert_int_equal(reopen(p, p->right, &got, &why), HF_ERR_MALFORMED);
        assert_int_equal(hf_seal_passphrase_parse(hf_view_of(longer, len), &s), HF_ERR_MALFORMED);
    }
    assert_null(got);
}

static void put_u32(uint8_t *at, uint32_t n)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(n >> (24 - 8 * i));
}

/* Whoever can write the file must not be able to ask for 4 TiB or a year. */
static void test_costs_are_bounded(void **state)
{
    const struct place *p = *state;
    static const struct {
        uint32_t memory_kib, passes, lanes;
        bool taken;
    } costs[] = {
        { 65536, 3, 1, true },  { 8192, 1, 1, true },     { 1048576, 64, 16, true },
        { 8191, 3, 1, false },  { 1048577, 3, 1, false }, { UINT32_MAX, 3, 1, false },
        { 65536, 0, 1, false }, { 65536, 65, 1, false },  { 65536, UINT32_MAX, 1, false },
        { 65536, 3, 0, false }, { 65536, 3, 17, false },  { 0, 0, 0, false },
    };
    uint8_t image[FILE_BYTES];
    struct hf_seal_sealed s;
    struct hf_seal_source source;
    struct hf_seal_why why;
    hf_secret *got = NULL;

    for (size_t i = 0; i < HF_COUNT(costs); i++) {
        memcpy(image, p->image, FILE_BYTES);
        put_u32(image + 4, costs[i].memory_kib);
        put_u32(image + 8, costs[i].passes);
        put_u32(image + 12, costs[i].lanes);
        hf_err err = hf_seal_passphrase_parse(hf_view_of(image, FILE_BYTES), &s);
        assert_int_equal(err, costs[i].taken ? HF_OK : HF_ERR_BOUNDS);
        put(p, image, FILE_BYTES);
        assert_int_equal(hf_seal_passphrase.prepare(p->dir, &source, &why), HF_OK);
        assert_true(source.work_bytes <= ((size_t)HF_SEAL_MEMORY_MAX_KIB << 10) + 65536);
        close(source.fd);
        if (!costs[i].taken)
            assert_int_equal(reopen(p, p->right, &got, &why), HF_ERR_MALFORMED);
    }
    assert_null(got);
}

static void test_what_is_not_there_or_a_link(void **state)
{
    const struct place *p = *state;
    hf_secret *got = NULL;
    struct hf_seal_why why;

    assert_int_equal(unlinkat(p->dir, HF_SEAL_PASSPHRASE_NAME, 0), 0);
    assert_int_equal(reopen(p, p->right, &got, &why), HF_ERR_NOT_FOUND);
    assert_int_equal(symlinkat("/dev/zero", p->dir, HF_SEAL_PASSPHRASE_NAME), 0);
    assert_int_equal(reopen(p, p->right, &got, &why), HF_ERR_SYSTEM);
}

/* As an ordinary user with the usual limit: what is said, and what strict mode does. */
static int work_memory_of_an_ordinary_user(void)
{
    const struct rlimit usual = { 8u << 20, 8u << 20 };
    const char *why = "";

    if (setrlimit(RLIMIT_MEMLOCK, &usual) != 0 || (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0))
        return 1;
    if (hf_seal_work_memory(64u << 20, true, &why) != HF_ERR_LOCKED_MEMORY || strstr(why, "RLIMIT_MEMLOCK") == NULL)
        return 2;
    if (hf_seal_work_memory(64u << 20, false, &why) != HF_OK || strstr(why, "RLIMIT_MEMLOCK") == NULL)
        return 3;
    return hf_seal_work_memory(0, true, &why) == HF_OK && why[0] == '\0' ? 0 : 4;
}

static void test_memory_that_is_not_there(void **state)
{
    (void)state;
    hf_arena *probe = NULL;
    const char *why = "";
    int status = 0;

    if (hf_arena_create(&(hf_arena_spec) { 4096, HF_BACKING_MALLOC }, &probe, &why) != HF_OK ||
        hf_arena_backing(probe) != HF_BACKING_MEMFD_SECRET)
        skip(); /* sanitizers, or a kernel without memfd_secret: the sentences are others */
    pid_t child = fork();
    if (child == 0)
        _exit(work_memory_of_an_ordinary_user());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, place_make, place_remove),
        cmocka_unit_test_setup_teardown(test_wrong_passphrases, place_make, place_remove),
        cmocka_unit_test_setup_teardown(test_lengths_of_passphrases, place_make, place_remove),
        cmocka_unit_test_setup_teardown(test_over_another_root_only_when_told, place_make, place_remove),
        cmocka_unit_test_setup_teardown(test_every_byte_is_covered, place_make, place_remove),
        cmocka_unit_test_setup_teardown(test_lengths_of_files, place_make, place_remove),
        cmocka_unit_test_setup_teardown(test_costs_are_bounded, place_make, place_remove),
        cmocka_unit_test_setup_teardown(test_what_is_not_there_or_a_link, place_make, place_remove),
        cmocka_unit_test(test_memory_that_is_not_there),
    };
    hf_arena *arena = NULL;
    const char *why = "";

    if (hf_arena_create(&(hf_arena_spec) { 4u << 20, HF_BACKING_MALLOC }, &arena, &why) != HF_OK)
        return 1;
    hf_secret_use_arena(arena);
    if (hf_crypto_start(arena) != HF_OK)
        return 1;
    /* Ordinary memory for the matrix, with room for a flipped bit that doubles it. */
    if (hf_seal_work_memory(160u << 20, false, &why) != HF_OK)
        return 1;
    return cmocka_run_group_tests_name("seal-passphrase", tests, NULL, NULL);
}
