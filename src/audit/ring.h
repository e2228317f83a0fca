/*
 * The journal ring: audit entries in shared memory, so that they survive the death of any process.
 *
 * Core writes; store and supervisor map the same memfd read-only (F_SEAL_FUTURE_WRITE) and can read it when core is
 * gone.
 * Creating, sealing and mapping the memory is the programs' work; this code takes pointers.
 *
 *   | header page (4096) | data area: entries, each padded to 8 bytes; u16 0xFFFF = skip to the end of the area |
 *
 * `written` and `released` count bytes since the start and never fall; entries between them are valid. An entry is
 * copied first and published after by a release store, so that a writer killed at any point leaves whole entries only.
 * Readers believe nothing in the header but what they have checked against their own mapping.
 */
#ifndef HF_AUDIT_RING_H
#define HF_AUDIT_RING_H

#include "audit/chain.h"

#define HF_RING_HEADER_BYTES 4096
#define HF_RING_DATA_MIN 65536
#define HF_RING_DATA_MAX (256u * 1024 * 1024)

/* The writer's side; lives in core's own memory and is the truth there. */
struct hf_ring {
    uint8_t *base;
    size_t capacity; /* bytes of the data area */
    uint64_t written;
    uint64_t released;
    uint64_t last_seq;     /* newest entry */
    uint64_t released_seq; /* newest entry that is released */
};

/*
 * Formats mapped memory of `bytes` (HF_RING_HEADER_BYTES + data area, a multiple of 4096). HF_ERR_BOUNDS for a bad
 * size.
 */
hf_err hf_ring_format(void *memory, size_t bytes, struct hf_ring *ret) HF_MUST_USE;
/*
 * Copies one whole entry and publishes it. HF_ERR_AUDIT_FULL when there is no room; HF_ERR_INVALID when it is no entry
 * or its seq does not ascend.
 */
hf_err hf_ring_append(struct hf_ring *ring, hf_view entry) HF_MUST_USE;
/* Gives the room of all entries up to and including seq back. */
void hf_ring_release(struct hf_ring *ring, uint64_t seq);
size_t hf_ring_room(const struct hf_ring *ring);   /* bytes that are free */
size_t hf_ring_used(const struct hf_ring *ring);

/* A reader's side. Starts at the oldest entry that is not released. */
struct hf_ring_reader {
    const uint8_t *base;
    size_t capacity;
    uint64_t at; /* byte position */
};

/* memory: a mapping of `bytes` by the reader's own fstat. HF_ERR_MALFORMED when the header does not fit it. */
hf_err hf_ring_open(const void *memory, size_t bytes, struct hf_ring_reader *ret) HF_MUST_USE;
/*
 * Does: copies whole entries with seq above `after`, in order, as many as fit; *ret_len 0 means there is nothing new.
 * *ret_last is the last seq copied (`after` when none). Entries are checked by form only: verify them with
 * hf_audit_walk. Call it again for more; the position moves past what was read, so open a new reader to see older
 * entries again.
 * Errors: HF_ERR_INTEGRITY when the memory makes no sense, HF_ERR_BOUNDS when cap is below HF_AUDIT_ENTRY_MAX_BYTES.
 */
hf_err hf_ring_read_after(struct hf_ring_reader *reader, uint64_t after, uint8_t *dst, size_t cap, size_t *ret_len,
                          uint64_t *ret_last) HF_MUST_USE;

#endif
