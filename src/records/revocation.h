/*
 * A revoked token.   u8 format | u8 kind=7 | id[16] | i64 expires_s | mac[48]
 * id = first 16 bytes of SHA-256(jti). The row may go once the token has expired.
 */
#ifndef HF_RECORDS_REVOCATION_H
#define HF_RECORDS_REVOCATION_H

#include "records/root_keys.h"
#include "records/row.h"

#define HF_REVOCATION_BYTES (1 + 1 + 16 + 8 + HF_RECORD_MAC_BYTES)

/* HF_ERR_INVALID for an empty jti. */
hf_err hf_revocation_id(hf_view jti, uint8_t ret_id[static HF_ROW_ID_BYTES]) HF_MUST_USE;
hf_err hf_revocation_encode(const hf_root_keys *keys, const uint8_t id[static HF_ROW_ID_BYTES], int64_t expires_s,
                            uint8_t dst[static HF_REVOCATION_BYTES], uint8_t ret_mac[static HF_RECORD_MAC_BYTES])
    HF_MUST_USE;
/* HF_ERR_INTEGRITY for every disagreement, HF_ERR_UNSUPPORTED for a newer format. */
hf_err hf_revocation_decode(const hf_root_keys *keys, hf_view blob, const uint8_t expect_id[static HF_ROW_ID_BYTES],
                            int64_t *ret_expires_s) HF_MUST_USE;

#endif
