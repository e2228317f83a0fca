#include "core/op.h"

#include "crypto/crypto.h"

/* A bad signature is an answer, not an error: the audit says which it was. */
hf_err op_verify(op *o)
{
    const struct hf_verify *in = &o->in.verify;

    o->payload[o->n_payload++] = in->payload;
    op_begin_work(o);
    hf_err e = hf_key_verify_context(cache_key(o->loaded), (hf_scheme)in->scheme, (hf_hash)in->hash, in->prehashed,
                                     in->context, in->payload, in->signature);
    op_end_work(o);
    if (e != HF_ERR_BAD_SIGNATURE)
        HF_TRY(op_signature_refused(o, e, in->payload.len));
    o->audit_detail = hf_view_str(e == HF_OK ? "valid" : "not valid");
    struct hf_verified m = { .valid = e == HF_OK, .version = o->version };
    return hf_verified_encode(&m, &o->reply);
}
