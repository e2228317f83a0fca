/*
 * Bodies, read strictly (RFC 8259 with the choices of RFC 7493): valid UTF-8, no lone surrogates, no duplicate
 * members, at most JSON_DEPTH_MAX containers inside each other. The memory is a pool of the thread, wiped after
 * each request.
 */
#ifndef HF_GATEWAY_JSON_IN_H
#define HF_GATEWAY_JSON_IN_H

#include "base/buf.h"
#include <yyjson.h>

#define JSON_DEPTH_MAX 16
#define JSON_MEMBERS_MAX 64 /* of one object; as many as a key has attributes */
#define JSON_INT_MAX (UINT64_C(1) << 53)
#define JSON_POOL_BYTES (16u << 20) /* reserved, touched only as needed */

typedef struct json_pool {
    uint8_t *base;
    size_t cap, used, last;
    size_t touched; /* upper bound of the bytes to wipe */
} json_pool;

hf_err json_pool_init(json_pool *pool) HF_MUST_USE;
void json_pool_reset(json_pool *pool);
void json_pool_free(json_pool *pool);

/*
 * Reads one value. text is changed in place and must have YYJSON_PADDING_SIZE writable bytes behind it; *ret
 * borrows from it and from the pool. Errors, with a sentence in *reterr_why: HF_ERR_MALFORMED when it is not JSON
 * as said above; HF_ERR_TOO_LARGE when it has more values or members than a request may have.
 */
hf_err json_read(json_pool *pool, uint8_t *text, size_t len, yyjson_val **ret, const char **reterr_why) HF_MUST_USE;

#endif
