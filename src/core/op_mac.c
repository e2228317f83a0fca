#include "core/op.h"

#include "crypto/crypto.h"

/* HMAC (FIPS 198-1) over the whole payload; `verify` checks one in constant time. */
hf_err op_mac(op *o)
{
    const struct hf_mac *in = &o->in.mac;
    uint8_t mac[HF_HASH_MAX_BYTES];
    size_t len;

    o->payload[o->n_payload++] = in->payload;
    op_begin_work(o);
    hf_err e =
        hf_key_sign(cache_key(o->loaded), HF_SCHEME_HMAC, HF_HASH_NONE, false, in->payload, mac, sizeof(mac), &len);
    op_end_work(o);
    if (e == HF_ERR_UNSUPPORTED)
        return op_fails(o, e, "%s is not an HMAC key; signatures are made by 'sign'", hf_alg_name(o->entry->alg));
    HF_TRY(e);
    struct hf_maced m = { .version = o->version, .mac = { mac, len } };
    return hf_maced_encode(&m, &o->reply);
}
