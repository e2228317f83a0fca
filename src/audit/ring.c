#include "audit/ring.h"

#include <stdatomic.h>
#include <string.h>

#define MAGIC UINT64_C(0x48464A524E4C3031) /* "HFJRNL01" */
#define SKIP 0xFFFFu                       /* no entry is that long */
#define ALIGN 8u                           /* so that a skip marker always fits */
#define TRIES_MAX 1000                     /* a writer that moves on this often while we look is not ours */

/* The header page as it lies in shared memory. Native byte order: it never leaves the machine. */
struct header {
    uint64_t magic;
    uint64_t capacity;
    _Atomic uint64_t written;  /* bytes ever written; published after the bytes */
    _Atomic uint64_t released; /* bytes ever released */
};

_Static_assert(sizeof(struct header) <= HF_RING_HEADER_BYTES, "the header must fit its page");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "a lock would not work between processes");

static size_t padded(size_t n)
{
    return (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

static bool size_ok(size_t bytes)
{
    return bytes % HF_RING_HEADER_BYTES == 0 && bytes >= HF_RING_HEADER_BYTES + HF_RING_DATA_MIN &&
           bytes <= HF_RING_HEADER_BYTES + (size_t)HF_RING_DATA_MAX;
}

static struct header *header_of(const struct hf_ring *ring)
{
    return (struct header *)(void *)ring->base;
}

hf_err hf_ring_format(void *memory, size_t bytes, struct hf_ring *ret)
{
    HF_CHECK(size_ok(bytes) && (uintptr_t)memory % ALIGN == 0, HF_ERR_BOUNDS);
    const struct hf_ring ring = { .base = memory, .capacity = bytes - HF_RING_HEADER_BYTES };
    struct header *h = header_of(&ring);
    memset(memory, 0, HF_RING_HEADER_BYTES);
    h->capacity = ring.capacity;
    atomic_store_explicit(&h->written, 0, memory_order_relaxed);
    atomic_store_explicit(&h->released, 0, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    h->magic = MAGIC;
    *ret = ring;
    return HF_OK;
}

size_t hf_ring_used(const struct hf_ring *ring)
{
    return (size_t)(ring->written - ring->released);
}

size_t hf_ring_room(const struct hf_ring *ring)
{
    return ring->capacity - hf_ring_used(ring);
}

static size_t to_end(size_t capacity, uint64_t at)
{
    return capacity - (size_t)(at % capacity);
}

static uint8_t *place(const struct hf_ring *ring, uint64_t at)
{
    return ring->base + HF_RING_HEADER_BYTES + (size_t)(at % ring->capacity);
}

hf_err hf_ring_append(struct hf_ring *ring, hf_view entry)
{
    struct hf_audit_entry parsed;
    hf_view rest = entry;
    HF_CHECK(hf_audit_entry_next(&rest, &parsed) == HF_OK && rest.len == 0, HF_ERR_INVALID);
    HF_CHECK(parsed.seq > ring->last_seq, HF_ERR_INVALID);

    const size_t need = padded(entry.len);
    const size_t end = to_end(ring->capacity, ring->written);
    const size_t skip = end < need ? end : 0;
    HF_CHECK(skip + need <= hf_ring_room(ring), HF_ERR_AUDIT_FULL);
    if (skip > 0)
        memset(place(ring, ring->written), 0xFF, 2);
    memcpy(place(ring, ring->written + skip), entry.ptr, entry.len);
    ring->written += skip + need;
    ring->last_seq = parsed.seq;
    atomic_store_explicit(&header_of(ring)->written, ring->written, memory_order_release);
    return HF_OK;
}

/*
 * Takes apart what lies at a position: an entry, or (with an empty entry.whole) the skip over the rest of the area. p
 * has n readable bytes;
 * `end` bytes are left in the area and `available` were published. *ret_step: how far the next position is.
 */
static hf_err parse_at(const uint8_t *p, size_t n, size_t end, uint64_t available, struct hf_audit_entry *ret,
                       size_t *ret_step)
{
    struct hf_audit_entry entry = { 0 };
    HF_CHECK(n >= 2, HF_ERR_INTEGRITY);
    if (p[0] == (SKIP & 0xFFu) && p[1] == (SKIP >> 8)) {
        HF_CHECK(available > end, HF_ERR_INTEGRITY); /* a skip is only ever made for an entry behind it */
        *ret = entry;
        *ret_step = end;
        return HF_OK;
    }
    hf_view rest = hf_view_of(p, n);
    HF_CHECK(hf_audit_entry_next(&rest, &entry) == HF_OK, HF_ERR_INTEGRITY);
    HF_CHECK(padded(entry.whole.len) <= available, HF_ERR_INTEGRITY);
    *ret = entry;
    *ret_step = padded(entry.whole.len);
    return HF_OK;
}

static size_t readable(size_t end, uint64_t available)
{
    const size_t n = end < HF_AUDIT_ENTRY_MAX_BYTES ? end : HF_AUDIT_ENTRY_MAX_BYTES;
    return available < n ? (size_t)available : n;
}

void hf_ring_release(struct hf_ring *ring, uint64_t seq)
{
    struct hf_audit_entry entry;
    size_t step;
    while (ring->released < ring->written) {
        const uint64_t available = ring->written - ring->released;
        const size_t end = to_end(ring->capacity, ring->released);
        if (parse_at(place(ring, ring->released), readable(end, available), end, available, &entry, &step) != HF_OK)
            break;
        if (entry.whole.len > 0 && entry.seq > seq)
            break;
        ring->released += step;
        if (entry.whole.len > 0)
            ring->released_seq = entry.seq;
    }
    atomic_store_explicit(&header_of(ring)->released, ring->released, memory_order_release);
}

hf_err hf_ring_open(const void *memory, size_t bytes, struct hf_ring_reader *ret)
{
    const struct header *h = memory;
    HF_CHECK(size_ok(bytes) && (uintptr_t)memory % ALIGN == 0, HF_ERR_MALFORMED);
    const struct hf_ring_reader reader = { .base = memory, .capacity = bytes - HF_RING_HEADER_BYTES };
    HF_CHECK(h->magic == MAGIC && h->capacity == reader.capacity, HF_ERR_MALFORMED);
    *ret = reader;
    return HF_OK;
}

/* What the writer has published, once read and checked. */
struct window {
    uint64_t released;
    uint64_t written;
};

/* Both numbers of one moment: the writer may move them while we look. */
static hf_err look(const struct hf_ring_reader *reader, struct window *ret)
{
    const struct header *h = (const struct header *)(const void *)reader->base;
    struct window w;
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        w.released = atomic_load_explicit(&h->released, memory_order_acquire);
        w.written = atomic_load_explicit(&h->written, memory_order_acquire);
        if (w.released == atomic_load_explicit(&h->released, memory_order_acquire)) {
            HF_CHECK(w.released <= w.written && w.written - w.released <= reader->capacity, HF_ERR_INTEGRITY);
            HF_CHECK(w.released % ALIGN == 0 && w.written % ALIGN == 0, HF_ERR_INTEGRITY);
            *ret = w;
            return HF_OK;
        }
    }
    return HF_ERR_INTEGRITY;
}

/*
 * Copies what lies at reader->at out of the shared memory, and only then looks at it: bytes that change under us are
 * never read twice.
 * HF_ERR_NOT_FOUND when nothing more is published.
 */
static hf_err take(struct hf_ring_reader *reader, uint8_t copy[static HF_AUDIT_ENTRY_MAX_BYTES],
                   struct hf_audit_entry *ret, size_t *ret_step)
{
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        struct window before, after;
        HF_TRY(look(reader, &before));
        if (reader->at < before.released)
            reader->at = before.released;
        HF_CHECK(reader->at <= before.written, HF_ERR_INTEGRITY);
        HF_CHECK(reader->at < before.written, HF_ERR_NOT_FOUND);
        const uint64_t available = before.written - reader->at;
        const size_t end = to_end(reader->capacity, reader->at);
        const size_t n = readable(end, available);
        memcpy(copy, reader->base + HF_RING_HEADER_BYTES + (reader->capacity - end), n);
        atomic_thread_fence(memory_order_acquire);
        HF_TRY(look(reader, &after));
        if (after.released <= reader->at) /* nobody wrote over it meanwhile */
            return parse_at(copy, n, end, available, ret, ret_step);
    }
    return HF_ERR_INTEGRITY;
}

hf_err hf_ring_read_after(struct hf_ring_reader *reader, uint64_t after, uint8_t *dst, size_t cap, size_t *ret_len,
                          uint64_t *ret_last)
{
    struct hf_ring_reader cursor = *reader;
    uint8_t copy[HF_AUDIT_ENTRY_MAX_BYTES];
    struct hf_audit_entry entry;
    size_t len = 0;
    size_t step;
    uint64_t last = after;
    hf_err e;
    HF_CHECK(cap >= HF_AUDIT_ENTRY_MAX_BYTES, HF_ERR_BOUNDS);
    while ((e = take(&cursor, copy, &entry, &step)) == HF_OK) {
        if (entry.whole.len > cap - len)
            break;
        if (entry.whole.len > 0 && entry.seq > last) {
            memcpy(dst + len, copy, entry.whole.len);
            len += entry.whole.len;
            last = entry.seq;
        }
        cursor.at += step;
    }
    HF_CHECK(e == HF_OK || e == HF_ERR_NOT_FOUND, e);
    *reader = cursor;
    *ret_len = len;
    *ret_last = last;
    return HF_OK;
}
