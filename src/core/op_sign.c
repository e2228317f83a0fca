#include "core/op.h"

#include "crypto/crypto.h"

hf_err op_signature_refused(op *o, hf_err e, size_t payload_len)
{
    if (e == HF_ERR_UNSUPPORTED)
        return op_fails(o, e, "this scheme, hash, prehashing or context does not go with %s",
                        hf_alg_name(o->entry->alg));
    if (e == HF_ERR_BOUNDS)
        return op_fails(
            o, HF_ERR_UNSUPPORTED,
            "a digest of %zu bytes does not fit: it has 32 bytes for sha256, 48 for sha384, 64 for sha512 and "
            "for the mu of ML-DSA",
            payload_len);
    return e;
}

/* Ed25519 hashes its message twice, so it signs a message that core has whole; the row bounds it to 1 MiB. */
hf_err op_sign(op *o)
{
    const struct hf_sign *in = &o->in.sign;
    uint8_t signature[HF_SIGNATURE_MAX_BYTES];
    size_t len;

    o->payload[o->n_payload++] = in->payload;
    op_begin_work(o);
    hf_err e = hf_key_sign_context(cache_key(o->loaded), (hf_scheme)in->scheme, (hf_hash)in->hash, in->prehashed,
                                   in->context, in->payload, signature, sizeof(signature), &len);
    op_end_work(o);
    HF_TRY(op_signature_refused(o, e, in->payload.len));
    struct hf_signed m = { .version = o->version, .signature = { signature, len } };
    return hf_signed_encode(&m, &o->reply);
}
