/*
 * Strict JSON (RFC 8259, with the choices of RFC 7493) for what comes from outside: tokens and keysets.
 *
 * On top of yyjson's own strictness (no comments, trailing commas, NaN, byte order mark, invalid UTF-8 or lone
 * surrogates) it refuses: duplicate member names at any level, also when written with escapes; nesting and
 * member counts above the limits; integers beyond 2^53, which others would round silently; numbers of more
 * than 32 characters. Numbers are kept as text: no floating point is computed.
 */
#ifndef HF_JOSE_JSON_H
#define HF_JOSE_JSON_H

#include "base/buf.h"
#include <yyjson.h>

/* The largest integer that every JSON reader gives back exactly (RFC 7493 section 2.2). */
#define HF_JSON_INT_MAX INT64_C(9007199254740992)

typedef struct hf_json_limits {
    unsigned depth;  /* containers inside each other */
    size_t members;  /* in one object or array */
} hf_json_limits;

/*
 * Does: reads one value that fills the text; alloc gives the memory (a pool of yyjson_read_max_memory_usage bytes, or
 * NULL for malloc). Owns: the caller frees *ret with yyjson_doc_free. Errors: HF_ERR_MALFORMED, and *reterr_why is
 * a static sentence.
 */
hf_err hf_json_read(hf_view text, const hf_json_limits *limits, const yyjson_alc *alloc, yyjson_doc **ret,
                    const char **reterr_why) HF_MUST_USE;

/*
 * A whole number 0 to 2^53 written with digits only: no sign, fraction or exponent. HF_ERR_MALFORMED else; NULL
 * is fine.
 */
hf_err hf_json_uint(yyjson_val *v, int64_t *ret) HF_MUST_USE;

/* The bytes of a string, borrowed from the document; HF_ERR_MALFORMED for anything else. They may hold NULs. */
hf_err hf_json_text(yyjson_val *v, hf_view *ret) HF_MUST_USE;

/* The raw bytes of a member name. */
hf_view hf_json_name(yyjson_val *key);

#endif
