/* The folder that is the store: who may be in it, what happens without it, and a store of somebody else's. */
#include "place.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_regular(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* Whatever is asked of it, file, sidecar and key stay as they are. */
static void expect_unavailable(struct scene *s, const char *words)
{
    uint8_t before[256], after[256];
    const char *key = with(s->store, "/key");
    bool has_key = is_regular(key);
    size_t n = get(s->sidecar, before, 128), key_at = n;

    if (has_key)
        n += get(key, before + n, 64);
    expect(s, HF_FILE_STORE_UNAVAILABLE, words);
    assert_int_equal(protect(s, HF_FILE_FORCE), HF_ERR_STORE);
    assert_non_null(strstr(s->report.why, words));
    assert_int_equal(write_file(s, "new", HF_FILE_FORCE), HF_ERR_STORE);
    assert_int_equal(hf_file_unprotect(&s->guard, s->file, HF_FILE_FORCE, &s->report), HF_ERR_STORE);
    assert_int_equal(get(s->sidecar, after, 128), key_at);
    assert_int_equal(is_regular(key), has_key);
    if (has_key)
        assert_int_equal(get(key, after + key_at, 64), n - key_at);
    assert_memory_equal(before, after, n);
    assert_int_equal(get(s->file, after, sizeof(after)), strlen("content"));
}

static void begin(struct scene *s)
{
    put(s->file, "content");
    assert_int_equal(protect(s, 0), HF_OK);
}

static void test_open_to_others(void **state)
{
    static const mode_t modes[] = { 0701, 0710, 0770, 0777, 0704 };
    struct scene *s = *state;

    begin(s);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        assert_int_equal(chmod(s->store, modes[i]), 0);
        expect_unavailable(s, "the store is open to its group or to others");
    }
    assert_int_equal(chmod(s->store, 0700), 0);
    assert_int_equal(chmod(with(s->store, "/key"), 0640), 0);
    expect_unavailable(s, "the store's key is open to its group");
    assert_int_equal(chmod(with(s->store, "/key"), 0600), 0);
    assert_int_equal(chmod(entry_of(s), 0602), 0);
    expect(s, HF_FILE_STORE_UNAVAILABLE, "the store's entry is open");
    assert_int_equal(chmod(entry_of(s), 0600), 0);
    assert_int_equal(chmod(with(s->store, "/lock"), 0660), 0);
    expect_unavailable(s, "the store's lock is open");
    assert_int_equal(chmod(with(s->store, "/lock"), 0600), 0);
    expect(s, HF_FILE_MATCH, "");
}

static void test_of_another_owner(void **state)
{
    struct scene *s = *state;

    skip_unless_root();
    begin(s);
    assert_int_equal(chown(s->store, 65534, 65534), 0);
    expect_unavailable(s, "the store belongs to user number 65534");
    assert_int_equal(chown(s->store, 0, 0), 0);
    assert_int_equal(chown(with(s->store, "/key"), 65534, 0), 0);
    expect_unavailable(s, "the store's key belongs to user number 65534");
    assert_int_equal(chown(with(s->store, "/key"), 0, 0) | chown(entry_of(s), 65534, 0), 0);
    expect(s, HF_FILE_STORE_UNAVAILABLE, "the store's entry belongs");
}

static void test_links_and_other_things(void **state)
{
    struct scene *s = *state;
    const char *key = with(s->store, "/key"), *moved = with(s->store, "/moved");

    begin(s);
    assert_int_equal(rename(key, moved) | symlink("moved", key), 0);
    expect_unavailable(s, "the store's key is a symbolic link");
    assert_int_equal(unlink(key) | mkfifo(key, 0600), 0);
    expect_unavailable(s, "the store's key is no regular file");
    assert_int_equal(unlink(key) | rename(moved, key), 0);
    const char *there = with(s->folder, "/there");
    assert_int_equal(rename(s->store, there) | symlink(there, s->store), 0);
    expect_unavailable(s, "the store is no folder");
    assert_int_equal(unlink(s->store), 0);
    put(s->store, "");
    expect_unavailable(s, "the store is no folder");
    assert_int_equal(unlink(s->store) | rename(there, s->store), 0);
    expect(s, HF_FILE_MATCH, "");
}

/* Weakness 9 of the original: an error with the key made a new one. */
static void test_a_damaged_key_is_never_replaced(void **state)
{
    struct scene *s = *state;
    const char *key = with(s->store, "/key");
    uint8_t bytes[33] = { 0 };

    begin(s);
    (void)get(key, bytes, sizeof(bytes));
    put_bytes(key, bytes, 31);
    expect_unavailable(s, "less than 32 bytes");
    put_bytes(key, bytes, 33);
    expect_unavailable(s, "more than 32 bytes");
    put_bytes(key, bytes, 0);
    expect_unavailable(s, "less than 32 bytes");
    assert_int_equal(unlink(key), 0);
    expect_unavailable(s, "the store's key is gone");
    assert_false(is_there(key));
    put_bytes(key, bytes, 32);
    assert_int_equal(chmod(key, 0600), 0);
    expect(s, HF_FILE_MATCH, "");
    bytes[0] ^= 1; /* another key, rightly formed: its entries are not its own */
    put_bytes(key, bytes, 32);
    expect(s, HF_FILE_TAMPER, "not genuine");
}

/* With sidecars alone there are no entries; the lock says that there was a key. What was only begun is finished. */
static void test_a_lost_key_of_sidecars(void **state)
{
    struct scene *s = *state;
    const char *key = with(s->store, "/key"), *lock = with(s->store, "/lock");

    s->guard.mode = HF_FILE_SIDECAR;
    begin(s);
    assert_int_equal(unlink(key), 0);
    expect_unavailable(s, "the store's key is gone");
    assert_int_equal(unlink(s->sidecar), 0);
    assert_int_equal(protect(s, HF_FILE_FORCE), HF_ERR_STORE);
    assert_false(is_there(key));
    assert_int_equal(unlink(lock), 0); /* as a process leaves it that was killed before the key was made */
    put(with(s->store, "/key.lock"), "");
    put(with(s->store, "/key.next"), "half");
    assert_int_equal(chmod(with(s->store, "/key.lock"), 0600), 0);
    assert_int_equal(protect(s, 0), HF_OK);
    expect(s, HF_FILE_MATCH, "");
    assert_true(is_there(key) && is_there(lock) && !is_there(with(s->store, "/key.lock")));
}

/* The whole store gone: a sidecar says that there was one. */
static void test_a_lost_store(void **state)
{
    struct scene *s = *state;

    begin(s);
    assert_int_equal(rename(s->store, with(s->folder, "/away")), 0);
    expect(s, HF_FILE_STORE_UNAVAILABLE, "no key to check it with");
    assert_int_equal(protect(s, 0), HF_ERR_INTEGRITY);
    assert_false(is_there(s->store));
    assert_int_equal(hf_file_unprotect(&s->guard, s->file, HF_FILE_FORCE, &s->report), HF_ERR_STORE);
    assert_int_equal(unlink(s->sidecar), 0);
    expect(s, HF_FILE_NO_ANCHOR, "no store, and no sidecar");
    put(s->sidecar, "x");
    assert_int_equal(protect(s, HF_FILE_FORCE), HF_OK);
    expect(s, HF_FILE_MATCH, "");
}

/* ---- entries ---- */

/* Whoever can write entries, but does not know the key. */
static void test_forged_entries(void **state)
{
    struct scene *s = *state;
    uint8_t bytes[8192] = { 0 };
    char first[512], other[128];

    begin(s);
    (void)snprintf(first, sizeof(first), "%s", entry_of(s));
    (void)snprintf(other, sizeof(other), "%s/other", s->folder);
    put(other, "other content");
    assert_int_equal(hf_file_protect(&s->guard, other, 0, &s->report), HF_OK);
    copy(entry_of(s), with(s->folder, "/saved"));
    copy(first, entry_of(s)); /* one in the place of another */
    put(other, "content");
    copy(s->sidecar, with(other, ".hmac"));
    assert_int_equal(hf_file_verify(&s->guard, other, &s->report), HF_ERR_INTEGRITY);
    assert_non_null(strstr(s->report.why, "another path"));
    size_t len = get(first, bytes, sizeof(bytes));
    for (size_t i = 0; i < len; i += 7) {
        bytes[i] ^= 0x20;
        put_bytes(first, bytes, len);
        expect(s, HF_FILE_TAMPER, "the store's entry");
        bytes[i] ^= 0x20;
    }
    put_bytes(first, bytes, 0);
    expect(s, HF_FILE_TAMPER, "damaged");
    put_bytes(first, bytes, sizeof(bytes));
    expect(s, HF_FILE_TAMPER, "too large");
    assert_int_equal(protect(s, 0), HF_ERR_INTEGRITY);
    assert_int_equal(unlink(first), 0);
    expect(s, HF_FILE_NO_ANCHOR, "the store has no entry");
    assert_int_equal(protect(s, 0), HF_OK);
    expect(s, HF_FILE_MATCH, "");
}

/* Weakness 10: no path leads to the name of the key. */
static void test_no_path_is_a_reserved_name(void **state)
{
    static const char *const names[] = { "/key", "/lock", "/key.next" };
    struct scene *s = *state;
    uint8_t before[32], after[32];

    begin(s);
    (void)get(with(s->store, "/key"), before, sizeof(before));
    for (size_t i = 0; i < 3; i++) {
        const char *path = with(s->folder, names[i]);
        put(path, "content");
        assert_int_equal(hf_file_protect(&s->guard, path, 0, &s->report), HF_OK);
        assert_int_equal(strlen(entry_of(s)), strlen(s->store) + 1 + 64);
    }
    assert_int_equal(get(with(s->store, "/key"), after, sizeof(after)), 32);
    assert_memory_equal(before, after, sizeof(before));
}

/* ---- a read-only copy ---- */

static void as_nobody_with_a_copy(const struct scene *s)
{
    hf_file_report report;
    bool ok = setgid(65534) == 0 && setuid(65534) == 0;

    ok = ok && hf_file_verify(&s->guard, s->file, &report) == HF_OK;
    ok = ok && hf_file_write(&s->guard, s->file, "x", 1, 0, &report) == HF_ERR_STORE;
    _exit(ok ? 0 : 1);
}

/* Folder and key that cannot be written by their owner: nothing to lock is no obstacle to verifying. */
static void test_a_store_that_cannot_be_written(void **state)
{
    struct scene *s = *state;
    int status = -1;

    skip_unless_root();
    begin(s);
    assert_int_equal(unlink(with(s->store, "/lock")), 0);
    assert_int_equal(chown(with(s->store, "/key"), 65534, 65534) | chown(entry_of(s), 65534, 65534), 0);
    assert_int_equal(chown(s->store, 65534, 65534) | chmod(s->store, 0500), 0);
    assert_int_equal(chmod(s->folder, 0755) | chmod(with(s->folder, "/state"), 0755) | chmod(s->sidecar, 0644), 0);
    pid_t child = fork();
    if (child == 0)
        as_nobody_with_a_copy(s);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* ---- somebody else's store ---- */

struct memory {
    uint8_t entry[HF_FILE_ENTRY_MAX_BYTES];
    size_t len;
    bool there, down;
    int locks;
};

static hf_err memory_get(void *arg, const uint8_t *id, uint8_t *dst, size_t cap, size_t *ret_len)
{
    const struct memory *m = arg;

    (void)id;
    if (m->down || !m->there)
        return m->down ? HF_ERR_TIMEOUT : HF_ERR_NOT_FOUND;
    assert_true(m->len <= cap);
    memcpy(dst, m->entry, m->len);
    *ret_len = m->len;
    return HF_OK;
}

static hf_err memory_put(void *arg, const uint8_t *id, const uint8_t *entry, size_t len)
{
    struct memory *m = arg;

    (void)id;
    if (m->down)
        return HF_ERR_TIMEOUT;
    memcpy(m->entry, entry, len);
    m->len = len;
    m->there = true;
    return HF_OK;
}

static hf_err memory_erase(void *arg, const uint8_t *id)
{
    struct memory *m = arg;

    (void)id;
    m->there = false;
    return m->down ? HF_ERR_TIMEOUT : HF_OK;
}

static hf_err memory_lock(void *arg, const uint8_t *id, bool exclusive, int *ret_lock)
{
    struct memory *m = arg;

    (void)id;
    m->locks++;
    *ret_lock = exclusive ? 2 : 1;
    return HF_OK;
}

static void memory_unlock(void *arg, int lock)
{
    struct memory *m = arg;

    assert_true(lock == 1 || lock == 2);
    m->locks--;
}

static void test_another_store(void **state)
{
    struct scene *s = *state;
    struct memory m = { .there = false };
    hf_secret *key = NULL;
    const hf_file_store store = { .arg = &m,
                                  .get = memory_get,
                                  .put = memory_put,
                                  .erase = memory_erase,
                                  .lock = memory_lock,
                                  .unlock = memory_unlock };

    assert_int_equal(hf_secret_new(HF_FILE_KEY_BYTES, &key), HF_OK);
    s->guard = (hf_file_guard) { .key = key, .store = &store };
    put(s->file, "content");
    expect(s, HF_FILE_NO_ANCHOR, "never protected");
    assert_int_equal(protect(s, 0), HF_OK);
    expect(s, HF_FILE_MATCH, "");
    assert_int_equal(write_file(s, "more", 0), HF_OK);
    expect(s, HF_FILE_MATCH, "");
    m.down = true;
    expect(s, HF_FILE_STORE_UNAVAILABLE, "does not answer");
    assert_int_equal(write_file(s, "never", HF_FILE_FORCE), HF_ERR_STORE);
    m.down = false;
    expect(s, HF_FILE_MATCH, "");
    assert_int_equal(hf_file_unprotect(&s->guard, s->file, 0, &s->report), HF_OK);
    expect(s, HF_FILE_NO_ANCHOR, "never protected");
    assert_int_equal(m.locks, 0);
    hf_secret_free(key);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, scene_make, scene_remove)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(test_open_to_others),
        CASE(test_of_another_owner),
        CASE(test_links_and_other_things),
        CASE(test_a_damaged_key_is_never_replaced),
        CASE(test_a_lost_key_of_sidecars),
        CASE(test_a_lost_store),
        CASE(test_forged_entries),
        CASE(test_no_path_is_a_reserved_name),
        CASE(test_a_store_that_cannot_be_written),
        CASE(test_another_store),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
