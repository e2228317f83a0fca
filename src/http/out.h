/* Private to src/http: bytes that wait to be sent. Wiped as they leave. */
#ifndef HF_HTTP_OUT_H
#define HF_HTTP_OUT_H

#include "base/buf.h"

typedef struct hf_http_out {
    uint8_t *bytes;
    size_t cap, start, end;
} hf_http_out;

/* Room for n more bytes, or NULL when there is no memory. The caller fills all of it. */
uint8_t *hf_http_out_room(hf_http_out *o, size_t n);
static inline hf_view hf_http_out_view(const hf_http_out *o)
{
    return hf_view_of(o->bytes + o->start, o->end - o->start);
}
void hf_http_out_sent(hf_http_out *o, size_t n);
void hf_http_out_free(hf_http_out *o);

#endif
