/*
 * Several uses of keys in one request. Each item is a message of its own to core, with the same token: rights, limits and
 * the audit see as many requests. Items run side by side in core, a bounded number of them, and are answered in order.
 */
#ifndef HF_GATEWAY_BATCH_H
#define HF_GATEWAY_BATCH_H

#include "gateway/answer.h"
#include "gateway/route.h"

#define BATCH_ITEMS_MAX 100
#define BATCH_IN_FLIGHT 16 /* items of one batch that wait for core at a time */
#define BATCHES_MAX 16     /* of one lane: each holds its messages and its answers */
#define BATCH_MS 10000     /* for the whole; what is not answered then is 504 */
#define BATCH_ID_MAX 60    /* of a request id or an idempotency key, so that ".100" finds room behind it */

typedef struct batch batch;

/* Gives the pending's answer to its batch. HF_ERR_MALFORMED when core's message breaks the rules. */
hf_err batch_answered(lane *l, pending *p, hf_view body) HF_MUST_USE;
void batch_failed(lane *l, pending *p, hf_err e, hf_view detail, uint32_t retry_s);

#endif
