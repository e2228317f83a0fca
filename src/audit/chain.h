/*
 * The chain over audit records.
 *
 *   entry  = u16 length of record | record | hash[32] | tag[16]
 *   hash_i = SHA-256(hash_{i-1} || record_i)         hash_0 = 32 zero bytes, seq of the first record = 1
 *   tag_i  = first 16 bytes of HMAC-SHA-256(audit-mac key, hash_i)
 */
#ifndef HF_AUDIT_CHAIN_H
#define HF_AUDIT_CHAIN_H

#include "audit/record.h"
#include "crypto/crypto.h"

#define HF_AUDIT_HASH_BYTES 32
#define HF_AUDIT_TAG_BYTES 16
#define HF_AUDIT_ENTRY_OVERHEAD (2 + HF_AUDIT_HASH_BYTES + HF_AUDIT_TAG_BYTES)
#define HF_AUDIT_ENTRY_MAX_BYTES (HF_AUDIT_RECORD_MAX_BYTES + HF_AUDIT_ENTRY_OVERHEAD)

/* Where a chain stands. All zeros: before the first record. */
struct hf_audit_chain {
    uint64_t seq; /* of the last record */
    uint8_t head[HF_AUDIT_HASH_BYTES];
};

/*
 * Does: gives rec the next seq, writes its entry and moves the chain on. mac_key: the audit-mac key, not empty.
 * On an error neither chain nor rec->seq has changed.
 */
hf_err hf_audit_append(struct hf_audit_chain *chain, hf_view mac_key, struct hf_audit_record *rec,
                       uint8_t dst[static HF_AUDIT_ENTRY_MAX_BYTES], size_t *ret_len) HF_MUST_USE;

/* The same with the key loaded (HF_ALG_HMAC_SHA256): its schedule is then made once and not for each record. */
hf_err hf_audit_append_with(struct hf_audit_chain *chain, const hf_key *mac_key, struct hf_audit_record *rec,
                            uint8_t dst[static HF_AUDIT_ENTRY_MAX_BYTES], size_t *ret_len) HF_MUST_USE;

struct hf_audit_entry {
    hf_view whole;  /* the entry's bytes */
    hf_view record; /* for hf_audit_record_decode */
    uint64_t seq;
    const uint8_t *hash; /* HF_AUDIT_HASH_BYTES */
    const uint8_t *tag;  /* HF_AUDIT_TAG_BYTES */
};

/*
 * Takes the next entry off *entries by its form alone: lengths and a record that decodes; nothing is verified. Borrows.
 * HF_ERR_NOT_FOUND at the end, HF_ERR_MALFORMED else; *entries then is as before.
 */
hf_err hf_audit_entry_next(hf_view *entries, struct hf_audit_entry *ret) HF_MUST_USE;

/* Walks entries and verifies each against the one before. */
struct hf_audit_walk {
    hf_view left;
    hf_view mac_key; /* empty: tags are not checked (an outsider's view) */
    struct hf_audit_chain at;
};

void hf_audit_walk_start(struct hf_audit_walk *walk, hf_view entries, const struct hf_audit_chain *before,
                         hf_view mac_key);
/*
 * HF_OK with the next entry; HF_ERR_NOT_FOUND at a clean end; HF_ERR_INTEGRITY for a broken hash, tag, form or a gap in
 * seq:
 * walk->at then is the last good record.
 */
hf_err hf_audit_walk_next(struct hf_audit_walk *walk, struct hf_audit_entry *ret) HF_MUST_USE;

#endif
