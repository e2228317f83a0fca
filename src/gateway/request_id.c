#include "gateway/request_id.h"

#include "base/text.h"
#include <sys/random.h>

#define RANDOM_BYTES 12

/* Random bytes are fetched in stock: one system call for many requests. */
static const uint8_t *take_random(lane *l)
{
    if (l->random_left < RANDOM_BYTES) {
        /* Reads of up to 256 bytes are never cut short once the kernel's generator runs. */
        if (getrandom(l->random, sizeof(l->random), 0) != (ssize_t)sizeof(l->random))
            return NULL;
        l->random_left = sizeof(l->random);
    }
    l->random_left -= RANDOM_BYTES;
    return l->random + l->random_left;
}

void request_id_choose(lane *l, const hf_http_request *r, char dst[static REQUEST_ID_CAP])
{
    const hf_http_header *h = hf_http_find(r, "x-request-id");

    if (h != NULL && hf_request_id_ok(h->value) && hf_view_to_str(h->value, dst, REQUEST_ID_CAP) == HF_OK)
        return;
    const uint8_t *random = take_random(l);
    hf_hex_encode(hf_view_of(random, random == NULL ? 0 : RANDOM_BYTES), dst);
}
