/* How long somebody must wait after failures in a row, so that a secret cannot be guessed by trying. Pure. */
#ifndef HF_POLICY_BACKOFF_H
#define HF_POLICY_BACKOFF_H

#include <stdint.h>

/* 0 failures: 0; then first_ms, doubling with each failure up to last_ms. */
int64_t hf_backoff_ms(uint32_t failures, int64_t first_ms, int64_t last_ms);

#endif
