/* POST /api/v1/keys/:id/rewrap: the same plaintext under the key's active version; it never leaves core. */
#include "gateway/routes.h"

hf_err route_rewrap_ask(call *c, hf_writer *w)
{
    struct hf_rewrap m = { .head = c->head, .key = c->id };

    HF_TRY(field_sealed(c, &m.ciphertext, &m.nonce, &m.associated_data));
    return hf_rewrap_encode(&m, w);
}

hf_err route_rewrap_tell(reply *r)
{
    return route_encrypt_tell(r);
}
