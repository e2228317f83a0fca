/* encapsulate and decapsulate: ML-KEM (FIPS 203). The ciphertext does not name its version, so callers may. */
#include "core/op.h"

#include "crypto/crypto.h"
#include <string.h>

hf_err op_encapsulate(op *o)
{
    uint8_t ct[HF_KEM_CIPHERTEXT_MAX_BYTES], secret[HF_KEM_SECRET_BYTES];
    size_t len;

    op_begin_work(o);
    hf_err e = hf_key_encapsulate(cache_key(o->loaded), ct, sizeof(ct), &len, secret);
    op_end_work(o);
    struct hf_encapsulated m = { .version = o->version,
                                 .ciphertext = { ct, len },
                                 .shared_secret = { secret, sizeof(secret) } };
    if (e == HF_OK)
        e = hf_encapsulated_encode(&m, &o->reply);
    explicit_bzero(secret, sizeof(secret));
    return e;
}

hf_err op_decapsulate(op *o)
{
    const struct hf_decapsulate *in = &o->in.decapsulate;
    uint8_t secret[HF_KEM_SECRET_BYTES];

    o->payload[o->n_payload++] = in->ciphertext;
    op_begin_work(o);
    hf_err e = hf_key_decapsulate(cache_key(o->loaded), in->ciphertext, secret);
    op_end_work(o);
    struct hf_decapsulated m = { .version = o->version, .shared_secret = { secret, sizeof(secret) } };
    if (e == HF_OK)
        e = hf_decapsulated_encode(&m, &o->reply);
    explicit_bzero(secret, sizeof(secret));
    return e;
}
