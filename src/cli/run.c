#include "cli/run.h"

#include "cli/file.h"
#include "cli/out.h"
#include "sys/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CAPTURE_MAX_BYTES (4u << 20)
#define PART_BYTES 4096

extern char **environ;

static hf_err program_path(cli *c, const char *name, char dst[static PATH_MAX])
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    char *slash;

    if (n <= 0)
        return cli_fail(c, HF_ERR_SYSTEM, "cannot tell where this program lies; is /proc mounted?");
    self[n] = '\0';
    slash = strrchr(self, '/');
    if (slash == NULL)
        return cli_fail(c, HF_ERR_SYSTEM, "cannot tell where this program lies");
    *slash = '\0';
    int len = snprintf(dst, PATH_MAX, "%s/../libexec/holdfast/%s", self, name);
    HF_CHECK(len > 0 && len < PATH_MAX, cli_fail(c, HF_ERR_SYSTEM, "the path of '%s' is too long", name));
    return HF_OK;
}

static hf_err cannot_start(cli *c, const char *path, int why)
{
    return cli_fail(c, HF_ERR_SYSTEM, "cannot start %s: %s; is Holdfast installed completely?", path, strerror(why));
}

hf_err run_instead(cli *c, char *const argv[])
{
    char path[PATH_MAX];

    HF_TRY(program_path(c, argv[0], path));
    HF_AUTO(hf_fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        (void)fexecve(fd, argv, environ);
    return cannot_start(c, path, errno);
}

/* out_fd becomes the program's standard output, and err_fd, unless it is ours, its standard error. */
static hf_err start(cli *c, char *const argv[], int out_fd, int err_fd, pid_t *ret_pid)
{
    char path[PATH_MAX];
    posix_spawn_file_actions_t actions;

    HF_TRY(program_path(c, argv[0], path));
    if (posix_spawn_file_actions_init(&actions) != 0)
        return cannot_start(c, path, ENOMEM);
    int why = posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
    if (why == 0 && err_fd != STDERR_FILENO)
        why = posix_spawn_file_actions_adddup2(&actions, err_fd, STDERR_FILENO);
    if (why == 0)
        why = posix_spawn(ret_pid, path, &actions, NULL, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    return why == 0 ? HF_OK : cannot_start(c, path, why);
}

static int wait_for(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

hf_err run_wait(cli *c, char *const argv[], int *ret_exit)
{
    pid_t pid;

    HF_TRY(start(c, argv, STDOUT_FILENO, STDERR_FILENO, &pid));
    *ret_exit = wait_for(pid);
    return HF_OK;
}

static hf_err read_output(int fd, bytes *ret)
{
    HF_AUTO(bytes_free) bytes part = { .ptr = wiped_alloc(PART_BYTES), .cap = PART_BYTES };
    ssize_t n;
    hf_err e = HF_OK;

    HF_CHECK(part.ptr != NULL, HF_ERR_SYSTEM);
    /* Reads on when it is too much, so that the program does not wait for ever. */
    while ((n = read(fd, part.ptr, PART_BYTES)) != 0) {
        if (n < 0 && errno != EINTR)
            e = HF_ERR_SYSTEM;
        if (n < 0 && errno != EINTR)
            break;
        if (n > 0 && e == HF_OK)
            e = bytes_put(ret, hf_view_of(part.ptr, (size_t)n), CAPTURE_MAX_BYTES);
    }
    return e;
}

/* What a program wrote to a file in place of standard error: shown there now, and its last line kept for the document. */
static void replay(cli *c, int fd)
{
    HF_AUTO(bytes_free) bytes text = { 0 };
    size_t end, begin;

    if (lseek(fd, 0, SEEK_SET) != 0 || read_output(fd, &text) != HF_OK)
        return;
    (void)fwrite(text.ptr, 1, text.len, stderr);
    for (end = text.len; end > 0 && text.ptr[end - 1] == '\n';)
        end--;
    for (begin = end; begin > 0 && text.ptr[begin - 1] != '\n';)
        begin--;
    if (hf_view_to_str(hf_view_of(text.ptr + begin, end - begin), c->said, sizeof(c->said)) != HF_OK)
        c->said[0] = '\0';
}

hf_err run_capture(cli *c, char *const argv[], bytes *ret, int *ret_exit)
{
    HF_AUTO(hf_fd_closep) int said = -1;
    char unused[FILE_NAMELESS_CAP];
    int ends[2];
    pid_t pid;

    if (c->json)
        HF_TRY(file_nameless(c, unused, &said));

    if (pipe2(ends, O_CLOEXEC) != 0)
        return cli_fail(c, HF_ERR_SYSTEM, "there is no pipe to '%s': %s", argv[0], strerror(errno));
    HF_AUTO(hf_fd_closep) int in = ends[0];
    HF_AUTO(hf_fd_closep) int out = ends[1];
    HF_TRY(start(c, argv, out, said >= 0 ? said : STDERR_FILENO, &pid));
    hf_fd_closep(&out);
    hf_err e = read_output(in, ret);
    *ret_exit = wait_for(pid);
    if (said >= 0)
        replay(c, said);
    return e == HF_OK ? HF_OK : cli_fail(c, HF_ERR_SYSTEM, "cannot read what '%s' printed", argv[0]);
}

/* An error of the class that the exit code stands for. */
static const hf_err by_exit[] = {
    [2] = HF_ERR_INVALID,  [3] = HF_ERR_NOT_FOUND, [4] = HF_ERR_DENIED,
    [5] = HF_ERR_CONFLICT, [7] = HF_ERR_PEER_GONE, [8] = HF_ERR_INTEGRITY,
};

hf_err run_failed(cli *c, const char *name, int code)
{
    size_t at = code > 0 ? (size_t)code : 0;
    hf_err e = at < HF_COUNT(by_exit) ? by_exit[at] : HF_OK;

    if (e == HF_OK)
        e = HF_ERR_SYSTEM;
    /* People have the program's own line before this one; the document has it as its detail. */
    if (c->json && !c->told && c->said[0] != '\0') {
        out_problem(e, c->said);
        c->told = true;
    }
    return cli_fail(c, e, "%s did not do it; the line above says why", name);
}

#define WORDS_MAX 64

static hf_err tell_text(cli *c, const char *member, bytes *text)
{
    while (text->len > 0 && text->ptr[text->len - 1] == '\n')
        text->len--;
    return out_member(c, member, bytes_view(text));
}

/* `last`, which may be NULL, are two words that we add. HF_ERR_INVALID, told, when there are too many. */
static hf_err make_argv(cli *c, const char *name, char *const *words, const char *const *last,
                        char *argv[static WORDS_MAX + 4])
{
    size_t n = 0;

    /* The strings are only read: execve's prototype is older than const. */
    argv[0] = (char *)(uintptr_t)name;
    for (; words[n] != NULL; n++) {
        if (n == WORDS_MAX)
            return cli_fail(c, HF_ERR_INVALID, "there are more than %d arguments", WORDS_MAX);
        argv[n + 1] = words[n];
    }
    for (size_t i = 0; i < 2 && last != NULL; i++)
        argv[++n] = (char *)(uintptr_t)last[i];
    argv[n + 1] = NULL;
    return HF_OK;
}

hf_err run_command(cli *c, const char *name, char *const *words, const char *member)
{
    char *argv[WORDS_MAX + 4];
    HF_AUTO(bytes_free) bytes printed = { 0 };

    HF_TRY(make_argv(c, name, words, NULL, argv));
    if (!c->json)
        return run_instead(c, argv);
    HF_TRY(run_capture(c, argv, &printed, &c->program_exit));
    return c->program_exit == 0 ? tell_text(c, member, &printed) : run_failed(c, name, c->program_exit);
}

hf_err run_json_command(cli *c, const char *name, char *const *words)
{
    static const char *const json[] = { "--output", "json" };
    char *argv[WORDS_MAX + 4];
    HF_AUTO(bytes_free) bytes printed = { 0 };

    HF_TRY(make_argv(c, name, words, c->json ? json : NULL, argv));
    if (!c->json)
        return run_instead(c, argv);
    HF_TRY(run_capture(c, argv, &printed, &c->program_exit));
    if (printed.len == 0)
        return run_failed(c, name, c->program_exit);
    c->told = true;
    (void)fwrite(printed.ptr, 1, printed.len, stdout);
    return HF_OK;
}
