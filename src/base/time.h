/*
 * Time as types. Wall time and monotonic time do not convert into each other. Library code never
 * reads a clock: "now" is an argument; only programs call hf_wall_now and hf_mono_now.
 */
#ifndef HF_BASE_TIME_H
#define HF_BASE_TIME_H

#include "base/macros.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct hf_wall { /* UTC, nanoseconds since 1970 */
    int64_t ns;
} hf_wall;

typedef struct hf_mono { /* CLOCK_BOOTTIME-like, nanoseconds since an arbitrary start */
    int64_t ns;
} hf_mono;

#define HF_NS_PER_S INT64_C(1000000000)
#define HF_NS_PER_MS INT64_C(1000000)

hf_wall hf_wall_now(void);
hf_mono hf_mono_now(void);

static inline int64_t hf_wall_s(hf_wall t)
{
    return t.ns / HF_NS_PER_S;
}
static inline hf_mono hf_mono_after_ms(hf_mono t, int64_t ms)
{
    return (hf_mono) { t.ns + ms * HF_NS_PER_MS };
}

/* RFC 3339 in UTC with milliseconds, "2026-11-23T06:19:00.123Z", NUL included: needs 25 bytes. No tz files are read. */
#define HF_RFC3339_CAP 25
void hf_wall_format(hf_wall t, char dst[static HF_RFC3339_CAP]);

/* Reads what hf_wall_format writes, with or without fraction. HF_ERR_MALFORMED else. */
hf_err hf_wall_parse(const char *text, size_t len, hf_wall *ret) HF_MUST_USE;

#endif
