#include "store/tail.h"

#include "audit/ring.h"
#include "records/row.h"
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define ROW_MAX_BYTES 131072 /* the bound of store_row.blob */

void hf_tail_unmap(hf_tail *t)
{
    if (t->ring != NULL)
        munmap((void *)(uintptr_t)t->ring, t->bytes);
    *t = (hf_tail) { 0 };
}

hf_err hf_tail_map(hf_tail *t, int fd)
{
    int seals = fcntl(fd, F_GET_SEALS);
    struct stat st;

    HF_CHECK(seals >= 0 && (seals & F_SEAL_SHRINK) != 0, HF_ERR_DENIED);
    HF_CHECK(fstat(fd, &st) == 0 && st.st_size >= HF_RING_HEADER_BYTES, HF_ERR_DENIED);
    HF_CHECK(st.st_size <= (off_t)HF_RING_HEADER_BYTES + HF_RING_DATA_MAX, HF_ERR_DENIED);
    void *ring = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    HF_CHECK(ring != MAP_FAILED, HF_ERR_SYSTEM);
    hf_tail_unmap(t);
    t->ring = ring;
    t->bytes = (size_t)st.st_size;
    return HF_OK;
}

/* ---- the rows before ---- */

typedef struct old_row {
    hf_row_key key;
    bool found;
} old_row;

static bool take_first(void *arg, const hf_row_key *key, hf_view blob)
{
    (void)blob;
    *(old_row *)arg = (old_row) { .key = *key, .found = true };
    return false;
}

/* One by one, as nothing may be changed while a scan runs; there are a few at most. */
static hf_err delete_old(hf_engine *e)
{
    for (;;) {
        old_row first = { 0 };
        HF_TRY(hf_engine_scan(e, HF_ROW_TAIL, NULL, take_first, &first));
        if (!first.found)
            return HF_OK;
        hf_change drop = { .op = HF_CHANGE_DELETE, .key = first.key };
        HF_TRY(hf_engine_apply(e, &drop));
    }
}

/* ---- the rows now ---- */

static hf_err write_rows(hf_engine *e, struct hf_ring_reader *reader, uint64_t after, size_t *ret_bytes)
{
    static uint8_t entries[ROW_MAX_BYTES];
    size_t len = 0;

    for (;;) {
        uint64_t last = after;
        HF_TRY(hf_ring_read_after(reader, after, entries, sizeof(entries), &len, &last));
        if (len == 0)
            return HF_OK;
        /* A sequence that does not go on would make this turn for ever. */
        HF_CHECK(last > after, HF_ERR_INTEGRITY);
        hf_change put = { .op = HF_CHANGE_PUT,
                          .key = { .kind = HF_ROW_TAIL, .version = last },
                          .blob = { entries, len } };
        HF_TRY(hf_engine_apply(e, &put));
        *ret_bytes += len;
        after = last;
    }
}

/* The last sequence number that a segment holds; 0 when there is no segment. */
static hf_err last_in_segments(hf_engine *e, uint64_t *ret)
{
    hf_row_key key;
    hf_err r = hf_engine_last(e, HF_ROW_SEGMENT, &key);

    if (r == HF_ERR_NOT_FOUND) {
        *ret = 0;
        return HF_OK;
    }
    HF_TRY(r);
    *ret = key.version;
    return HF_OK;
}

static hf_err replace_rows(const hf_tail *t, hf_engine *e, uint64_t after, size_t *ret_bytes, bool *ret_ring_bad)
{
    struct hf_ring_reader reader;

    HF_TRY(hf_engine_begin(e));
    HF_TRY(hf_engine_mark(e));
    HF_TRY(delete_old(e));
    hf_err r = hf_ring_open(t->ring, t->bytes, &reader);
    if (r == HF_OK)
        r = write_rows(e, &reader, after, ret_bytes);
    *ret_ring_bad = r == HF_ERR_INTEGRITY || r == HF_ERR_MALFORMED;
    if (!*ret_ring_bad)
        HF_TRY(r);
    HF_TRY(hf_engine_keep(e));
    return *ret_bytes > 0 ? hf_engine_commit(e) : HF_OK;
}

hf_err hf_tail_save(const hf_tail *t, hf_engine *e, size_t *ret_bytes)
{
    uint64_t after = 0;
    size_t bytes = 0;
    bool ring_bad = false;

    if (t->ring == NULL) {
        *ret_bytes = 0;
        return HF_OK;
    }
    HF_TRY(last_in_segments(e, &after));
    hf_err r = replace_rows(t, e, after, &bytes, &ring_bad);
    /* Also when there was nothing to write: older rows then stay as they are. */
    if (r != HF_OK || bytes == 0)
        hf_engine_rollback(e);
    HF_TRY(r);
    *ret_bytes = bytes;
    return ring_bad ? HF_ERR_INTEGRITY : HF_OK;
}
