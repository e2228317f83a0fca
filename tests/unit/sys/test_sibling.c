/* Programs that are run for what they print: what arrives, what counts as failure, and that nobody waits for ever. */
#include "sys/sibling.h"

#include "child.h"

static int shell = -1;

static hf_err run(const char *script, int file, char *dst, size_t cap, size_t *ret_len)
{
    const char *argv[] = { "sh", "-c", script, NULL };

    return hf_sibling_print(shell, argv, file, (uint8_t *)dst, cap, ret_len);
}

static void output_arrives_whole(void **state)
{
    char text[65536];
    size_t len = 99;

    (void)state;
    assert_int_equal(run("printf one >&3; printf two >&3", -1, text, sizeof(text), &len), HF_OK);
    assert_int_equal(len, 6);
    assert_memory_equal(text, "onetwo", 6);
    assert_int_equal(run("exit 0", -1, text, sizeof(text), &len), HF_OK);
    assert_int_equal(len, 0);
    assert_int_equal(run("head -c 65535 /dev/zero >&3", -1, text, sizeof(text), &len), HF_OK);
    assert_int_equal(len, 65535);
}

static void the_file_is_its_descriptor_4(void **state)
{
    HF_AUTO(hf_fd_closep) int file = memfd_create("f", MFD_CLOEXEC);
    char text[64];
    size_t len = 0;

    (void)state;
    assert_int_equal(write(file, "content", 7), 7);
    assert_int_equal(lseek(file, 0, SEEK_SET), 0);
    assert_int_equal(run("cat <&4 >&3", file, text, sizeof(text), &len), HF_OK);
    assert_int_equal(len, 7);
    assert_memory_equal(text, "content", 7);
    assert_int_equal(run("[ ! -e /proc/self/fd/4 ] || exit 1", -1, text, sizeof(text), &len), HF_OK);
}

static void a_failure_is_one_and_touches_nothing(void **state)
{
    char text[64];
    size_t len = 99;

    (void)state;
    assert_int_equal(run("printf half >&3; exit 1", -1, text, sizeof(text), &len), HF_ERR_INVALID);
    assert_int_equal(run("printf half >&3; kill -9 $$", -1, text, sizeof(text), &len), HF_ERR_INVALID);
    const char *argv[] = { "none", NULL };
    assert_int_equal(hf_sibling_print(-1, argv, -1, (uint8_t *)text, sizeof(text), &len), HF_ERR_SYSTEM);
    assert_int_equal(len, 99);
}

/* More than the pipe holds behind what is read: whoever waits for its end without closing the pipe waits for ever. */
static void too_much_is_refused_and_ends(void **state)
{
    char text[64];
    size_t len = 99;

    (void)state;
    (void)alarm(60);
    assert_int_equal(run("head -c 64 /dev/zero >&3", -1, text, sizeof(text), &len), HF_ERR_TOO_LARGE);
    assert_int_equal(run("exec cat /dev/zero >&3", -1, text, sizeof(text), &len), HF_ERR_TOO_LARGE);
    (void)alarm(0);
    assert_int_equal(len, 99);
}

static void programs_are_found(void **state)
{
    int fd = -1;

    (void)state;
    assert_int_equal(hf_sibling_open("/bin", "sh", &fd), HF_OK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    hf_fd_closep(&fd);
    assert_int_equal(hf_sibling_open(NULL, "test-sys-sibling", &fd), HF_OK);
    hf_fd_closep(&fd);
    assert_int_equal(hf_sibling_open("/bin", "no-such-program", &fd), HF_ERR_NOT_FOUND);
    assert_int_equal(hf_sibling_open("/no-such-folder", "sh", &fd), HF_ERR_NOT_FOUND);
    assert_int_equal(fd, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_arrives_whole),
        cmocka_unit_test(the_file_is_its_descriptor_4),
        cmocka_unit_test(a_failure_is_one_and_touches_nothing),
        cmocka_unit_test(too_much_is_refused_and_ends),
        cmocka_unit_test(programs_are_found),
    };

    shell = open("/bin/sh", O_RDONLY | O_CLOEXEC);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
