/* Refusals that have no actor, counted by address prefix and reason until core is told. Any thread. */
#ifndef HF_GATEWAY_FAILURES_H
#define HF_GATEWAY_FAILURES_H

#include "base/buf.h"

#define FAILURES_MAX 256
#define FAILURES_PERIOD_MS 10000

typedef struct failure {
    uint8_t prefix[16]; /* /24 of IPv4, /48 of IPv6, a user of this machine; zero for all that found no room */
    hf_err reason;
    uint32_t count;
} failure;

typedef struct failures failures;

hf_err failures_new(failures **ret) HF_MUST_USE;
void failures_free(failures *f);
void failures_count(failures *f, const uint8_t address[static 16], hf_err reason);
/* Moves what is counted to dst, which has room for FAILURES_MAX, and starts again. Gives how many. */
size_t failures_take(failures *f, failure *dst);

#endif
