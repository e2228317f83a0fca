/*
 * The audit ring's last entries. Core turns ring entries into segments; when core and the supervisor are
 * both gone, the store alone still holds the ring and saves what no segment has.
 */
#ifndef HF_STORE_TAIL_H
#define HF_STORE_TAIL_H

#include "store/engine.h"

typedef struct hf_tail {
    const void *ring; /* read-only mapping; NULL when none was given */
    size_t bytes;
} hf_tail;

/*
 * Maps the ring in place of an older one; fd stays the caller's. HF_ERR_DENIED unless it is a memfd whose size is
 * sealed: another process could otherwise cut it short and end this one by SIGBUS.
 */
hf_err hf_tail_map(hf_tail *t, int fd) HF_MUST_USE;
void hf_tail_unmap(hf_tail *t);

/*
 * Writes all ring entries with a sequence number above the last segment's as rows (TAIL, zeros, last sequence number
 * in the row), each at most one row's size, in place of older TAIL rows, in one transaction. Nothing to do is HF_OK.
 * *ret_bytes: of entries written.
 * HF_ERR_INTEGRITY when the ring makes no sense; what could be read before is written all the same.
 */
hf_err hf_tail_save(const hf_tail *t, hf_engine *e, size_t *ret_bytes) HF_MUST_USE;

#endif
