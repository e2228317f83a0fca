/*
 * Tags, and the ids and keys of entries. OpenSSL runs here in a program that may not be ours: nothing is set for the whole process, and
 * its list of errors is left as it was.
 *
 * The tag key K makes HMACs of whatever content a file has, and everybody may see them. So nothing else may be an HMAC under K: the
 * key of entries is HKDF-SHA-256 (RFC 5869) with K as its input, not as its key.
 */
#ifndef HF_FILE_TAG_H
#define HF_FILE_TAG_H

#include "base/buf.h"
#include <holdfast/file.h>

typedef struct hf_tag {
    uint8_t bytes[HF_FILE_TAG_BYTES];
} hf_tag;

/* Compares in constant time. */
static inline bool hf_tag_equal(const hf_tag *a, const hf_tag *b)
{
    return hf_ct_equal(a->bytes, b->bytes, sizeof(a->bytes));
}

/* HMAC-SHA-256 in parts. HF_ERR_INTERNAL when OpenSSL fails. The caller frees, which wipes. */
typedef struct hf_tag_work hf_tag_work;
hf_err hf_tag_begin(const hf_secret *key, hf_tag_work **ret) HF_MUST_USE;
hf_err hf_tag_add(hf_tag_work *w, hf_view part) HF_MUST_USE;
hf_err hf_tag_end(hf_tag_work *w, hf_tag *ret) HF_MUST_USE;
void hf_tag_freep(hf_tag_work **w); /* for HF_AUTO */

/* The same in one piece. */
hf_err hf_tag_of(const hf_secret *key, hf_view bytes, hf_tag *ret) HF_MUST_USE;

/* The key that authenticates entries. Caller frees. */
hf_err hf_entry_key(const hf_secret *key, hf_secret **ret) HF_MUST_USE;

/* SHA-256 (FIPS 180-4) of a canonical path. */
hf_err hf_entry_id(const char *path, uint8_t ret_id[static HF_FILE_ID_BYTES]) HF_MUST_USE;

#endif
