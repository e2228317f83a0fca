#include "place.h"

#include "base/text.h"
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void skip_unless_root(void)
{
    if (geteuid() != 0) {
        print_message("# skipped: only root can give files away\n");
        skip();
    }
}

int scene_make(void **state)
{
    struct scene *s = calloc(1, sizeof(*s));

    /* In memory, where fsync costs nothing: what a power cut leaves is not asked here. */
    (void)snprintf(s->folder, sizeof(s->folder), "%s/hf-file-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(s->folder) == NULL)
        return -1;
    (void)snprintf(s->file, sizeof(s->file), "%s/data", s->folder);
    (void)snprintf(s->sidecar, sizeof(s->sidecar), "%s/data.hmac", s->folder);
    (void)snprintf(s->store, sizeof(s->store), "%s/state/anchors", s->folder);
    s->guard = (hf_file_guard) { .store_dir = s->store };
    *state = s;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

int scene_remove(void **state)
{
    struct scene *s = *state;
    int r = nftw(s->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);

    free(s);
    return r;
}

void put_bytes(const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    assert_int_equal(close(fd), 0);
}

void put(const char *path, const char *content)
{
    put_bytes(path, content, strlen(content));
}

size_t get(const char *path, void *dst, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    assert_true(fd >= 0);
    n = read(fd, dst, cap);
    assert_true(n >= 0);
    assert_int_equal(close(fd), 0);
    return (size_t)n;
}

bool is_there(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

mode_t mode_of(const char *path)
{
    struct stat st;

    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode & 07777;
}

void copy(const char *from, const char *to)
{
    char bytes[65536];

    put_bytes(to, bytes, get(from, bytes, sizeof(bytes)));
}

const char *with(const char *path, const char *suffix)
{
    static char texts[8][512];
    static size_t next;
    char *text = texts[next++ % 8];

    (void)snprintf(text, sizeof(texts[0]), "%s%s", path, suffix);
    return text;
}

const char *entry_of(const struct scene *s)
{
    char hex[2 * HF_FILE_ID_BYTES + 2] = "/";

    hf_hex_encode((hf_view) { s->report.id, HF_FILE_ID_BYTES }, hex + 1);
    return with(s->store, hex);
}

hf_err verify(struct scene *s)
{
    return hf_file_verify(&s->guard, s->file, &s->report);
}

hf_err protect(struct scene *s, unsigned flags)
{
    return hf_file_protect(&s->guard, s->file, flags, &s->report);
}

hf_err write_file(struct scene *s, const char *content, unsigned flags)
{
    return hf_file_write(&s->guard, s->file, content, strlen(content), flags, &s->report);
}

void expect(struct scene *s, hf_file_outcome outcome, const char *words)
{
    hf_err err = verify(s);

    if (s->report.outcome != outcome || strstr(s->report.why, words) == NULL)
        print_error("%s: %s\n", hf_file_outcome_name(s->report.outcome), s->report.why);
    assert_int_equal(s->report.outcome, outcome);
    assert_int_equal(err, hf_file_outcome_err(outcome));
    assert_non_null(strstr(s->report.why, words));
    assert_true((outcome == HF_FILE_MATCH) == (s->report.why[0] == '\0'));
}
