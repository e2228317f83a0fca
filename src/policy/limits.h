/*
 * Rates: one token bucket per actor (core) or address (gateway), in a bounded table. Every call is O(1).
 * Time is an argument. Not thread-safe: one owner, or a lock around it.
 */
#ifndef HF_POLICY_LIMITS_H
#define HF_POLICY_LIMITS_H

#include "base/buf.h"
#include "base/time.h"

#define HF_LIMITS_KEY_MAX 64
#define HF_LIMITS_ENTRIES_MAX 4096

struct hf_limits_spec {
    uint32_t rate;    /* per second, 1 to 1,000,000 */
    uint32_t burst;   /* most at once, 1 to 1,000,000 */
    uint32_t entries; /* 1 to HF_LIMITS_ENTRIES_MAX; 0 means the maximum */
    uint8_t seed[16]; /* random per process: whoever chooses keys cannot choose collisions */
};

/* When the table is full the entry that was unused longest makes room. */
typedef struct hf_limits hf_limits;

/* HF_ERR_BOUNDS for a bad spec, HF_ERR_SYSTEM when memory is short. Caller frees. */
hf_err hf_limits_new(const struct hf_limits_spec *spec, hf_limits **ret) HF_MUST_USE;
void hf_limits_free(hf_limits *l); /* NULL is fine */

/*
 * Takes one token of this key's bucket. HF_OK; HF_ERR_RATE with *reterr_retry_after_s (1 or more); HF_ERR_BOUNDS for an
 * empty key or one above HF_LIMITS_KEY_MAX. A clock that goes back adds nothing.
 */
hf_err hf_limits_take(hf_limits *l, hf_view key, hf_mono now, uint32_t *reterr_retry_after_s) HF_MUST_USE;

/*
 * Forgets entries whose bucket is full again (they are like new ones), at most max_steps; gives how many went. For an
 * idle timer.
 */
uint32_t hf_limits_expire(hf_limits *l, hf_mono now, uint32_t max_steps);
uint32_t hf_limits_count(const hf_limits *l);

#endif
