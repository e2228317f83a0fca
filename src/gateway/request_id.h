/* The name of a request, in its answer and in the audit. */
#ifndef HF_GATEWAY_REQUEST_ID_H
#define HF_GATEWAY_REQUEST_ID_H

#include "gateway/gateway.h"

#define REQUEST_ID_CAP 65

/* The client's X-Request-Id when it is well-formed, else 24 random hex digits. */
void request_id_choose(lane *l, const hf_http_request *r, char dst[static REQUEST_ID_CAP]);

#endif
