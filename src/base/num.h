/* Arithmetic that cannot wrap. */
#ifndef HF_BASE_NUM_H
#define HF_BASE_NUM_H

#include "base/macros.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline HF_MUST_USE hf_err hf_add_size(size_t a, size_t b, size_t *ret)
{
    return __builtin_add_overflow(a, b, ret) ? HF_ERR_BOUNDS : HF_OK;
}

static inline HF_MUST_USE hf_err hf_mul_size(size_t a, size_t b, size_t *ret)
{
    return __builtin_mul_overflow(a, b, ret) ? HF_ERR_BOUNDS : HF_OK;
}

static inline size_t hf_min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

#endif
