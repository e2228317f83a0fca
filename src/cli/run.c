#include "cli/run.h"

#include "cli/api.h"
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

#define CAPTURE_MAX_BYTES 65536

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

/* out_fd becomes the program's standard output. */
static hf_err start(cli *c, char *const argv[], int out_fd, pid_t *ret_pid)
{
    char path[PATH_MAX];
    posix_spawn_file_actions_t actions;

    HF_TRY(program_path(c, argv[0], path));
    if (posix_spawn_file_actions_init(&actions) != 0)
        return cannot_start(c, path, ENOMEM);
    int why = posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
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

    HF_TRY(start(c, argv, STDOUT_FILENO, &pid));
    *ret_exit = wait_for(pid);
    return HF_OK;
}

static hf_err read_output(int fd, bytes *ret)
{
    uint8_t part[4096];
    ssize_t n;
    hf_err e = HF_OK;

    /* Reads on when it is too much, so that the program does not wait for ever. */
    while ((n = read(fd, part, sizeof(part))) != 0) {
        if (n < 0 && errno != EINTR)
            e = HF_ERR_SYSTEM;
        if (n < 0 && errno != EINTR)
            break;
        if (n > 0 && e == HF_OK)
            e = bytes_put(ret, hf_view_of(part, (size_t)n), CAPTURE_MAX_BYTES);
    }
    hf_wipe(part, sizeof(part));
    return e;
}

hf_err run_capture(cli *c, char *const argv[], bytes *ret, int *ret_exit)
{
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return cli_fail(c, HF_ERR_SYSTEM, "there is no pipe to '%s': %s", argv[0], strerror(errno));
    HF_AUTO(hf_fd_closep) int in = ends[0];
    HF_AUTO(hf_fd_closep) int out = ends[1];
    HF_TRY(start(c, argv, out, &pid));
    hf_fd_closep(&out);
    hf_err e = read_output(in, ret);
    *ret_exit = wait_for(pid);
    return e == HF_OK ? HF_OK : cli_fail(c, HF_ERR_SYSTEM, "cannot read what '%s' printed", argv[0]);
}

#define EXIT_USAGE 2
#define EXIT_CONFLICT 5
#define EXIT_INTEGRITY 8

hf_err run_failed(cli *c, const char *name, int code)
{
    hf_err e = code == EXIT_USAGE       ? HF_ERR_INVALID
               : code == EXIT_CONFLICT  ? HF_ERR_CONFLICT
               : code == EXIT_INTEGRITY ? HF_ERR_INTEGRITY
                                        : HF_ERR_SYSTEM;

    return cli_fail(c, e, "%s did not do it; the line above says why", name);
}

#define WORDS_MAX 64

static hf_err tell_text(cli *c, const char *member, bytes *text)
{
    HF_AUTO(api_new_freep) yyjson_mut_doc *doc = NULL;

    while (text->len > 0 && text->ptr[text->len - 1] == '\n')
        text->len--;
    HF_TRY(api_new(c, &doc));
    (void)yyjson_mut_obj_add_strncpy(doc, yyjson_mut_doc_get_root(doc), member, (const char *)text->ptr, text->len);
    out_new_document(doc);
    return HF_OK;
}

hf_err run_command(cli *c, const char *name, char *const *words, const char *member)
{
    char *argv[WORDS_MAX + 2] = { (char *)(uintptr_t)name };
    HF_AUTO(bytes_free) bytes printed = { 0 };

    for (size_t n = 0; words[n] != NULL; n++) {
        if (n == WORDS_MAX)
            return cli_fail(c, HF_ERR_INVALID, "there are more than %d arguments", WORDS_MAX);
        argv[n + 1] = words[n];
    }
    if (!c->json)
        return run_instead(c, argv);
    HF_TRY(run_capture(c, argv, &printed, &c->program_exit));
    return c->program_exit == 0 ? tell_text(c, member, &printed) : run_failed(c, name, c->program_exit);
}
