/*
 * Keysets are accepted only with core's MAC: HMAC-SHA-256 over "holdfast keyset v1\0" || u64 generation || the encoded
 * rows.
 */
#ifndef HF_RECORDS_KEYSET_MAC_H
#define HF_RECORDS_KEYSET_MAC_H

#include "records/root_keys.h"

#define HF_KEYSET_MAC_BYTES 32

/* rows: the encoded list of keyset_row, as the KEYSET message carries it. */
hf_err hf_keyset_mac(const hf_root_keys *keys, uint64_t generation, hf_view rows,
                     uint8_t ret_mac[static HF_KEYSET_MAC_BYTES]) HF_MUST_USE;
/* HF_OK or HF_ERR_INTEGRITY. Compares in constant time. */
hf_err hf_keyset_check(const hf_root_keys *keys, uint64_t generation, hf_view rows,
                       const uint8_t mac[static HF_KEYSET_MAC_BYTES]) HF_MUST_USE;

#endif
