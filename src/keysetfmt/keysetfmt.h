/*
 * The keyset as people edit it, JSON, and as processes carry it, keyset_row records.
 *
 *   {
 *     "version": 1,
 *     "generation": 3,
 *     "keys": [
 *       { "kid": "...", "alg": "ES256", "actor": "alice", "roles": ["operator"],
 *         "public_key_pem": "-----BEGIN PUBLIC KEY-----\n...\n-----END PUBLIC KEY-----\n" }
 *     ],
 *     "mac_b64": "..."
 *   }
 *
 * Every member is required but mac_b64, which core computes when a keyset is applied; no other member is
 * allowed. actor "*" lets the key speak for anyone. alg is "ES256", "EdDSA", "RS256" (RSA with 2048 or 3072 bits) or
 * "HS256". A key of HS256 has, in place of public_key_pem, "secret_b64": base64 of 32 to 64 bytes. Core never shows it:
 * what it shows has "secret_fingerprint_b64", base64 of HF_KEYSET_FINGERPRINT_BYTES, which stands for the secret that
 * core has under this kid when the keyset is applied again.
 */
#ifndef HF_KEYSETFMT_KEYSETFMT_H
#define HF_KEYSETFMT_KEYSETFMT_H

#include "base/buf.h"

#define HF_KEYSET_JSON_MAX_BYTES 524000
#define HF_KEYSET_ROWS_MAX_BYTES 245760
#define HF_KEYSET_KEYS_MAX 1024
#define HF_KEYSET_MAC_BYTES 32
#define HF_KEYSET_FINGERPRINT_BYTES 16 /* shorter than any secret, so that the two cannot be mixed up */

struct hf_keyset_head {
    uint64_t generation; /* 1 to 2^53 */
    bool has_mac;
    uint8_t mac[HF_KEYSET_MAC_BYTES]; /* zero without one; checked by core only */
    bool has_secret;                  /* some key is of HS256: whoever reads this file can mint tokens */
};

/* Why a keyset was refused: one sentence that names the member. */
#define HF_KEYSET_WHY_CAP 192
struct hf_keyset_why {
    char text[HF_KEYSET_WHY_CAP];
};

/*
 * Does: reads the JSON strictly and appends the rows to *rows. That a public key is one is left to whoever loads it
 * (hf_key_load_any_public); here only its PEM is undone. Errors: HF_ERR_INVALID with *reterr_why; rows then holds
 * something unfinished.
 */
hf_err hf_keyset_parse(hf_view json, struct hf_keyset_head *ret, hf_writer *rows, struct hf_keyset_why *reterr_why)
    HF_MUST_USE;

/*
 * Writes the JSON that hf_keyset_parse reads back to the same head and rows. HF_ERR_MALFORMED for rows that are
 * none. Its own memory is wiped; the JSON is the caller's to wipe when a row has a secret.
 */
hf_err hf_keyset_print(const struct hf_keyset_head *head, hf_view rows, hf_writer *json) HF_MUST_USE;

/* The public key block of RFC 7468 around DER SubjectPublicKeyInfo, and back: exactly one block, nothing else. */
#define HF_SPKI_PEM_CAP 2900
hf_err hf_spki_pem_write(hf_view spki, hf_writer *pem) HF_MUST_USE;
hf_err hf_spki_pem_read(hf_view pem, uint8_t *dst, size_t cap, size_t *ret_len) HF_MUST_USE;

/*
 * The same of a file that somebody else wrote (RFC 7468 sections 2 and 5.2): lines may end in LF, CRLF or CR and in blanks,
 * and text may stand before and after the block. It must be the only block, of whatever label. HF_ERR_MALFORMED, or
 * HF_ERR_BOUNDS for a key that is longer than cap.
 */
hf_err hf_spki_pem_find(hf_view text, uint8_t *dst, size_t cap, size_t *ret_len) HF_MUST_USE;

#endif
