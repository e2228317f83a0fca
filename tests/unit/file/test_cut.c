/*
 * Every call that can change something, cut off in turn: the process dies before it, or it fails. The linker leads these calls through
 * here (--wrap). Afterwards the file is protected as before, or as it was to be, and what was begun can be done again.
 */
#include "place.h"

#include "base/buf.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the cut ---- */

static int cut_at; /* 0: never */
static int cut_errno; /* 0: die */
static int calls;

static bool is_cut(void)
{
    if (++calls != cut_at)
        return false;
    if (cut_errno == 0)
        _exit(9);
    errno = cut_errno;
    return true;
}

int __real_openat64(int fd, const char *path, int flags, mode_t mode);
int __wrap_openat64(int fd, const char *path, int flags, mode_t mode);
int __wrap_openat64(int fd, const char *path, int flags, mode_t mode)
{
    return is_cut() ? -1 : __real_openat64(fd, path, flags, mode);
}

ssize_t __real_write(int fd, const void *bytes, size_t len);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);
ssize_t __wrap_write(int fd, const void *bytes, size_t len)
{
    return is_cut() ? -1 : __real_write(fd, bytes, len);
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    return is_cut() ? -1 : __real_fsync(fd);
}

int __real_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    return is_cut() ? -1 : __real_renameat(from_fd, from, to_fd, to);
}

int __real_unlinkat(int fd, const char *path, int flags);
int __wrap_unlinkat(int fd, const char *path, int flags);
int __wrap_unlinkat(int fd, const char *path, int flags)
{
    return is_cut() ? -1 : __real_unlinkat(fd, path, flags);
}

int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode)
{
    return is_cut() ? -1 : __real_mkdir(path, mode);
}

int __real_fchmod(int fd, mode_t mode);
int __wrap_fchmod(int fd, mode_t mode);
int __wrap_fchmod(int fd, mode_t mode)
{
    return is_cut() ? -1 : __real_fchmod(fd, mode);
}

ssize_t __real_read(int fd, void *dst, size_t cap);
ssize_t __wrap_read(int fd, void *dst, size_t cap);
ssize_t __wrap_read(int fd, void *dst, size_t cap)
{
    return is_cut() ? -1 : __real_read(fd, dst, cap);
}

int __real_fcntl64(int fd, int command, void *argument);
int __wrap_fcntl64(int fd, int command, void *argument);
int __wrap_fcntl64(int fd, int command, void *argument)
{
    return is_cut() ? -1 : __real_fcntl64(fd, command, argument);
}

int __real_fstat64(int fd, struct stat *st);
int __wrap_fstat64(int fd, struct stat *st);
int __wrap_fstat64(int fd, struct stat *st)
{
    return is_cut() ? -1 : __real_fstat64(fd, st);
}

/* ---- what is cut ---- */

typedef enum what { DO_PROTECT, DO_WRITE, DO_UNPROTECT, DO_VERIFY } what;

static hf_err act(struct scene *s, what w, unsigned flags)
{
    switch (w) {
    case DO_PROTECT:
        return protect(s, flags);
    case DO_WRITE:
        return write_file(s, "new", flags);
    case DO_UNPROTECT:
        return hf_file_unprotect(&s->guard, s->file, flags, &s->report);
    case DO_VERIFY:
        break;
    }
    return verify(s);
}

static void begin_protected(struct scene *s)
{
    put(s->file, "old");
    assert_int_equal(protect(s, 0), HF_OK);
}

static void begin_unprotected(struct scene *s)
{
    put(s->file, "old");
}

static void begin_empty(struct scene *s)
{
    (void)s;
}

static void begin_tampered(struct scene *s)
{
    begin_protected(s);
    put(s->file, "trap");
}

static void begin_without_sidecar(struct scene *s)
{
    begin_protected(s);
    assert_int_equal(unlink(s->sidecar), 0);
}

/* In a child, with call number `at` cut off: 9 it died, 0 nothing was cut and all was well, 3 nothing was cut and it failed; else 1 or 2. */
static int act_cut(struct scene *s, what w, unsigned flags, int at, int code)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0) {
        calls = 0;
        cut_at = at;
        cut_errno = code;
        hf_err err = act(s, w, flags);
        _exit(calls < at ? (err == HF_OK ? 0 : 3) : (err == HF_OK ? 1 : 2));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static bool holds(const char *path, const char *content)
{
    char bytes[16] = { 0 };

    if (!is_there(path))
        return content == NULL;
    (void)get(path, bytes, sizeof(bytes) - 1);
    return content != NULL && strcmp(bytes, content) == 0;
}

static bool is_settled(const struct scene *s)
{
    uint8_t entry[256] = { 0 };

    return !is_there(entry_of(s)) || (get(entry_of(s), entry, sizeof(entry)) > 2 && entry[1] == 1);
}

/* A process died between its two renames: the content is new, the sidecar old, and the entry knows both. */
static void begin_pending(struct scene *s)
{
    static int between[2] = { 1, 1 }; /* by mode: the call to die at, once it is known */
    int *at = &between[s->guard.mode];
    char old[65], now[65];

    begin_protected(s);
    (void)get(s->sidecar, old, sizeof(old));
    for (;; ++*at) {
        assert_int_equal(act_cut(s, DO_WRITE, 0, *at, 0), 9);
        if (holds(s->file, "new"))
            break;
        (void)unlink(with(s->sidecar, ".next")); /* it would be looked at, so that the calls would have other numbers */
        assert_int_equal(verify(s), HF_OK);
    }
    (void)get(s->sidecar, now, sizeof(now));
    assert_memory_equal(old, now, sizeof(old));
    assert_false(s->guard.mode == HF_FILE_ANCHORED && is_settled(s));
}

struct state {
    hf_file_outcome outcome;
    const char *content; /* NULL: no file */
};

static const struct scenario {
    const char *name;
    void (*begin)(struct scene *s);
    hf_file_mode mode;
    what what;
    unsigned flags;
    struct state before, after;
} scenarios[] = {
    { "write", begin_protected, HF_FILE_ANCHORED, DO_WRITE, 0, { HF_FILE_MATCH, "old" }, { HF_FILE_MATCH, "new" } },
    { "first write",
      begin_unprotected,
      HF_FILE_ANCHORED,
      DO_WRITE,
      0,
      { HF_FILE_NO_ANCHOR, "old" },
      { HF_FILE_MATCH, "new" } },
    { "new file", begin_empty, HF_FILE_ANCHORED, DO_WRITE, 0, { HF_FILE_NOT_FOUND, NULL }, { HF_FILE_MATCH, "new" } },
    { "forced write",
      begin_tampered,
      HF_FILE_ANCHORED,
      DO_WRITE,
      HF_FILE_FORCE,
      { HF_FILE_TAMPER, "trap" },
      { HF_FILE_MATCH, "new" } },
    { "protect",
      begin_unprotected,
      HF_FILE_ANCHORED,
      DO_PROTECT,
      0,
      { HF_FILE_NO_ANCHOR, "old" },
      { HF_FILE_MATCH, "old" } },
    { "forced protect",
      begin_tampered,
      HF_FILE_ANCHORED,
      DO_PROTECT,
      HF_FILE_FORCE,
      { HF_FILE_TAMPER, "trap" },
      { HF_FILE_MATCH, "trap" } },
    { "repair",
      begin_without_sidecar,
      HF_FILE_ANCHORED,
      DO_PROTECT,
      0,
      { HF_FILE_TAMPER, "old" },
      { HF_FILE_MATCH, "old" } },
    { "unprotect",
      begin_protected,
      HF_FILE_ANCHORED,
      DO_UNPROTECT,
      0,
      { HF_FILE_MATCH, "old" },
      { HF_FILE_NO_ANCHOR, "old" } },
    { "sidecar write",
      begin_protected,
      HF_FILE_SIDECAR,
      DO_WRITE,
      0,
      { HF_FILE_MATCH, "old" },
      { HF_FILE_MATCH, "new" } },
    { "sidecar first write",
      begin_unprotected,
      HF_FILE_SIDECAR,
      DO_WRITE,
      0,
      { HF_FILE_NO_ANCHOR, "old" },
      { HF_FILE_MATCH, "new" } },
    { "sidecar protect",
      begin_unprotected,
      HF_FILE_SIDECAR,
      DO_PROTECT,
      0,
      { HF_FILE_NO_ANCHOR, "old" },
      { HF_FILE_MATCH, "old" } },
    { "sidecar unprotect",
      begin_protected,
      HF_FILE_SIDECAR,
      DO_UNPROTECT,
      0,
      { HF_FILE_MATCH, "old" },
      { HF_FILE_NO_ANCHOR, "old" } },
};

static const struct scenario settling[] = {
    { "settle", begin_pending, HF_FILE_ANCHORED, DO_VERIFY, 0, { HF_FILE_MATCH, "new" }, { HF_FILE_MATCH, "new" } },
    { "sidecar settle",
      begin_pending,
      HF_FILE_SIDECAR,
      DO_VERIFY,
      0,
      { HF_FILE_MATCH, "new" },
      { HF_FILE_MATCH, "new" } },
    { "settle by protect",
      begin_pending,
      HF_FILE_ANCHORED,
      DO_PROTECT,
      0,
      { HF_FILE_MATCH, "new" },
      { HF_FILE_MATCH, "new" } },
    { "write over pending",
      begin_pending,
      HF_FILE_ANCHORED,
      DO_WRITE,
      0,
      { HF_FILE_MATCH, "new" },
      { HF_FILE_MATCH, "new" } },
};

/* ---- what is wanted behind it ---- */

static bool is_state(struct scene *s, const struct state *st)
{
    hf_err err = verify(s);

    assert_int_equal(err, hf_file_outcome_err(s->report.outcome));
    return s->report.outcome == st->outcome && holds(s->file, st->content);
}

static void expect_clean(const struct scene *s)
{
    assert_true(is_settled(s));
    assert_false(is_there(with(s->sidecar, ".next")));
    assert_false(is_there(with(s->store, "/key.next")));
    assert_false(is_there(with(entry_of(s), ".next")));
    char hex[17] = "";
    for (int i = 0; i < 8; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", s->report.id[i]);
    char tmp[128];
    (void)snprintf(tmp, sizeof(tmp), "%s/.holdfast-%s.tmp", s->folder, hex);
    assert_false(is_there(tmp));
}

/* Gives whether something was cut. */
static bool cut_once(const struct scenario *in, int at, int code, int seen[static 2])
{
    void *made = NULL;

    assert_int_equal(scene_make(&made), 0);
    struct scene *s = made;
    s->guard.mode = in->mode;
    in->begin(s);
    int how = act_cut(s, in->what, in->flags, at, code);
    bool is_after = is_state(s, &in->after), is_before = !is_after && is_state(s, &in->before);
    if (how == 3 || (how < 2 && !is_after) || (!is_after && !is_before))
        fail_msg("%s, call %d, %s: ended %d, then %s: %s", in->name, at, strerrorname_np(code), how,
                 hf_file_outcome_name(s->report.outcome), s->report.why);
    seen[is_after] += how != 0;
    if (s->report.outcome == HF_FILE_MATCH) {
        assert_true(is_settled(s));
        assert_false(s->report.pending);
    }
    hf_err again = act(s, in->what, in->flags);
    assert_true(again == HF_OK || (in->what == DO_UNPROTECT && again == HF_ERR_NO_ANCHOR));
    assert_true(is_state(s, &in->after));
    expect_clean(s);
    assert_int_equal(scene_remove(&made), 0);
    return how != 0;
}

static void cut_everywhere(const struct scenario *table, size_t n, int code)
{
    for (size_t i = 0; i < n; i++) {
        int seen[2] = { 0 }, at = 1;
        while (cut_once(&table[i], at, code, seen))
            at++;
        assert_true(at > 10 && at < 200);
        print_message("%s, %s: before %d, after %d\n", table[i].name, code == 0 ? "killed" : strerrorname_np(code),
                      seen[0], seen[1]);
        if (code == 0)
            assert_true(seen[1] > 0 && (table == settling || seen[0] > 0));
    }
}

static void test_killed_before_every_call(void **state)
{
    (void)state;
    cut_everywhere(scenarios, HF_COUNT(scenarios), 0);
    cut_everywhere(settling, HF_COUNT(settling), 0);
}

static void test_every_call_fails_once(void **state)
{
    static const int codes[] = { EIO, EINTR };

    (void)state;
    for (size_t i = 0; i < HF_COUNT(codes); i++) {
        cut_everywhere(scenarios, HF_COUNT(scenarios), codes[i]);
        cut_everywhere(settling, HF_COUNT(settling), codes[i]);
    }
}

/* Whatever fails while it is looked at, what was tampered with never passes. */
static void test_tampering_never_passes(void **state)
{
    static const int codes[] = { ENOENT, EIO, EACCES, EROFS, ELOOP, EINTR };
    struct scene *s = *state;

    begin_tampered(s);
    for (size_t i = 0; i < HF_COUNT(codes); i++)
        for (int at = 1, how = -1; how != 3; at++) {
            how = act_cut(s, DO_VERIFY, 0, at, codes[i]);
            assert_true(how == 2 || how == 3);
            assert_true(at < 100);
        }
    assert_int_equal(act_cut(s, DO_PROTECT, 0, 1000, EIO), 3);
    expect(s, HF_FILE_TAMPER, "the content is not");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killed_before_every_call),
        cmocka_unit_test(test_every_call_fails_once),
        cmocka_unit_test_setup_teardown(test_tampering_never_passes, scene_make, scene_remove),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
