/* What a descriptor gives: its tag alone, in pieces, or the bytes as well. */
#ifndef HF_FILE_CONTENT_H
#define HF_FILE_CONTENT_H

#include "file/place.h"

/*
 * Both read from the descriptor to its end. HF_ERR_TOO_LARGE above max bytes, HF_ERR_SYSTEM when it cannot be read or there is no memory,
 * with a sentence.
 */
hf_err hf_content_tag(int fd, uint64_t max, const hf_secret *key, hf_tag *ret_tag, uint64_t *ret_bytes, hf_why *why)
    HF_MUST_USE;
/* The caller frees. Any descriptor, a pipe too. */
hf_err hf_content_keep(int fd, uint64_t max, hf_file_content **ret, hf_why *why) HF_MUST_USE;

void hf_content_freep(hf_file_content **c); /* for HF_AUTO */

#endif
