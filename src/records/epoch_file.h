/*
 * The epoch file: the keys that wrap data keys, in one small file outside every backup.
 *
 *   u8 format | u8 type='E' | 2 * { u8 present | u32 epoch | nonce[12] | sealed[48] } | mac[48]
 *
 * sealed is AES-256-GCM under the epoch-wrap key; its AAD is format, type, slot index u8, epoch u32. An absent slot is
 * all zeros.
 * Two slots make a rotation safe against crashes: write (old, new); rewrap everything in one store transaction;
 * write (new) alone, which erases the old key. The slots' epochs ascend.
 */
#ifndef HF_RECORDS_EPOCH_FILE_H
#define HF_RECORDS_EPOCH_FILE_H

#include "records/root_keys.h"
#include "records/row.h"

#define HF_EPOCH_KEY_BYTES 32
#define HF_EPOCH_SLOT_BYTES (1 + 4 + 12 + HF_EPOCH_KEY_BYTES + 16)
#define HF_EPOCH_FILE_BYTES (1 + 1 + 2 * HF_EPOCH_SLOT_BYTES + HF_RECORD_MAC_BYTES)

struct hf_epoch_slot {
    uint32_t epoch; /* from 1; 0 when absent */
    hf_secret *key; /* owned; NULL when absent */
};

struct hf_epoch_file {
    struct hf_epoch_slot current; /* always present */
    struct hf_epoch_slot next;    /* present while a rotation runs; epoch = current + 1 */
};

/* A fresh epoch key from hf_random. Caller frees. */
hf_err hf_epoch_key_new(hf_secret **ret) HF_MUST_USE;
/* HF_ERR_INVALID unless the slots are as the struct says. */
hf_err hf_epoch_file_encode(const hf_root_keys *keys, const struct hf_epoch_file *file,
                            uint8_t dst[static HF_EPOCH_FILE_BYTES]) HF_MUST_USE;
/* HF_ERR_INTEGRITY, or HF_ERR_UNSUPPORTED for a newer format. Caller clears *ret with hf_epoch_file_clear. */
hf_err hf_epoch_file_decode(const hf_root_keys *keys, hf_view bytes, struct hf_epoch_file *ret) HF_MUST_USE;
/* Wipes both keys and empties the slots. Fine on an all-zero struct and for HF_AUTO. */
void hf_epoch_file_clear(struct hf_epoch_file *file);
/* The key of an epoch, or NULL. Borrowed. */
const hf_secret *hf_epoch_file_key(const struct hf_epoch_file *file, uint32_t epoch);

#endif
