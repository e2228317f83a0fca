/* Core's own numbers, for /metrics. */
#ifndef HF_CORE_METRICS_H
#define HF_CORE_METRICS_H

#include "core/core.h"

hf_err metrics_new(core_metrics **ret) HF_MUST_USE;
/* Locked: one answered request. */
void metrics_request(core *c, const request *r, hf_err e);
/* Locked: all samples, as `metric` records. */
hf_err metrics_write(const core *c, hf_writer *w) HF_MUST_USE;

#endif
