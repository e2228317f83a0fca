/* JSON, written. Text that goes in must be valid UTF-8: what arrives in messages is. */
#ifndef HF_GATEWAY_JSON_OUT_H
#define HF_GATEWAY_JSON_OUT_H

#include "base/buf.h"

/* Grows as needed; the first failure to grow sets `failed`. Keeps its memory for the next answer, wiped. */
typedef struct json_out {
    char *bytes;
    size_t cap, len;
    bool failed;
    bool comma; /* the next value or member needs one before it */
} json_out;

void json_out_reset(json_out *o);
void json_out_free(json_out *o);
hf_view json_out_view(const json_out *o);

void json_open(json_out *o, char bracket); /* '{' or '[' */
void json_close(json_out *o, char bracket);
void json_key(json_out *o, const char *name);
void json_name(json_out *o, hf_view name); /* a key that is not ours */

void json_text(json_out *o, hf_view text);
void json_word(json_out *o, const char *text); /* NULL gives "unknown" */
void json_uint(json_out *o, uint64_t n);
void json_bool(json_out *o, bool b);
void json_b64(json_out *o, hf_view bytes);
void json_b64url(json_out *o, hf_view bytes); /* without padding */
void json_uuid(json_out *o, const uint8_t id[static 16]);
void json_time(json_out *o, int64_t ns); /* RFC 3339 */
void json_members(json_out *o, hf_view object); /* those of a written object, into the one that is open */
void json_raw(json_out *o, hf_view json); /* as it is: bytes that are no JSON make the whole none */

#endif
