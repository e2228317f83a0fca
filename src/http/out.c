#include "http/out.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES 2048

uint8_t *hf_http_out_room(hf_http_out *o, size_t n)
{
    size_t held = o->end - o->start;

    if (n > o->cap - o->end) {
        size_t cap = o->cap * 2 > held + n ? o->cap * 2 : held + n;
        uint8_t *bigger = malloc(cap < FIRST_BYTES ? FIRST_BYTES : cap);
        if (bigger == NULL)
            return NULL;
        if (held > 0)
            memcpy(bigger, o->bytes + o->start, held);
        hf_http_out_free(o);
        *o = (hf_http_out) { .bytes = bigger, .cap = cap < FIRST_BYTES ? FIRST_BYTES : cap, .end = held };
    }
    uint8_t *at = o->bytes + o->end;
    o->end += n;
    return at;
}

void hf_http_out_sent(hf_http_out *o, size_t n)
{
    hf_wipe(o->bytes + o->start, n);
    o->start += n;
    /* An idle connection holds no buffer. */
    if (o->start == o->end)
        hf_http_out_free(o);
}

void hf_http_out_free(hf_http_out *o)
{
    if (o->bytes != NULL && o->end > o->start)
        hf_wipe(o->bytes + o->start, o->end - o->start);
    free(o->bytes);
    *o = (hf_http_out) { 0 };
}
