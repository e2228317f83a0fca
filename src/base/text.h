/* Text forms of bytes: base64 (RFC 4648 section 4), base64url (section 5, no padding), hex, UUID, names. */
#ifndef HF_BASE_TEXT_H
#define HF_BASE_TEXT_H

#include "base/buf.h"

/* Characters that n bytes take, without NUL. */
#define HF_B64_LEN(n) ((((n) + 2) / 3) * 4)
#define HF_B64_MAX_BYTES(chars) (((chars) / 4) * 3 + 3)

/* Writes HF_B64_LEN(in.len) characters, no NUL; dst must have room. Gives the length written. */
size_t hf_b64_encode(hf_view in, char *dst);
size_t hf_b64url_encode(hf_view in, char *dst);

/*
 * Strict: right alphabet only, padding exactly where the alphabet wants it (none for url), and the unused
 * bits of the last character zero. HF_ERR_MALFORMED else, HF_ERR_BOUNDS when cap is too small.
 */
hf_err hf_b64_decode(hf_view in, uint8_t *dst, size_t cap, size_t *ret_len) HF_MUST_USE;
hf_err hf_b64url_decode(hf_view in, uint8_t *dst, size_t cap, size_t *ret_len) HF_MUST_USE;

/* Lower-case hex; dst takes 2 * in.len characters and a NUL. */
void hf_hex_encode(hf_view in, char *dst);
hf_err hf_hex_decode(hf_view in, uint8_t *dst, size_t cap, size_t *ret_len) HF_MUST_USE;

/* UUID text of 36 characters and a NUL (RFC 9562). Parsing takes lower and upper case. */
#define HF_UUID_CAP 37
void hf_uuid_format(const uint8_t id[static 16], char dst[static HF_UUID_CAP]);
hf_err hf_uuid_parse(hf_view in, uint8_t ret_id[static 16]) HF_MUST_USE;

/* [A-Za-z0-9][A-Za-z0-9._-]{0,63} and not the form of a UUID. */
bool hf_name_ok(hf_view name);
/* [A-Za-z0-9._-]{1,64} */
bool hf_request_id_ok(hf_view id);
/* Valid UTF-8 (RFC 3629: no surrogates, no overlong forms) without control characters. */
bool hf_text_ok(hf_view text);

#endif
