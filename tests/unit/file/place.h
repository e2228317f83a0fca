/* A folder of a test's own, with files and a store. */
#ifndef TESTS_FILE_PLACE_H
#define TESTS_FILE_PLACE_H

#include <holdfast/file.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

struct scene {
    char folder[64];
    char file[96];    /* folder/data */
    char sidecar[96]; /* folder/data.hmac */
    char store[96];   /* folder/state/anchors */
    hf_file_guard guard;
    hf_file_report report;
};

/* A test that gives files to another user. */
void skip_unless_root(void);

int scene_make(void **state);
int scene_remove(void **state);

void put(const char *path, const char *content);
void put_bytes(const char *path, const void *bytes, size_t len);
/* At most cap bytes; what is in there. */
size_t get(const char *path, void *dst, size_t cap);
bool is_there(const char *path);
mode_t mode_of(const char *path);
void copy(const char *from, const char *to);
/* path + suffix, in a buffer that the next eight calls leave alone. */
const char *with(const char *path, const char *suffix);
/* The entry's file of the last report. */
const char *entry_of(const struct scene *s);

/* The calls on s->file with s->guard, and the report in s. */
hf_err verify(struct scene *s);
hf_err protect(struct scene *s, unsigned flags);
hf_err write_file(struct scene *s, const char *content, unsigned flags);
/* Verifies, and wants this outcome, with these words in the sentence. */
void expect(struct scene *s, hf_file_outcome outcome, const char *words);

#endif
