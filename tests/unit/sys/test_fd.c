/* Peers, whole files and replacing them. */
#include "child.h"
#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

static void pairs_carry_messages(void **state)
{
    (void)state;
    int fd[2] = { -1, -1 };
    assert_int_equal(hf_fd_pair(fd), HF_OK);
    for (int i = 0; i < 2; i++) {
        assert_true(fcntl(fd[i], F_GETFD) & FD_CLOEXEC);
        assert_true(fcntl(fd[i], F_GETFL) & O_NONBLOCK);
    }
    char big[65536] = "x", text[8];
    assert_int_equal(write(fd[0], "ab", 2), 2);
    assert_int_equal(write(fd[0], "c", 1), 1);
    assert_int_equal(read(fd[1], text, sizeof text), 2); /* boundaries are kept */
    assert_int_equal(read(fd[1], text, sizeof text), 1);
    assert_int_equal(read(fd[1], text, sizeof text), -1);
    for (int i = 0; i < 3; i++) /* the largest frame fits several times */
        assert_int_equal(write(fd[0], big, sizeof big), sizeof big);
    hf_fd_closep(&fd[0]);
    assert_int_equal(fd[0], -1);
    hf_fd_closep(&fd[0]);
    hf_fd_closep(&fd[1]);
}

static void nonblocking_switches(void **state)
{
    (void)state;
    int fd[2] = { -1, -1 };
    assert_int_equal(hf_fd_pair(fd), HF_OK);
    assert_int_equal(hf_fd_set_nonblocking(fd[0], false), HF_OK);
    assert_false(fcntl(fd[0], F_GETFL) & O_NONBLOCK);
    assert_int_equal(hf_fd_set_nonblocking(fd[0], true), HF_OK);
    assert_true(fcntl(fd[0], F_GETFL) & O_NONBLOCK);
    hf_fd_closep(&fd[0]);
    hf_fd_closep(&fd[1]);
    assert_int_equal(hf_fd_set_nonblocking(-1, true), HF_ERR_SYSTEM);
}

static int listen_at(const char *path, int type)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    (void)unlink(path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 4), 0);
    return fd;
}

static const char *socket_path;

static int connect_as(const void *uid)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_path);
    const uid_t *wanted = uid;
    if (geteuid() == 0 && (setgid(*wanted) != 0 || setuid(*wanted) != 0))
        return 1;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        return 2;
    char c;
    return read(fd, &c, 1) == 0 ? 0 : 3;
}

static void peers_are_whom_the_kernel_says(void **state)
{
    (void)state;
    char dir[] = "/tmp/hf-peer-XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chmod(dir, 0755), 0);
    snprintf(path, sizeof path, "%s/s", dir);
    socket_path = path;
    int listener = listen_at(path, SOCK_SEQPACKET);
    assert_int_equal(chmod(path, 0777), 0);
    const uid_t uid = geteuid() == 0 ? 61236 : geteuid();
    pid_t pid = child_start(connect_as, &uid);
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    hf_peer peer = { 0 };
    assert_int_equal(hf_fd_peer(fd, &peer), HF_OK);
    assert_int_equal(peer.pid, pid);
    assert_int_equal(peer.uid, uid);
    assert_int_equal(peer.gid, geteuid() == 0 ? uid : getegid());
    close(fd);
    assert_exit(child_wait(pid), 0);
    assert_int_equal(hf_fd_peer(listener, &peer), HF_ERR_DENIED);
    close(listener);
    (void)unlink(path);
    assert_int_equal(rmdir(dir), 0);
}

static void assert_no_peer(int fd)
{
    hf_peer peer = { .pid = -7 };
    assert_true(fd >= 0);
    assert_int_equal(hf_fd_peer(fd, &peer), HF_ERR_DENIED);
    assert_int_equal(peer.pid, -7);
    close(fd);
}

static void others_have_no_peer(void **state)
{
    (void)state;
    int stream[2], dgram[2], tube[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, stream), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, dgram), 0);
    assert_int_equal(pipe(tube), 0);
    for (int i = 0; i < 2; i++) {
        assert_no_peer(stream[i]);
        assert_no_peer(dgram[i]);
        assert_no_peer(tube[i]);
    }
    assert_no_peer(socket(AF_INET, SOCK_STREAM, 0));
    assert_no_peer(socket(AF_UNIX, SOCK_SEQPACKET, 0)); /* not connected */
    assert_no_peer(open("/dev/null", O_RDONLY));
    hf_peer peer;
    assert_int_equal(hf_fd_peer(-1, &peer), HF_ERR_DENIED);
}

static char dir_path[] = "/tmp/hf-files-XXXXXX";
static int dir_fd;

static int make_dir(void **state)
{
    (void)state;
    if (mkdtemp(dir_path) == NULL)
        return -1;
    dir_fd = open(dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir_fd < 0 ? -1 : 0;
}

static int drop_dir(void **state)
{
    (void)state;
    (void)unlinkat(dir_fd, "f", 0);
    (void)close(dir_fd);
    return rmdir(dir_path);
}

static void assert_file(const char *content, mode_t mode)
{
    char text[64];
    size_t len = 0;
    struct stat st;
    int fd = openat(dir_fd, "f", O_RDONLY | O_CLOEXEC);
    assert_int_equal(hf_fd_read_all(fd, text, sizeof text, &len), HF_OK);
    assert_int_equal(len, strlen(content));
    assert_memory_equal(text, content, len);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 07777, mode);
    close(fd);
}

static void files_are_replaced_whole(void **state)
{
    (void)state;
    (void)umask(077);
    assert_int_equal(hf_file_replace(dir_fd, "f", 0644, hf_view_str("first")), HF_OK);
    assert_file("first", 0644);
    int old = openat(dir_fd, "f", O_RDONLY | O_CLOEXEC);
    assert_int_equal(hf_file_replace(dir_fd, "f", 0600, hf_view_str("second")), HF_OK);
    assert_file("second", 0600);
    char text[8];
    assert_int_equal(read(old, text, sizeof text), 5); /* a reader of the old file is not disturbed */
    close(old);
    assert_int_equal(hf_file_replace(dir_fd, "f", 0600, hf_view_of(NULL, 0)), HF_OK);
    assert_file("", 0600);
}

static unsigned count_files(void)
{
    DIR *dir = opendir(dir_path);
    assert_non_null(dir);
    unsigned n = 0;
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir))
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(dir);
    return n;
}

static int run_out_of_space(const void *arg)
{
    static char big[8192];
    (void)arg;
    (void)signal(SIGXFSZ, SIG_IGN);
    (void)setrlimit(RLIMIT_FSIZE, &(struct rlimit) { 4096, 4096 });
    return hf_file_replace(dir_fd, "f", 0600, hf_view_of(big, sizeof big)) == HF_ERR_SYSTEM && errno == EFBIG ? 0 : 1;
}

/* Replaces while fsync of anything (arg NULL) or of the folder alone fails: 0 when the caller was told. */
static int lose_the_disk(const void *only_dir)
{
    if (!deny_call(SYS_fsync, only_dir == NULL ? -1 : dir_fd, EIO))
        return 1;
    return hf_file_replace(dir_fd, "f", 0600, hf_view_str("new")) == HF_ERR_SYSTEM && errno == EIO ? 0 : 2;
}

static void content_and_folder_are_synced(void **state)
{
    (void)state;
    assert_int_equal(hf_file_replace(dir_fd, "f", 0600, hf_view_str("kept")), HF_OK);
    assert_exit(child_run(lose_the_disk, NULL), 0);
    assert_file("kept", 0600); /* content that is not on the disk must not take the name */
    assert_exit(child_run(lose_the_disk, "folder"), 0);
}

static void failures_keep_the_old_file(void **state)
{
    (void)state;
    assert_int_equal(hf_file_replace(dir_fd, "f", 0600, hf_view_str("kept")), HF_OK);
    assert_exit(child_run(run_out_of_space, NULL), 0);
    assert_file("kept", 0600);
    assert_int_equal(count_files(), 1); /* no temporary file stays */
    assert_int_equal(hf_file_replace(dir_fd, "a/f", 0600, hf_view_str("x")), HF_ERR_INVALID);
    assert_int_equal(hf_file_replace(dir_fd, "", 0600, hf_view_str("x")), HF_ERR_INVALID);
    assert_int_equal(hf_file_replace(dir_fd, "..", 0600, hf_view_str("x")), HF_ERR_SYSTEM);
    assert_int_equal(hf_file_replace(-1, "f", 0600, hf_view_str("x")), HF_ERR_SYSTEM);
}

static void reading_has_bounds(void **state)
{
    (void)state;
    char text[5];
    size_t len = 99;
    assert_int_equal(hf_file_replace(dir_fd, "f", 0600, hf_view_str("12345")), HF_OK);
    int fd = openat(dir_fd, "f", O_RDONLY | O_CLOEXEC);
    assert_int_equal(hf_fd_read_all(fd, text, 4, &len), HF_ERR_TOO_LARGE);
    assert_int_equal(len, 99);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(hf_fd_read_all(fd, text, 5, &len), HF_OK);
    assert_int_equal(len, 5);
    close(fd);
    assert_int_equal(hf_fd_read_all(openat(dir_fd, "none", O_RDONLY), text, 5, &len), HF_ERR_NOT_FOUND);
    int null = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    assert_int_equal(hf_fd_read_all(null, text, 5, &len), HF_ERR_INVALID);
    close(null);
    assert_int_equal(hf_fd_read_all(dir_fd, text, 5, &len), HF_ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_carry_messages),           cmocka_unit_test(nonblocking_switches),
        cmocka_unit_test(peers_are_whom_the_kernel_says), cmocka_unit_test(others_have_no_peer),
        cmocka_unit_test(files_are_replaced_whole),       cmocka_unit_test(failures_keep_the_old_file),
        cmocka_unit_test(content_and_folder_are_synced),  cmocka_unit_test(reading_has_bounds),
    };
    return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
