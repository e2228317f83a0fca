#include "core/op.h"

#include "crypto/crypto.h"
#include "records/ciphertext.h"
#include <stdlib.h>
#include <string.h>

/* Every cause of failure reads the same, as in decrypt. */
static hf_err refuse(op *o)
{
    return op_fails(o, HF_ERR_BAD_CIPHERTEXT, "%s", hf_err_text(HF_ERR_BAD_CIPHERTEXT));
}

/* The material of the version that the ciphertext names; o->loaded is that of the active one. */
static hf_err hold_old(op *o, uint32_t version, cached_key **ret)
{
    *ret = cache_hold(o->core->cache, o->entry->id, version);
    if (*ret != NULL)
        return HF_OK;
    hf_err e = loading_start(o->core, o->request, o->entry, version);
    if (e == HF_ERR_NOT_FOUND)
        return refuse(o);
    HF_TRY(e);
    o->waits = true;
    return HF_OK;
}

/* Without the lock. The plaintext is nobody's to see: it lies here alone, and is wiped. */
static hf_err open_and_seal(op *o, const hf_key *old, const struct hf_ciphertext *ct, uint8_t *plain, uint8_t *out,
                            uint8_t nonce[static HF_GCM_NONCE_BYTES])
{
    const struct hf_rewrap *in = &o->in.rewrap;
    size_t len = ct->sealed.len - HF_CIPHERTEXT_TAG_BYTES;
    hf_view aad[2] = { ct->prefix, in->associated_data };

    HF_TRY(hf_key_open(old, in->nonce.ptr, aad, 2, ct->sealed, plain));
    return op_seal_with(o, cache_key(o->loaded), o->version, in->associated_data, hf_view_of(plain, len), nonce, out);
}

static hf_err rewrap(op *o, cached_key *old, const struct hf_ciphertext *ct)
{
    size_t len = ct->sealed.len - HF_CIPHERTEXT_TAG_BYTES;
    struct hf_encrypted m = { .version = o->version };
    uint8_t *plain = calloc(1, len + 1), *out = calloc(1, len + HF_CIPHERTEXT_OVERHEAD);
    hf_err e = plain != NULL && out != NULL ? HF_OK : HF_ERR_OVERLOADED;

    if (e == HF_OK) {
        op_begin_work(o);
        e = open_and_seal(o, cache_key(old), ct, plain, out, m.nonce);
        explicit_bzero(plain, len);
        op_end_work(o);
    }
    m.ciphertext = (hf_view) { out, len + HF_CIPHERTEXT_OVERHEAD };
    if (e == HF_OK)
        e = hf_encrypted_encode(&m, &o->reply);
    free(plain);
    free(out);
    return e == HF_ERR_BAD_CIPHERTEXT ? refuse(o) : e;
}

hf_err op_rewrap(op *o)
{
    const struct hf_rewrap *in = &o->in.rewrap;
    struct hf_ciphertext ct;
    cached_key *old;

    o->payload[o->n_payload++] = in->ciphertext;
    if ((o->entry->usage & HF_USE_DECRYPT) == 0)
        return op_fails(o, HF_ERR_WRONG_USAGE, "the key's usage does not include decrypt, which rewrapping needs too");
    if (in->nonce.len != HF_GCM_NONCE_BYTES || hf_ciphertext_parse(in->ciphertext, &ct) != HF_OK ||
        ct.alg != o->entry->alg)
        return refuse(o);
    HF_TRY(hold_old(o, ct.version, &old));
    if (o->waits)
        return HF_OK;
    hf_err e = op_count_encryption(o);
    if (e == HF_OK && !o->waits)
        e = rewrap(o, old, &ct);
    cache_release(o->core, old);
    return e;
}
