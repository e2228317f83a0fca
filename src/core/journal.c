#include "core/core.h"

#include "base/log.h"
#include "crypto/crypto.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Entries become a segment after config.segment_ms, or sooner when this much waits. */
#define SEGMENTS_PER_COMMIT 8

/*
 * The ring lies in a memfd whose size is sealed and that nobody else can map writable: core keeps the one writable mapping.
 * It is ordinary memory: records hold no secret.
 */
hf_err journal_start(core *c)
{
    size_t bytes = HF_RING_HEADER_BYTES + ((size_t)c->config.ring_mib << 20);
    int fd = memfd_create("holdfast-audit", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

    HF_CHECK(fd >= 0, HF_ERR_SYSTEM);
    if (ftruncate(fd, (off_t)bytes) != 0) {
        close(fd);
        return HF_ERR_SYSTEM;
    }
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) != 0) {
        close(fd);
        return HF_ERR_SYSTEM;
    }
    c->journal.ring_fd = fd;
    HF_TRY(hf_ring_format(memory, bytes, &c->journal.ring));
    return hf_ring_open(memory, bytes, &c->journal.reader);
}

bool journal_unsealed(const core *c)
{
    return c->journal.chain.seq > c->journal.sealed.seq;
}

hf_err journal_append(core *c, struct hf_audit_record *rec)
{
    journal *j = &c->journal;
    struct hf_audit_chain next = j->chain;
    uint8_t entry[HF_AUDIT_ENTRY_MAX_BYTES];
    size_t len;

    HF_CHECK(c->keys != NULL, HF_ERR_SEALED);
    HF_TRY(hf_audit_append(&next, hf_root_key(c->keys, HF_PURPOSE_AUDIT_MAC), rec, entry, &len));
    HF_TRY(hf_ring_append(&j->ring, (hf_view) { entry, len }));
    if (!journal_unsealed(c)) {
        j->oldest_unsealed = hf_mono_now();
        hf_loop_wake(c->lanes[0].loop); /* which then sets the timer */
    }
    j->chain = next;
    return HF_OK;
}

void journal_note(core *c, uint16_t action, hf_err result, const char *actor_name, const char *detail)
{
    struct hf_audit_record rec = {
        .time = hf_wall_now(),
        .klass = HF_AUDIT_JOURNAL,
        .action = action,
        .result = hf_audit_result_of(result),
        .count = 1,
        .actor = hf_view_str(actor_name),
        .detail = hf_view_str(detail),
    };

    /* Before the root key is here there is no chain to write to; the log line says it. */
    if (journal_append(c, &rec) != HF_OK)
        hf_log(HF_LOG_WARN, "event not in the audit: %s", detail);
}

hf_err journal_payload_mac(core *c, const hf_view *parts, size_t n, uint8_t dst[static 16])
{
    HF_CHECK(c->keys != NULL, HF_ERR_SEALED); /* sealed while a lane was at work */
    return hf_audit_payload_mac(hf_root_key(c->keys, HF_PURPOSE_PAYLOAD_HMAC), parts, n, dst);
}

static hf_err put_segment(hf_writer *w, uint64_t last_seq, hf_view blob)
{
    struct hf_store_op op = { .op = 1, .kind = HF_ROW_SEGMENT, .version = last_seq, .blob = blob };

    return hf_store_op_encode(&op, w);
}

hf_err journal_segments(core *c, hf_wall now, hf_writer *w, struct hf_audit_chain *ret_sealed, uint64_t *ret_index)
{
    static uint8_t entries[HF_SEGMENT_ENTRIES_MAX], blob[HF_SEGMENT_MAX_BYTES];
    journal *j = &c->journal;
    struct hf_audit_chain at = j->sealed;
    struct hf_ring_reader reader = j->reader;
    uint64_t index = j->segment_index;

    for (int i = 0; i < SEGMENTS_PER_COMMIT && at.seq < j->chain.seq; i++) {
        struct hf_segment seg;
        uint64_t last;
        size_t len, blob_len;
        HF_TRY(hf_ring_read_after(&reader, at.seq, entries, sizeof(entries), &len, &last));
        HF_CHECK(len > 0, HF_ERR_INTERNAL);
        HF_TRY(hf_segment_seal(index + 1, &at, now, (hf_view) { entries, len },
                               hf_root_key(c->keys, HF_PURPOSE_AUDIT_MAC), j->sign_key, blob, sizeof(blob), &blob_len));
        HF_TRY(hf_segment_decode((hf_view) { blob, blob_len }, &seg));
        HF_TRY(put_segment(w, last, (hf_view) { blob, blob_len }));
        index++;
        at.seq = last;
        memcpy(at.head, seg.head, sizeof(at.head));
    }
    *ret_sealed = at;
    *ret_index = index;
    return HF_OK;
}
