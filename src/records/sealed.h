/*
 * Inside records only: what all authenticated blobs share. First byte format, second kind, last 48 bytes HMAC-SHA-384.
 */
#ifndef HF_RECORDS_SEALED_H
#define HF_RECORDS_SEALED_H

#include "records/root_keys.h"
#include "records/row.h"

/* Types of blobs that are files, not rows: they share the second byte with hf_row_kind. */
enum { HF_BLOB_EPOCH_FILE = 'E', HF_BLOB_ANCHOR = 'A' };

/* Starts a blob: the kind's newest format, and the kind. */
void hf_blob_begin(hf_writer *w, uint8_t kind);

/*
 * Ends a blob: appends the MAC over everything written so far and gives it in ret_mac (NULL: not wanted).
 * HF_ERR_BOUNDS when the writer has failed or has no room.
 */
hf_err hf_blob_end(hf_writer *w, hf_view mac_key, uint8_t *ret_mac) HF_MUST_USE;

/*
 * Opens a blob: format, kind and MAC, the latter also against expect_mac (NULL: none is known). *ret reads what lies
 * between kind and MAC; the format is the blob's first byte.
 * HF_ERR_UNSUPPORTED for a newer format, HF_ERR_INTEGRITY else.
 */
hf_err hf_blob_open(hf_view blob, uint8_t kind, hf_view mac_key, const uint8_t *expect_mac, hf_reader *ret) HF_MUST_USE;
/* The same without the MAC, for a blob that hf_blob_open believed before and that was in our own memory since. */
hf_err hf_blob_open_known(hf_view blob, uint8_t kind, hf_reader *ret) HF_MUST_USE;

#endif
