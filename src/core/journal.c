#include "core/unsealing.h"

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

/* ---- keys ---- */

struct journal_macs {
    hf_key *tag, *payload;
    uint32_t holds; /* the journal's own is one */
};

static void macs_free(journal_macs *m)
{
    hf_key_free(m->tag);
    hf_key_free(m->payload);
    free(m);
}

/* The journal's keys, without a hold. */
static hf_err macs_of(core *c, journal_macs **ret)
{
    if (c->journal.macs == NULL) {
        HF_CHECK(c->keys != NULL, HF_ERR_SEALED);
        journal_macs *m = calloc(1, sizeof(*m));
        HF_CHECK(m != NULL, HF_ERR_SYSTEM);
        m->holds = 1;
        hf_err e = hf_key_load_private(HF_ALG_HMAC_SHA256, hf_root_key_secret(c->keys, HF_PURPOSE_AUDIT_MAC), &m->tag);
        if (e == HF_OK)
            e = hf_key_load_private(HF_ALG_HMAC_SHA256, hf_root_key_secret(c->keys, HF_PURPOSE_PAYLOAD_HMAC),
                                    &m->payload);
        if (e != HF_OK) {
            macs_free(m);
            return e;
        }
        c->journal.macs = m;
    }
    *ret = c->journal.macs;
    return HF_OK;
}

hf_err journal_macs_hold(core *c, journal_macs **ret)
{
    HF_TRY(macs_of(c, ret));
    (*ret)->holds++;
    return HF_OK;
}

void journal_macs_release(journal_macs *m)
{
    if (--m->holds == 0)
        macs_free(m);
}

void journal_macs_forget(core *c)
{
    if (c->journal.macs != NULL)
        journal_macs_release(c->journal.macs);
    c->journal.macs = NULL;
}

hf_err journal_macs_payload(const journal_macs *m, hf_view payload, uint8_t dst[static 16])
{
    return hf_audit_payload_mac_with(m->payload, payload, dst);
}

/* ---- records ---- */

bool journal_unsealed(const core *c)
{
    return c->journal.chain.seq > c->journal.sealed.seq;
}

hf_err journal_append(core *c, struct hf_audit_record *rec)
{
    journal *j = &c->journal;
    struct hf_audit_chain next = j->chain;
    journal_macs *macs;
    uint8_t entry[HF_AUDIT_ENTRY_MAX_BYTES];
    size_t len;

    HF_CHECK(c->keys != NULL && j->chained, HF_ERR_SEALED);
    HF_TRY(macs_of(c, &macs));
    HF_TRY(hf_audit_append_with(&next, macs->tag, rec, entry, &len));
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

    /* Before the HSM is open there is no chain to write to: the audit gets it then. */
    if (c->state != CORE_OPEN)
        kept_add(c, &rec);
    else if (journal_append(c, &rec) == HF_OK)
        return;
    hf_log(HF_LOG_WARN, "event not in the audit%s: %s", c->state != CORE_OPEN ? " before the HSM is open" : "", detail);
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
