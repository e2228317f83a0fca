/* Somebody works against a call while it runs, or looks for the key behind it. */
#include "place.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(HF_ARENA_MALLOC) || defined(__SANITIZE_THREAD__)
#define TEST_SANITIZED
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TEST_SANITIZED
#endif
#endif

#define BIG_BYTES ((size_t)1 << 20)

/* ---- a file that changes while it is read ---- */

struct rewriter {
    const char *path;
    const uint8_t *good, *bad;
    atomic_bool stop;
};

/* In place, so that the descriptor that is being read sees it. */
static void *rewrite(void *arg)
{
    struct rewriter *r = arg;
    int fd = open(r->path, O_WRONLY | O_CLOEXEC);
    bool fine = fd >= 0;

    while (fine && !atomic_load(&r->stop)) {
        fine = pwrite(fd, r->bad, BIG_BYTES, 0) == (ssize_t)BIG_BYTES;
        fine = fine && pwrite(fd, r->good, BIG_BYTES, 0) == (ssize_t)BIG_BYTES;
    }
    close(fd);
    return fine ? arg : NULL;
}

static void test_content_is_what_was_authenticated(void **state)
{
    struct scene *s = *state;
    uint8_t *good = calloc(1, BIG_BYTES), *bad = calloc(1, BIG_BYTES);
    struct rewriter r = { .path = s->file, .good = good, .bad = bad };
    unsigned matches = 0, tampers = 0;
    pthread_t thread;
    void *fine = NULL;

    memset(good, 'g', BIG_BYTES);
    memset(bad, 'b', BIG_BYTES);
    put_bytes(s->file, good, BIG_BYTES);
    assert_int_equal(protect(s, 0), HF_OK);
    assert_int_equal(pthread_create(&thread, NULL, rewrite, &r), 0);
    for (int i = 0; i < 20000 && (i < 300 || tampers == 0 || matches == 0); i++) {
        hf_file_content *c = NULL;
        hf_err err = hf_file_read(&s->guard, s->file, 0, &c, &s->report);
        assert_true(err == HF_OK || err == HF_ERR_INTEGRITY);
        matches += err == HF_OK;
        tampers += err != HF_OK;
        if (err != HF_OK)
            continue;
        assert_int_equal(hf_file_content_size(c), BIG_BYTES);
        assert_true(memcmp(hf_file_content_bytes(c), good, BIG_BYTES) == 0);
        hf_file_content_free(c);
    }
    atomic_store(&r.stop, true);
    assert_int_equal(pthread_join(thread, &fine), 0);
    assert_non_null(fine);
    assert_true(tampers > 0 && matches > 0); /* both happened, so it was a race */
    put_bytes(s->file, good, BIG_BYTES);
    expect(s, HF_FILE_MATCH, "");
    free(good);
    free(bad);
}

/* ---- a name that changes what it leads to ---- */

struct swapper {
    const char *link, *one, *other, *made;
    atomic_bool stop;
};

static void *swap_links(void *arg)
{
    struct swapper *w = arg;
    bool fine = true;

    for (bool one = false; fine && !atomic_load(&w->stop); one = !one)
        fine = symlink(one ? w->one : w->other, w->made) == 0 && rename(w->made, w->link) == 0;
    return fine ? arg : NULL;
}

/* A folder of the path is a link that flips between two: file, sidecar and entry must be those of one of them. */
static void test_a_path_that_flips(void **state)
{
    struct scene *s = *state;
    char one[128], other[128], link[128], made[128], path[256];
    pthread_t thread;
    void *fine = NULL;

    (void)snprintf(one, sizeof(one), "%s/one", s->folder);
    (void)snprintf(other, sizeof(other), "%s/other", s->folder);
    (void)snprintf(link, sizeof(link), "%s/link", s->folder);
    (void)snprintf(made, sizeof(made), "%s/made", s->folder);
    (void)snprintf(path, sizeof(path), "%s/data", link);
    assert_int_equal(mkdir(one, 0700) | mkdir(other, 0700) | symlink(one, link), 0);
    put(with(one, "/data"), "content of one");
    put(with(other, "/data"), "content of the other");
    assert_int_equal(hf_file_protect(&s->guard, with(one, "/data"), 0, &s->report), HF_OK);
    assert_int_equal(hf_file_protect(&s->guard, with(other, "/data"), 0, &s->report), HF_OK);
    struct swapper w = { .link = link, .one = one, .other = other, .made = made };
    assert_int_equal(pthread_create(&thread, NULL, swap_links, &w), 0);
    for (int i = 0; i < 3000; i++) {
        hf_file_content *c = NULL;
        assert_int_equal(hf_file_read(&s->guard, path, 0, &c, &s->report), HF_OK);
        bool is_one = strncmp(s->report.path, with(one, "/"), strlen(one) + 1) == 0;
        assert_int_equal(hf_file_content_size(c), strlen(is_one ? "content of one" : "content of the other"));
        hf_file_content_free(c);
    }
    atomic_store(&w.stop, true);
    assert_int_equal(pthread_join(thread, &fine), 0);
    assert_non_null(fine);
}

/* ---- a folder that is exchanged for a link ---- */

struct exchanger {
    const char *folder, *away, *other;
    atomic_bool stop;
};

static void *exchange(void *arg)
{
    struct exchanger *x = arg;
    bool fine = true;

    while (fine && !atomic_load(&x->stop))
        fine = rename(x->folder, x->away) == 0 && symlink(x->other, x->folder) == 0 && unlink(x->folder) == 0 &&
               rename(x->away, x->folder) == 0;
    return fine ? arg : NULL;
}

/* Between looking the path up and opening it: another folder's file is never judged, or protected, under this path. */
static void test_a_folder_that_becomes_a_link(void **state)
{
    struct scene *s = *state;
    char folder[128], away[128], other[128], path[160];
    unsigned matches = 0, missing = 0;
    pthread_t thread;
    void *fine = NULL;

    (void)snprintf(folder, sizeof(folder), "%s/folder", s->folder);
    (void)snprintf(away, sizeof(away), "%s/away", s->folder);
    (void)snprintf(other, sizeof(other), "%s/other", s->folder);
    (void)snprintf(path, sizeof(path), "%s/data", folder);
    assert_int_equal(mkdir(folder, 0700) | mkdir(other, 0700), 0);
    put(path, "content");
    put(with(other, "/data"), "content of the other");
    assert_int_equal(hf_file_protect(&s->guard, path, 0, &s->report), HF_OK);
    assert_int_equal(hf_file_protect(&s->guard, with(other, "/data"), 0, &s->report), HF_OK);
    struct exchanger x = { .folder = folder, .away = away, .other = other };
    assert_int_equal(pthread_create(&thread, NULL, exchange, &x), 0);
    for (int i = 0; i < 100000 && (i < 20000 || matches == 0 || missing == 0); i++) {
        hf_err err = hf_file_verify(&s->guard, path, &s->report);
        assert_true(err == HF_OK || err == HF_ERR_NOT_FOUND || err == HF_ERR_CONFLICT || err == HF_ERR_INTEGRITY);
        matches += err == HF_OK;
        missing += err != HF_OK;
    }
    atomic_store(&x.stop, true);
    assert_int_equal(pthread_join(thread, &fine), 0);
    assert_non_null(fine);
    assert_true(matches > 0 && missing > 0);
}

/* ---- writers and readers at once ---- */

struct writer {
    struct scene *scene;
    char content[32];
    unsigned writes;
    bool fine;
    atomic_bool stop;
};

static void *write_often(void *arg)
{
    struct writer *w = arg;
    hf_file_report report;

    w->fine = true;
    for (; w->fine && !atomic_load(&w->stop); w->writes++) {
        (void)snprintf(w->content + 2, sizeof(w->content) - 2, "%u", w->writes);
        w->fine = hf_file_write(&w->scene->guard, w->scene->file, w->content, strlen(w->content), 0, &report) == HF_OK;
    }
    return NULL;
}

/* The lock keeps them apart: nobody ever sees half a change. */
static void test_many_at_once(void **state)
{
    struct scene *s = *state;
    struct writer writers[3];
    pthread_t threads[3];

    assert_int_equal(write_file(s, "0:", 0), HF_OK);
    for (int i = 0; i < 3; i++) {
        writers[i] = (struct writer) { .scene = s };
        (void)snprintf(writers[i].content, sizeof(writers[i].content), "%d:", i);
        assert_int_equal(pthread_create(&threads[i], NULL, write_often, &writers[i]), 0);
    }
    for (int i = 0; i < 2000; i++) {
        hf_file_report report;
        hf_file_content *c = NULL;
        assert_int_equal(hf_file_read(&s->guard, s->file, 0, &c, &report), HF_OK);
        assert_false(report.pending);
        assert_int_equal(hf_file_content_bytes(c)[1], ':');
        hf_file_content_free(c);
    }
    for (int i = 0; i < 3; i++) {
        atomic_store(&writers[i].stop, true);
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(writers[i].fine && writers[i].writes > 0);
    }
    expect(s, HF_FILE_MATCH, "");
}

/* ---- content that was handed out ---- */

static void test_content_is_read_only(void **state)
{
    struct scene *s = *state;
    hf_file_content *c = NULL;
    char line[256];
    unsigned long low, high;
    bool found = false;

    assert_int_equal(write_file(s, "content", 0), HF_OK);
    assert_int_equal(hf_file_read(&s->guard, s->file, 0, &c, &s->report), HF_OK);
    uintptr_t at = (uintptr_t)hf_file_content_bytes(c);
    FILE *maps = fopen("/proc/self/maps", "re");
    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps) != NULL) {
        char *end = NULL;
        low = strtoul(line, &end, 16);
        high = strtoul(end + 1, &end, 16);
        if (low <= at && at < high) {
            found = true;
            assert_memory_equal(end, " r--p", 5);
        }
    }
    (void)fclose(maps);
    assert_true(found);
    hf_file_content_free(c);
}

#ifndef TEST_SANITIZED /* a sanitizer has its own heap and keeps what was freed */

/* ---- the key ---- */

static unsigned count_in(const uint8_t *low, size_t len, const uint8_t *needle, size_t n)
{
    unsigned hits = 0;

    for (const uint8_t *at = low; (at = memmem(at, len - (size_t)(at - low), needle, n)) != NULL; at++)
        hits++;
    return hits;
}

/* Hits in the heap and in this thread's stack, where libraries put what they copy. */
static unsigned hits_in_ordinary_memory(const uint8_t *needle, size_t n)
{
    char line[256];
    unsigned hits = 0;
    FILE *maps = fopen("/proc/self/maps", "re");

    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps) != NULL) {
        char *end = NULL;
        uintptr_t low = strtoul(line, &end, 16), high = strtoul(end + 1, &end, 16);
        if (strstr(line, "[heap]") == NULL && strstr(line, "[stack]") == NULL)
            continue;
        hits += count_in((const uint8_t *)low, high - low, needle, n);
    }
    (void)fclose(maps);
    return hits;
}

/* The needle is kept inverted, so that it is not found itself. Key and the block of HMAC that begins with key XOR 0x36 (FIPS 198-1). */
static void test_no_key_stays_in_ordinary_memory(void **state)
{
    struct scene *s = *state;
    uint8_t inverted[HF_FILE_KEY_BYTES], needle[HF_FILE_KEY_BYTES];
    hf_file_content *c = NULL;

    assert_int_equal(write_file(s, "content", 0), HF_OK);
    assert_int_equal(get(with(s->store, "/key"), inverted, sizeof(inverted)), HF_FILE_KEY_BYTES);
    for (size_t i = 0; i < sizeof(inverted); i++)
        inverted[i] ^= 0xff;
    for (int round = 0; round < 3; round++) {
        assert_int_equal(verify(s), HF_OK);
        assert_int_equal(write_file(s, "content", 0), HF_OK);
        assert_int_equal(hf_file_read(&s->guard, s->file, 0, &c, &s->report), HF_OK);
        hf_file_content_free(c);
    }
    static const uint8_t masks[] = { 0x00, 0x36, 0x5c };
    for (size_t m = 0; m < sizeof(masks); m++) {
        unsigned planted;
        uint8_t *control = NULL;
        for (size_t i = 0; i < sizeof(needle); i++)
            needle[i] = (uint8_t)(inverted[i] ^ 0xff ^ masks[m]);
        control = calloc(1, sizeof(needle));
        memcpy(control, needle, sizeof(needle));
        planted = hits_in_ordinary_memory(needle, sizeof(needle));
        assert_int_equal(planted, 2); /* the needle itself and the control: nothing else */
        explicit_bzero(control, sizeof(needle));
        free(control);
        explicit_bzero(needle, sizeof(needle));
    }
}

#endif

#define CASE(f) cmocka_unit_test_setup_teardown(f, scene_make, scene_remove)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(test_content_is_what_was_authenticated),
        CASE(test_a_path_that_flips),
        CASE(test_a_folder_that_becomes_a_link),
        CASE(test_many_at_once),
        CASE(test_content_is_read_only),
#ifndef TEST_SANITIZED
        CASE(test_no_key_stays_in_ordinary_memory),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
