/* Writes DER for tests: right by default, and wrong in the one place that a test wants. */
#ifndef HF_TEST_DER_WRITER_H
#define HF_TEST_DER_WRITER_H

#include "base/buf.h"
#include <assert.h>
#include <openssl/bn.h>
#include <string.h>

#define DER_CAP 6000

struct der {
    uint8_t bytes[DER_CAP];
    size_t len;
};

static inline hf_view der_view(const struct der *d)
{
    return (hf_view) { d->bytes, d->len };
}

static inline void der_add(struct der *d, const void *p, size_t n)
{
    assert(d->len + n <= DER_CAP);
    if (n > 0)
        memcpy(d->bytes + d->len, p, n);
    d->len += n;
}

/* One element around content, with the shortest length. */
static inline void der_wrap(struct der *d, uint8_t tag, hf_view content)
{
    uint8_t head[4] = { tag };
    size_t n = 2;
    if (content.len < 0x80) {
        head[1] = (uint8_t)content.len;
    } else if (content.len < 0x100) {
        head[1] = 0x81;
        head[2] = (uint8_t)content.len;
        n = 3;
    } else {
        head[1] = 0x82;
        head[2] = (uint8_t)(content.len >> 8);
        head[3] = (uint8_t)content.len;
        n = 4;
    }
    der_add(d, head, n);
    der_add(d, content.ptr, content.len);
}

static inline void der_number(struct der *d, const BIGNUM *v)
{
    uint8_t bytes[1024] = { 0 };
    int n = BN_bn2bin(v, bytes + 1);
    bool zero_in_front = n == 0 || (bytes[1] & 0x80) != 0;
    der_wrap(d, 0x02, zero_in_front ? (hf_view) { bytes, (size_t)n + 1 } : (hf_view) { bytes + 1, (size_t)n });
}

static inline void der_small(struct der *d, uint8_t v)
{
    der_wrap(d, 0x02, (hf_view) { &v, 1 });
}

#endif
