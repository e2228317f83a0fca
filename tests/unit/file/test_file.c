/* Protecting, verifying, reading, writing and letting go, as a program does it. */
#include "place.h"

#include "file/content.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- outcomes ---- */

static void test_protect_and_verify(void **state)
{
    struct scene *s = *state;
    char sidecar[66];

    put(s->file, "content");
    expect(s, HF_FILE_NO_ANCHOR, "no store");
    assert_false(is_there(s->store));
    assert_int_equal(protect(s, 0), HF_OK);
    assert_int_equal(s->report.outcome, HF_FILE_MATCH);
    assert_true(s->report.changed);
    assert_int_equal(s->report.bytes, 7);
    assert_string_equal(s->report.path, s->file);
    expect(s, HF_FILE_MATCH, "");
    assert_false(s->report.changed);
    assert_int_equal(get(s->sidecar, sidecar, sizeof(sidecar)), 65);
    assert_int_equal(protect(s, 0), HF_OK); /* again: nothing to do */
    assert_false(s->report.changed);
}

static void test_modes_whatever_the_umask(void **state)
{
    static const mode_t masks[] = { 0, 022, 0177, 0277, 0377 };
    struct scene *s = *state;

    for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
        mode_t before = umask(masks[i]);
        assert_int_equal(write_file(s, "content", HF_FILE_FORCE), HF_OK);
        (void)umask(before);
        assert_int_equal(mode_of(s->file), 0600);
        assert_int_equal(mode_of(s->sidecar), 0600);
        assert_int_equal(mode_of(s->store), 0700);
        assert_int_equal(mode_of(with(s->store, "/key")), 0600);
        assert_int_equal(mode_of(with(s->store, "/lock")), 0600);
        assert_int_equal(mode_of(entry_of(s)), 0600);
        assert_int_equal(mode_of(with(s->folder, "/state")), 0700);
        assert_int_equal(unlink(s->sidecar) | unlink(entry_of(s)) | unlink(with(s->store, "/key")) | unlink(s->file),
                         0);
        assert_int_equal(unlink(with(s->store, "/lock")) | rmdir(s->store) | rmdir(with(s->folder, "/state")), 0);
    }
}

static void test_content_altered(void **state)
{
    struct scene *s = *state;

    put(s->file, "content");
    assert_int_equal(protect(s, 0), HF_OK);
    put(s->file, "Content");
    expect(s, HF_FILE_TAMPER, "the content is not what was protected");
    put(s->file, "content ");
    expect(s, HF_FILE_TAMPER, "the content is not");
    put(s->file, "");
    expect(s, HF_FILE_TAMPER, "the content is not");
    put(s->file, "content");
    expect(s, HF_FILE_MATCH, "");
    assert_int_equal(unlink(s->file), 0);
    expect(s, HF_FILE_NOT_FOUND, "though it is protected");
}

static void test_sidecar_altered(void **state)
{
    struct scene *s = *state;
    char hex[66] = { 0 };

    put(s->file, "content");
    assert_int_equal(protect(s, 0), HF_OK);
    (void)get(s->sidecar, hex, 65);
    hex[5] = hex[5] == '0' ? '1' : '0';
    put(s->sidecar, hex);
    expect(s, HF_FILE_TAMPER, "its sidecar was altered");
    put_bytes(s->sidecar, hex, 64);
    expect(s, HF_FILE_TAMPER, "too short");
    put(s->sidecar, "");
    expect(s, HF_FILE_TAMPER, "too short");
    assert_int_equal(unlink(s->sidecar) | symlink("data", s->sidecar), 0);
    expect(s, HF_FILE_TAMPER, "no regular file");
    assert_int_equal(unlink(s->sidecar) | mkfifo(s->sidecar, 0600), 0);
    expect(s, HF_FILE_TAMPER, "no regular file");
    assert_int_equal(unlink(s->sidecar) | mkdir(s->sidecar, 0700), 0);
    expect(s, HF_FILE_TAMPER, "no regular file");
    assert_int_equal(protect(s, 0), HF_ERR_SYSTEM); /* nothing replaces a folder */
    assert_int_equal(rmdir(s->sidecar), 0);
    expect(s, HF_FILE_TAMPER, "its sidecar was taken away");
    assert_int_equal(protect(s, 0), HF_OK); /* the store vouches for the content, so this is a repair */
    expect(s, HF_FILE_MATCH, "");
}

/* Weakness 8 of the original: deleting the sidecar, and putting an old pair back. */
static void test_an_older_pair(void **state)
{
    struct scene *s = *state;

    put(s->file, "first");
    assert_int_equal(protect(s, 0), HF_OK);
    copy(s->file, with(s->folder, "/old"));
    copy(s->sidecar, with(s->folder, "/old.tag"));
    assert_int_equal(write_file(s, "second", 0), HF_OK);
    expect(s, HF_FILE_MATCH, "");
    copy(with(s->folder, "/old"), s->file);
    expect(s, HF_FILE_TAMPER, "the content is not");
    copy(with(s->folder, "/old.tag"), s->sidecar);
    expect(s, HF_FILE_TAMPER, "copies from before");
    assert_int_equal(unlink(s->sidecar), 0);
    expect(s, HF_FILE_TAMPER, "the content is not");
    copy(with(s->folder, "/old.tag"), s->sidecar);
    s->guard.mode = HF_FILE_SIDECAR; /* the store knows better, so the sidecar alone is not asked */
    assert_int_equal(verify(s), HF_ERR_WRONG_STATE);
    assert_int_equal(s->report.outcome, HF_FILE_NOT_JUDGED);
    assert_int_equal(unlink(entry_of(s)), 0); /* what the anchor is for: without it the pair passes */
    expect(s, HF_FILE_MATCH, "");
}

static void test_tampered_is_not_blessed(void **state)
{
    struct scene *s = *state;
    char before[65], after[65];

    put(s->file, "content");
    assert_int_equal(protect(s, 0), HF_OK);
    (void)get(s->sidecar, before, 65);
    put(s->file, "tampered");
    assert_int_equal(protect(s, 0), HF_ERR_INTEGRITY);
    assert_non_null(strstr(s->report.why, "force is needed"));
    assert_int_equal(write_file(s, "new", 0), HF_ERR_INTEGRITY);
    assert_int_equal(hf_file_unprotect(&s->guard, s->file, 0, &s->report), HF_ERR_INTEGRITY);
    (void)get(s->sidecar, after, 65);
    assert_memory_equal(before, after, 65);
    expect(s, HF_FILE_TAMPER, "the content is not");
    assert_int_equal(protect(s, HF_FILE_FORCE), HF_OK);
    expect(s, HF_FILE_MATCH, "");
    assert_int_equal(protect(s, 2), HF_ERR_INVALID);
}

/* ---- sidecar mode ---- */

static void test_sidecar_mode(void **state)
{
    struct scene *s = *state;

    s->guard.mode = HF_FILE_SIDECAR;
    put(s->file, "content");
    expect(s, HF_FILE_NO_ANCHOR, "no store");
    assert_int_equal(protect(s, 0), HF_OK);
    assert_false(is_there(entry_of(s)));
    expect(s, HF_FILE_MATCH, "");
    s->guard.mode = HF_FILE_ANCHORED; /* asking for more than there is */
    expect(s, HF_FILE_NO_ANCHOR, "protected with --sidecar-only");
    s->guard.mode = HF_FILE_SIDECAR;
    assert_int_equal(write_file(s, "new content", 0), HF_OK);
    expect(s, HF_FILE_MATCH, "");
    put(s->file, "newer content");
    expect(s, HF_FILE_TAMPER, "do not belong together");
    assert_int_equal(protect(s, 0), HF_ERR_INTEGRITY);
    assert_int_equal(unlink(s->sidecar), 0);
    expect(s, HF_FILE_NO_ANCHOR, "no sidecar");
}

static void test_no_downgrade(void **state)
{
    struct scene *s = *state;

    put(s->file, "content");
    assert_int_equal(protect(s, 0), HF_OK);
    s->guard.mode = HF_FILE_SIDECAR;
    assert_int_equal(write_file(s, "new", 0), HF_ERR_WRONG_STATE);
    put(s->file, "new");
    assert_int_equal(protect(s, HF_FILE_FORCE), HF_ERR_WRONG_STATE);
    assert_int_equal(hf_file_unprotect(&s->guard, s->file, HF_FILE_FORCE, &s->report), HF_ERR_WRONG_STATE);
    assert_non_null(strstr(s->report.why, "keep it anchored"));
}

/* ---- reading ---- */

static void test_read(void **state)
{
    static char big[700000];
    struct scene *s = *state;
    hf_file_content *c = NULL;

    memset(big, 'x', sizeof(big));
    put_bytes(s->file, big, sizeof(big));
    assert_int_equal(protect(s, 0), HF_OK);
    assert_int_equal(hf_file_read(&s->guard, s->file, 0, &c, &s->report), HF_OK);
    assert_int_equal(hf_file_content_size(c), sizeof(big));
    assert_memory_equal(hf_file_content_bytes(c), big, sizeof(big));
    hf_file_content_free(c);
    c = NULL;
    assert_int_equal(write_file(s, "", 0), HF_OK);
    assert_int_equal(hf_file_read(&s->guard, s->file, 0, &c, &s->report), HF_OK);
    assert_int_equal(hf_file_content_size(c), 0);
    assert_non_null(hf_file_content_bytes(c));
    hf_file_content_free(c);
    hf_file_content_free(NULL);
}

static hf_err read_with(struct scene *s, unsigned allow, bool content)
{
    hf_file_content *const untouched = (hf_file_content *)s;
    hf_file_content *c = untouched;
    hf_err err = hf_file_read(&s->guard, s->file, allow, &c, &s->report);

    assert_int_equal(c != untouched, content);
    assert_int_equal(err == HF_OK, content);
    if (content)
        hf_file_content_free(c);
    return err;
}

#define ALLOW_ALL (HF_FILE_ALLOW_NO_ANCHOR | HF_FILE_ALLOW_STORE_UNAVAILABLE)

/* Fail closed: content for a match alone, and for two outcomes on request, each by its own. */
static void test_read_fails_closed(void **state)
{
    struct scene *s = *state;

    put(s->file, "content");
    assert_int_equal(read_with(s, 0, false), HF_ERR_NO_ANCHOR);
    assert_int_equal(read_with(s, HF_FILE_ALLOW_STORE_UNAVAILABLE, false), HF_ERR_NO_ANCHOR);
    assert_int_equal(read_with(s, HF_FILE_ALLOW_NO_ANCHOR, true), HF_OK);
    assert_int_equal(s->report.outcome, HF_FILE_NO_ANCHOR);
    assert_int_equal(protect(s, 0), HF_OK);
    assert_int_equal(chmod(s->store, 0755), 0);
    assert_int_equal(read_with(s, 0, false), HF_ERR_STORE);
    assert_int_equal(read_with(s, HF_FILE_ALLOW_NO_ANCHOR, false), HF_ERR_STORE);
    assert_int_equal(read_with(s, HF_FILE_ALLOW_STORE_UNAVAILABLE, true), HF_OK);
    assert_int_equal(s->report.outcome, HF_FILE_STORE_UNAVAILABLE);
    assert_int_equal(chmod(s->store, 0700), 0);
    put(s->file, "tampered");
    assert_int_equal(read_with(s, ALLOW_ALL, false), HF_ERR_INTEGRITY);
    assert_int_equal(unlink(s->sidecar), 0);
    assert_int_equal(read_with(s, ALLOW_ALL, false), HF_ERR_INTEGRITY);
    assert_int_equal(unlink(s->file), 0);
    assert_int_equal(read_with(s, ALLOW_ALL, false), HF_ERR_NOT_FOUND);
}

static void test_limits(void **state)
{
    struct scene *s = *state;

    put(s->file, "0123456789");
    assert_int_equal(protect(s, 0), HF_OK);
    s->guard.max_bytes = 9;
    assert_int_equal(verify(s), HF_ERR_TOO_LARGE);
    assert_int_equal(s->report.outcome, HF_FILE_NOT_JUDGED);
    assert_non_null(strstr(s->report.why, "more than 9 bytes"));
    assert_int_equal(read_with(s, ALLOW_ALL, false), HF_ERR_TOO_LARGE);
    s->guard.max_bytes = 10;
    expect(s, HF_FILE_MATCH, "");
    assert_int_equal(read_with(s, 0, true), HF_OK);
    s->guard.max_bytes = 0;
    assert_int_equal(truncate(s->file, (off_t)HF_FILE_READ_MAX_BYTES + 1), 0); /* sparse */
    assert_int_equal(read_with(s, 0, false), HF_ERR_TOO_LARGE);
    assert_int_equal(
        hf_file_write(&s->guard, s->file, "", (size_t)HF_FILE_READ_MAX_BYTES + 1, HF_FILE_FORCE, &s->report),
        HF_ERR_TOO_LARGE);
}

/* Nothing is read of a file that is too large anyway: it might take an hour. */
static void test_too_large_is_seen_first(void **state)
{
    struct scene *s = *state;
    hf_secret *key = NULL;
    hf_tag tag;
    uint64_t bytes = 0;
    hf_why why;

    put(s->file, "");
    assert_int_equal(truncate(s->file, 4097), 0);
    int fd = open(s->file, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(hf_secret_new(HF_FILE_KEY_BYTES, &key), HF_OK);
    assert_int_equal(hf_content_tag(fd, 4096, key, &tag, &bytes, &why), HF_ERR_TOO_LARGE);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
    assert_int_equal(hf_content_tag(fd, 4097, key, &tag, &bytes, &why), HF_OK);
    assert_int_equal(bytes, 4097);
    hf_secret_free(key);
    assert_int_equal(close(fd), 0);
}

/* ---- writing ---- */

static void test_write(void **state)
{
    struct scene *s = *state;
    char got[16];

    assert_int_equal(write_file(s, "one", 0), HF_OK);
    assert_true(s->report.changed);
    assert_int_equal(mode_of(s->file), 0600);
    expect(s, HF_FILE_MATCH, "");
    assert_int_equal(chmod(s->file, 0640), 0);
    assert_int_equal(write_file(s, "two", 0), HF_OK);
    assert_int_equal(mode_of(s->file), 0640);
    expect(s, HF_FILE_MATCH, "");
    assert_int_equal(get(s->file, got, sizeof(got)), 3);
    assert_memory_equal(got, "two", 3);
    assert_false(is_there(with(s->sidecar, ".next")));
    assert_int_equal(unlink(s->file), 0);
    assert_int_equal(write_file(s, "three", 0), HF_OK); /* it was taken away: this is new content anyhow */
    expect(s, HF_FILE_MATCH, "");
}

static void test_write_keeps_the_owner(void **state)
{
    struct scene *s = *state;
    struct stat st;

    skip_unless_root();
    put(s->file, "one");
    assert_int_equal(chown(s->file, 65534, 65534) | chmod(s->file, 04755), 0);
    assert_int_equal(write_file(s, "two", 0), HF_OK);
    assert_int_equal(stat(s->file, &st), 0);
    assert_int_equal(st.st_uid, 65534);
    assert_int_equal(st.st_gid, 65534);
    assert_int_equal(st.st_mode & 07777, 0755);
}

/* ---- letting go ---- */

static void test_unprotect(void **state)
{
    struct scene *s = *state;

    put(s->file, "content");
    assert_int_equal(hf_file_unprotect(&s->guard, s->file, 0, &s->report), HF_ERR_NO_ANCHOR);
    assert_false(is_there(s->store));
    assert_int_equal(protect(s, 0), HF_OK);
    assert_int_equal(hf_file_unprotect(&s->guard, s->file, 0, &s->report), HF_OK);
    assert_true(s->report.changed);
    assert_false(is_there(s->sidecar));
    assert_false(is_there(entry_of(s)));
    assert_true(is_there(s->file));
    expect(s, HF_FILE_NO_ANCHOR, "never protected");
    assert_int_equal(protect(s, 0), HF_OK);
    assert_int_equal(unlink(s->file), 0);
    assert_int_equal(hf_file_unprotect(&s->guard, s->file, 0, &s->report), HF_OK);
    expect(s, HF_FILE_NOT_FOUND, "there is no such file");
    assert_int_equal(hf_file_unprotect(&s->guard, s->file, 0, &s->report), HF_ERR_NOT_FOUND);
}

/* ---- paths ---- */

static hf_err verify_as(struct scene *s, const char *path)
{
    return hf_file_verify(&s->guard, path, &s->report);
}

/* Weakness 8: another name of the path is the same path. */
static void test_aliases(void **state)
{
    struct scene *s = *state;
    const char *link = with(s->folder, "/link"), *up = with(s->folder, "/up");
    int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    put(s->file, "content");
    assert_int_equal(protect(s, 0), HF_OK);
    assert_int_equal(symlink("data", link) | symlink(".", up), 0);
    assert_int_equal(verify_as(s, with(s->folder, "/./data")), HF_OK);
    assert_int_equal(verify_as(s, with(s->folder, "//up/../up/link")), HF_ERR_NOT_FOUND);
    assert_int_equal(verify_as(s, with(s->folder, "//up/up/link")), HF_OK);
    assert_string_equal(s->report.path, s->file);
    assert_int_equal(verify_as(s, link), HF_OK);
    assert_int_equal(chdir(s->folder), 0);
    assert_int_equal(verify_as(s, "data"), HF_OK);
    assert_int_equal(verify_as(s, "up/link"), HF_OK);
    assert_int_equal(hf_file_write(&s->guard, "up/link", "new", 3, 0, &s->report), HF_OK); /* the file, not the link */
    assert_int_equal(verify_as(s, s->file), HF_OK);
    assert_int_equal(fchdir(here) | close(here), 0);
    put(s->file, "tampered");
    assert_int_equal(verify_as(s, link), HF_ERR_INTEGRITY);
    /* Another file behind the old name is another path. */
    put(with(s->folder, "/other"), "new");
    assert_int_equal(unlink(link) | symlink("other", link), 0);
    assert_int_equal(verify_as(s, link), HF_ERR_NO_ANCHOR);
    assert_int_equal(unlink(link) | symlink("gone", link), 0);
    assert_int_equal(verify_as(s, link), HF_ERR_NOT_FOUND);
    assert_non_null(strstr(s->report.why, "leads nowhere"));
}

/* The outcome for a path, by every function that could be deceived; nothing may be changed. */
static void expect_strayed(struct scene *s, const char *path)
{
    hf_file_content *c = NULL;

    assert_int_equal(verify_as(s, path), HF_ERR_INTEGRITY);
    assert_int_equal(s->report.outcome, HF_FILE_TAMPER);
    assert_non_null(strstr(s->report.why, "a protected path now leads elsewhere"));
    assert_int_equal(hf_file_read(&s->guard, path, ALLOW_ALL, &c, &s->report), HF_ERR_INTEGRITY);
    assert_null(c);
    assert_int_equal(hf_file_protect(&s->guard, path, 0, &s->report), HF_ERR_INTEGRITY);
    assert_int_equal(hf_file_write(&s->guard, path, "x", 1, 0, &s->report), HF_ERR_INTEGRITY);
    assert_int_equal(hf_file_unprotect(&s->guard, path, 0, &s->report), HF_ERR_INTEGRITY);
    assert_false(s->report.changed);
    s->guard.mode = HF_FILE_SIDECAR;
    assert_true(verify_as(s, path) != HF_OK);
    s->guard.mode = HF_FILE_ANCHORED;
}

/* Weakness 8 by an alias: a protected name is exchanged for a link to another file, which is genuine, or was never protected. */
static void test_a_link_in_place_of_a_file(void **state)
{
    static const char *const targets[] = { "other", "plain", "chain", "gone", "loop", "data", "", "..", "/" };
    struct scene *s = *state;
    const char *old = with(s->folder, "/old"), *alias = with(s->folder, "/alias");

    put(s->file, "content");
    put(with(s->folder, "/other"), "other content");
    put(with(s->folder, "/plain"), "never protected");
    assert_int_equal(symlink("other", with(s->folder, "/chain")) | symlink("loop", with(s->folder, "/loop")), 0);
    assert_int_equal(symlink("data", alias), 0);
    assert_int_equal(protect(s, 0), HF_OK);
    assert_int_equal(hf_file_protect(&s->guard, with(s->folder, "/other"), 0, &s->report), HF_OK);
    assert_int_equal(verify_as(s, alias), HF_OK);
    assert_int_equal(rename(s->file, old), 0);
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        assert_int_equal(symlink(targets[i][0] != '\0' ? targets[i] : s->folder, s->file), 0);
        expect_strayed(s, s->file);
        expect_strayed(s, alias);
        assert_int_equal(unlink(s->file), 0);
    }
    assert_int_equal(symlink("gone", s->file), 0);
    assert_int_equal(protect(s, HF_FILE_FORCE), HF_ERR_NOT_FOUND); /* force does not make a file */
    assert_int_equal(unlink(s->file) | symlink("other", s->file), 0);
    assert_int_equal(protect(s, HF_FILE_FORCE), HF_OK); /* the link is meant: from now on it is an alias */
    assert_int_equal(verify(s), HF_OK);
    assert_int_equal(verify_as(s, with(s->folder, "/other")), HF_OK);
    assert_int_equal(unlink(s->file) | rename(old, s->file), 0);
    expect(s, HF_FILE_NO_ANCHOR, "no entry");
}

static void test_a_link_in_place_of_a_folder(void **state)
{
    struct scene *s = *state;
    const char *one = with(s->folder, "/one"), *two = with(s->folder, "/two");
    const char *path = with(s->folder, "/one/sub/data"), *target = with(s->folder, "/two/sub/data");

    assert_int_equal(mkdir(one, 0700) | mkdir(two, 0700), 0);
    assert_int_equal(mkdir(with(one, "/sub"), 0700) | mkdir(with(two, "/sub"), 0700), 0);
    put(path, "content");
    put(target, "other content");
    assert_int_equal(hf_file_protect(&s->guard, path, 0, &s->report), HF_OK);
    assert_int_equal(rename(one, with(s->folder, "/away")) | symlink("two", one), 0);
    path = with(s->folder, "/one/sub/data");
    expect_strayed(s, path);
    expect_strayed(s, with(s->folder, "/one/./sub//x/../data"));
    target = with(s->folder, "/two/sub/data");
    assert_int_equal(hf_file_protect(&s->guard, target, 0, &s->report), HF_OK);
    expect_strayed(s, path);
    assert_int_equal(unlink(target), 0);
    expect_strayed(s, path); /* also where nothing is any more */
    assert_int_equal(unlink(with(s->folder, "/one")), 0);
    put(with(s->folder, "/one"), "a file in place of the folder");
    expect_strayed(s, path);
    assert_int_equal(unlink(with(s->folder, "/one")) | rename(with(s->folder, "/away"), with(s->folder, "/one")), 0);
    assert_int_equal(verify_as(s, path), HF_OK);
}

/* What was protected and is no file any more is tampering, and is not opened: a pipe would make it wait. */
static void test_what_became_no_file(void **state)
{
    struct scene *s = *state;

    put(s->file, "content");
    assert_int_equal(protect(s, 0), HF_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(i == 0 ? unlink(s->file) | mkfifo(s->file, 0600) : unlink(s->file) | mkdir(s->file, 0700), 0);
        expect(s, HF_FILE_TAMPER, "no regular file any more");
        assert_int_equal(protect(s, 0), HF_ERR_INTEGRITY);
        assert_int_equal(protect(s, HF_FILE_FORCE), HF_ERR_INVALID);
        assert_int_equal(write_file(s, "x", HF_FILE_FORCE), HF_ERR_INVALID);
        assert_int_equal(s->report.outcome, HF_FILE_NOT_JUDGED);
    }
    assert_int_equal(hf_file_unprotect(&s->guard, s->file, 0, &s->report), HF_ERR_INTEGRITY);
    assert_int_equal(hf_file_unprotect(&s->guard, s->file, HF_FILE_FORCE, &s->report), HF_OK);
    assert_int_equal(verify(s), HF_ERR_INVALID);
}

static void test_paths_that_are_refused(void **state)
{
    struct scene *s = *state;
    char name[300];
    const char *fifo = with(s->folder, "/fifo"), *loop = with(s->folder, "/loop");

    put(s->file, "content");
    assert_int_equal(protect(s, 0), HF_OK);
    memset(name, 'n', sizeof(name));
    name[0] = '/';
    name[246] = '\0';
    put(with(s->folder, name), "long");
    assert_int_equal(hf_file_protect(&s->guard, with(s->folder, name), 0, &s->report), HF_OK);
    name[246] = 'n';
    name[247] = '\0';
    put(with(s->folder, name), "longer");
    assert_int_equal(hf_file_protect(&s->guard, with(s->folder, name), 0, &s->report), HF_ERR_INVALID);
    assert_int_equal(mkfifo(fifo, 0600) | symlink("loop", loop), 0);
    const char *const bad[] = { "",
                                s->folder,
                                "/",
                                ".",
                                "..",
                                s->sidecar,
                                with(s->sidecar, ".next"),
                                fifo,
                                loop,
                                "/dev/zero",
                                "/dev/tty",
                                with(s->file, "/"),
                                with(s->store, "/key"),
                                with(s->store, "/lock") };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(verify_as(s, bad[i]), HF_ERR_INVALID);
        assert_int_equal(hf_file_protect(&s->guard, bad[i], HF_FILE_FORCE, &s->report), HF_ERR_INVALID);
        assert_int_equal(hf_file_write(&s->guard, bad[i], "x", 1, HF_FILE_FORCE, &s->report), HF_ERR_INVALID);
        assert_int_equal(s->report.outcome, HF_FILE_NOT_JUDGED);
        assert_true(strlen(s->report.why) > 10);
    }
    assert_int_equal(verify_as(s, with(s->folder, "/no/such")), HF_ERR_NOT_FOUND);
    assert_int_equal(hf_file_write(&s->guard, with(s->folder, "/no/such"), "x", 1, 0, &s->report), HF_ERR_NOT_FOUND);
    assert_int_equal(hf_file_protect(&s->guard, with(s->folder, "/such"), 0, &s->report), HF_ERR_NOT_FOUND);
}

static void test_paths_are_any_bytes(void **state)
{
    struct scene *s = *state;
    const char *path = with(s->folder, "/\xff\x01 \n'\"$(x)");

    put(path, "content");
    assert_int_equal(hf_file_protect(&s->guard, path, 0, &s->report), HF_OK);
    assert_int_equal(verify_as(s, path), HF_OK);
    assert_string_equal(s->report.path, path);
}

/* ---- guards ---- */

static void test_guards_that_are_refused(void **state)
{
    struct scene *s = *state;
    const hf_file_store store = { 0 };
    hf_secret *key = NULL, *short_key = NULL;

    assert_int_equal(hf_secret_new(HF_FILE_KEY_BYTES, &key), HF_OK);
    assert_int_equal(hf_secret_new(HF_FILE_KEY_BYTES - 1, &short_key), HF_OK);
    const hf_file_guard bad[] = {
        { 0 },
        { .store_dir = "" },
        { .key = key },
        { .store = &store },
        { .store_dir = s->store, .key = key },
        { .store_dir = s->store, .store = &store },
        { .mode = HF_FILE_SIDECAR, .key = short_key },
        { .mode = (hf_file_mode)2, .store_dir = s->store },
    };
    put(s->file, "content");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        s->guard = bad[i];
        assert_int_equal(protect(s, 0), HF_ERR_INVALID);
        assert_int_equal(verify(s), HF_ERR_INVALID);
    }
    hf_secret_free(key);
    hf_secret_free(short_key);
}

static void test_key_of_ones_own(void **state)
{
    struct scene *s = *state;
    hf_secret *key = NULL;

    assert_int_equal(hf_secret_new(HF_FILE_KEY_BYTES, &key), HF_OK);
    s->guard = (hf_file_guard) { .mode = HF_FILE_SIDECAR, .key = key };
    put(s->file, "content");
    expect(s, HF_FILE_NO_ANCHOR, "no sidecar");
    assert_int_equal(protect(s, 0), HF_OK);
    expect(s, HF_FILE_MATCH, "");
    hf_secret_bytes(key)[0] ^= 1;
    expect(s, HF_FILE_TAMPER, "do not belong together");
    hf_secret_free(key);
}

static void test_names_of_outcomes(void **state)
{
    (void)state;
    assert_string_equal(hf_file_outcome_name(HF_FILE_MATCH), "match");
    assert_string_equal(hf_file_outcome_name((hf_file_outcome)99), "not_judged");
    assert_int_equal(hf_file_outcome_err((hf_file_outcome)99), HF_ERR_INTERNAL);
    for (int o = HF_FILE_NOT_JUDGED; o <= HF_FILE_STORE_UNAVAILABLE; o++)
        for (int other = HF_FILE_NOT_JUDGED; other < o; other++) {
            assert_string_not_equal(hf_file_outcome_name((hf_file_outcome)o),
                                    hf_file_outcome_name((hf_file_outcome)other));
            assert_int_not_equal(hf_err_class_of(hf_file_outcome_err((hf_file_outcome)o)),
                                 hf_err_class_of(hf_file_outcome_err((hf_file_outcome)other)));
        }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, scene_make, scene_remove)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(test_protect_and_verify),
        CASE(test_modes_whatever_the_umask),
        CASE(test_content_altered),
        CASE(test_sidecar_altered),
        CASE(test_an_older_pair),
        CASE(test_tampered_is_not_blessed),
        CASE(test_sidecar_mode),
        CASE(test_no_downgrade),
        CASE(test_read),
        CASE(test_read_fails_closed),
        CASE(test_limits),
        CASE(test_too_large_is_seen_first),
        CASE(test_write),
        CASE(test_write_keeps_the_owner),
        CASE(test_unprotect),
        CASE(test_aliases),
        CASE(test_a_link_in_place_of_a_file),
        CASE(test_a_link_in_place_of_a_folder),
        CASE(test_what_became_no_file),
        CASE(test_paths_that_are_refused),
        CASE(test_paths_are_any_bytes),
        CASE(test_guards_that_are_refused),
        CASE(test_key_of_ones_own),
        cmocka_unit_test(test_names_of_outcomes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
