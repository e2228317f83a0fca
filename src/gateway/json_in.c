#include "gateway/json_in.h"

#include <string.h>
#include <sys/mman.h>

#define VALUE_BYTES 16 /* of one value in yyjson's tree */
#define TEXT_OF(macro) TEXT_OF_NUMBER(macro)
#define TEXT_OF_NUMBER(number) #number

/* ---- the pool ---- */

static void *pool_malloc(void *ctx, size_t size)
{
    json_pool *p = ctx;
    size_t at = (p->used + 15) & ~(size_t)15;

    if (size > p->cap || at > p->cap - size)
        return NULL;
    p->last = at;
    p->used = at + size;
    return p->base + at;
}

/* yyjson grows only its newest block, so that one grows where it is. */
static void *pool_realloc(void *ctx, void *ptr, size_t old_size, size_t size)
{
    json_pool *p = ctx;

    if (ptr == p->base + p->last && size <= p->cap - p->last) {
        p->used = p->last + size;
        return ptr;
    }
    void *moved = pool_malloc(ctx, size);
    if (moved != NULL)
        memcpy(moved, ptr, old_size < size ? old_size : size);
    return moved;
}

static void pool_free(void *ctx, void *ptr)
{
    (void)ctx;
    (void)ptr;
}

hf_err json_pool_init(json_pool *pool)
{
    void *base =
        mmap(NULL, JSON_POOL_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    HF_CHECK(base != MAP_FAILED, HF_ERR_SYSTEM);
    *pool = (json_pool) { .base = base, .cap = JSON_POOL_BYTES };
    return HF_OK;
}

void json_pool_reset(json_pool *pool)
{
    hf_wipe(pool->base, pool->touched < pool->used ? pool->touched : pool->used);
    pool->used = pool->last = pool->touched = 0;
}

void json_pool_free(json_pool *pool)
{
    if (pool->base != NULL)
        munmap(pool->base, pool->cap);
    pool->base = NULL;
}

/* ---- reading ---- */

/*
 * yyjson has no limit of depth and reserves memory by length, not by content. One pass beforehand bounds the depth
 * and counts what could be values; it need not be right about text that is not JSON, only safe.
 */
static hf_err scan(const uint8_t *text, size_t len, size_t *ret_values)
{
    size_t depth = 0, values = 1;
    bool in_string = false;

    for (size_t i = 0; i < len; i++) {
        uint8_t c = text[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            HF_CHECK(++depth <= JSON_DEPTH_MAX, HF_ERR_MALFORMED);
            values++;
        } else if (c == '}' || c == ']') {
            depth -= depth > 0;
        } else if (c == ',' || c == ':') {
            values++;
        }
    }
    *ret_values = values;
    return HF_OK;
}

static bool same_text(yyjson_val *a, yyjson_val *b)
{
    return unsafe_yyjson_get_len(a) == unsafe_yyjson_get_len(b) &&
           memcmp(unsafe_yyjson_get_str(a), unsafe_yyjson_get_str(b), unsafe_yyjson_get_len(a)) == 0;
}

static hf_err check_members(yyjson_val *object, const char **reterr_why)
{
    size_t i, max, j, max2;
    yyjson_val *key, *value, *key2, *value2;

    if (yyjson_obj_size(object) > JSON_MEMBERS_MAX) {
        *reterr_why = "an object has more than " TEXT_OF(JSON_MEMBERS_MAX) " members";
        return HF_ERR_TOO_LARGE;
    }
    yyjson_obj_foreach(object, i, max, key, value)
        yyjson_obj_foreach(object, j, max2, key2, value2) if (j < i && same_text(key, key2))
    {
        *reterr_why = "an object has two members of the same name";
        return HF_ERR_MALFORMED;
    }
    return HF_OK;
}

/* Depth is bounded by the scan, so recursion is. */
static hf_err check_tree(yyjson_val *v, const char **reterr_why)
{
    size_t i, max;
    yyjson_val *key, *value;

    if (yyjson_is_obj(v)) {
        HF_TRY(check_members(v, reterr_why));
        yyjson_obj_foreach(v, i, max, key, value) HF_TRY(check_tree(value, reterr_why));
    }
    if (yyjson_is_arr(v))
        yyjson_arr_foreach(v, i, max, value) HF_TRY(check_tree(value, reterr_why));
    return HF_OK;
}

hf_err json_read(json_pool *pool, uint8_t *text, size_t len, yyjson_val **ret, const char **reterr_why)
{
    const yyjson_alc alc = { pool_malloc, pool_realloc, pool_free, pool };
    yyjson_read_err err;
    size_t values = 0;

    if (scan(text, len, &values) != HF_OK) {
        *reterr_why = "the body nests too deeply";
        return HF_ERR_MALFORMED;
    }
    pool->touched = (values + 16) * VALUE_BYTES;
    yyjson_doc *doc = yyjson_read_opts((char *)text, len, YYJSON_READ_INSITU, &alc, &err);
    if (doc == NULL) {
        bool memory = err.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION;
        *reterr_why = memory ? "the body has too many values" : "the body is not valid JSON";
        return memory ? HF_ERR_TOO_LARGE : HF_ERR_MALFORMED;
    }
    HF_TRY(check_tree(yyjson_doc_get_root(doc), reterr_why));
    *ret = yyjson_doc_get_root(doc);
    return HF_OK;
}
