/* Reads: STORE_SCAN and STORE_GET give the body of a STORE_ROWS message. */
#ifndef HF_STORE_ROWS_H
#define HF_STORE_ROWS_H

#include "proto/gen/messages.h"
#include "store/engine.h"

/*
 * Answers into w, always with a whole body: an error of the engine stands in its `error` field (HF_ERR_NOT_FOUND for
 * a GET without a row). A scan gives at least one row when there is one, then as many as fit into max_bytes (0: as
 * many as a message takes).
 * Returns what stands in the answer, HF_ERR_BOUNDS when w is too small.
 */
hf_err hf_rows_scan(hf_engine *e, const struct hf_store_scan *m, hf_writer *w) HF_MUST_USE;
hf_err hf_rows_get(hf_engine *e, const struct hf_store_get *m, hf_writer *w) HF_MUST_USE;

#endif
