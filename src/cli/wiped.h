/*
 * Memory that is overwritten before it is given back: answers and requests may hold tokens, plaintexts and shared
 * secrets. libcurl and yyjson are given these functions as their allocators. It is locked, in the pool of the process; what is
 * larger than 1 MiB is a payload, and ordinary memory. So is, after one warning, what RLIMIT_MEMLOCK leaves no room for.
 */
#ifndef HF_CLI_WIPED_H
#define HF_CLI_WIPED_H

#include "base/buf.h"
#include <yyjson.h>

/* From now on what cannot be locked is refused instead, payloads excepted. HF_ERR_LOCKED_MEMORY when nothing can be. */
hf_err wiped_strict(void) HF_MUST_USE;

void *wiped_alloc(size_t n); /* zeroed; NULL when there is none */
void *wiped_array(size_t n, size_t size);
void *wiped_resize(void *p, size_t n); /* as realloc */
char *wiped_copy(const char *text);
void wiped_free(void *p); /* takes NULL */
extern const yyjson_alc wiped_pool;

/* Bytes that grow. All zero is an empty one. */
typedef struct bytes {
    uint8_t *ptr;
    size_t len, cap;
} bytes;

/* Appends. HF_ERR_TOO_LARGE when more than max bytes would be there, HF_ERR_SYSTEM when there is no memory. */
hf_err bytes_put(bytes *b, hf_view more, size_t max) HF_MUST_USE;
hf_view bytes_view(const bytes *b);
void bytes_free(bytes *b); /* also for HF_AUTO */

#endif
