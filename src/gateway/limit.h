/* Token buckets, one an address: how many requests it may make. Any thread. */
#ifndef HF_GATEWAY_LIMIT_H
#define HF_GATEWAY_LIMIT_H

#include "base/buf.h"
#include "base/time.h"

#define LIMIT_BUCKETS 4096
#define LIMIT_IDLE_S 300

/*
 * An address not seen for LIMIT_IDLE_S loses its bucket; when all are taken, the one used longest ago makes room. An
 * IPv6 address counts as its /64, because whoever has one address has them all. Users of this machine (base/address.h)
 * count singly.
 */
typedef struct limit limit;

/* rate: tokens a second; burst: tokens of a full bucket; both at least 1. HF_ERR_BOUNDS, HF_ERR_SYSTEM. */
hf_err limit_new(uint32_t rate, uint32_t burst, limit **ret) HF_MUST_USE;
void limit_free(limit *l);

/* Takes one token. HF_ERR_RATE when there is none; *reterr_wait_s is when to try again, at least 1. */
hf_err limit_take(limit *l, const uint8_t address[static 16], hf_mono now, uint32_t *reterr_wait_s) HF_MUST_USE;

#endif
