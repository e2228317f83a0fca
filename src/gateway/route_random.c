/* GET /api/v1/random/:bytes; in a batch the number is the member `bytes`. */
#include "gateway/routes.h"

#define RANDOM_MAX 65536u
#define RANDOM_ITEM_MAX 4096u /* a batch has a hundred of them in one answer */

static hf_err refuse_number(call *c, uint32_t max)
{
    return call_unusable(c, "the number of bytes must be from 1 to %u", max);
}

hf_err route_random_ask(call *c, hf_writer *w)
{
    static const char *const members[] = { "bytes" };
    struct hf_random m = { .head = c->head };
    uint32_t max = c->item ? RANDOM_ITEM_MAX : RANDOM_MAX;
    uint64_t bytes = 0;

    if (c->item) {
        HF_TRY(field_only(c, members, HF_COUNT(members)));
        HF_TRY(field_uint(c, "bytes", UINT32_MAX, &bytes));
    } else {
        HF_TRY(field_only(c, NULL, 0));
        for (size_t i = 0; i < c->id.len && bytes <= max; i++)
            bytes = bytes * 10 + (uint64_t)(c->id.ptr[i] - '0'); /* digits: the path would not fit else */
    }
    if (bytes < 1 || bytes > max)
        return refuse_number(c, max);
    m.bytes = (uint32_t)bytes;
    return hf_random_encode(&m, w);
}

hf_err route_random_tell(reply *r)
{
    struct hf_random_bytes m;

    HF_TRY(hf_random_bytes_decode(r->body, &m));
    json_open(r->out, '{');
    json_key(r->out, "random_b64");
    json_b64(r->out, m.random);
    json_close(r->out, '}');
    return HF_OK;
}
