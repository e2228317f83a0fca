/*
 * The ANSWER row: what a request with an Idempotency-Key was answered, so that the same request gets the same answer
 * for a day, also after a crash. It is stored in the transaction of the change that it answers.
 *
 *   u8 format | u8 kind=8 | id[16] | i64 expires_s | request[32] | u16 type | bytes16 reply | mac[48]
 *
 * id = first 16 bytes of SHA-256("holdfast idempotency v1" || 0 || text16 actor || text16 key); request = SHA-256 of
 * what was asked; type and reply are the message that answered. Answers hold no secrets: the row is authentic, not
 * sealed.
 */
#ifndef HF_RECORDS_ANSWER_H
#define HF_RECORDS_ANSWER_H

#include "records/root_keys.h"
#include "records/row.h"

#define HF_ANSWER_REPLY_MAX 16000
#define HF_ANSWER_OVERHEAD_BYTES (1 + 1 + HF_ROW_ID_BYTES + 8 + 32 + 2 + 2 + HF_RECORD_MAC_BYTES)
#define HF_ANSWER_MAX_BYTES (HF_ANSWER_OVERHEAD_BYTES + HF_ANSWER_REPLY_MAX)

struct hf_answer {
    uint8_t id[HF_ROW_ID_BYTES];
    int64_t expires_s; /* Unix time: from then on the row may go */
    uint8_t request[32];
    uint16_t type;
    hf_view reply; /* borrowed: from the blob after a decode */
};

/* HF_ERR_INVALID for an empty actor or key. */
hf_err hf_answer_id(hf_view actor, hf_view key, uint8_t ret_id[static HF_ROW_ID_BYTES]) HF_MUST_USE;
/* HF_ERR_BOUNDS when cap is too small or the reply above HF_ANSWER_REPLY_MAX. */
hf_err hf_answer_encode(const hf_root_keys *keys, const struct hf_answer *a, uint8_t *dst, size_t cap, size_t *ret_len,
                        uint8_t ret_mac[static HF_RECORD_MAC_BYTES]) HF_MUST_USE;
/* HF_ERR_INTEGRITY for every disagreement, HF_ERR_UNSUPPORTED for a newer format. */
hf_err hf_answer_decode(const hf_root_keys *keys, hf_view blob, const uint8_t expect_id[static HF_ROW_ID_BYTES],
                        struct hf_answer *ret) HF_MUST_USE;

#endif
