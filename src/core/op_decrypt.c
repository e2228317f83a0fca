#include "core/op.h"

#include "crypto/crypto.h"
#include "records/ciphertext.h"
#include <stdlib.h>
#include <string.h>

/* Which version opens it stands in the ciphertext; every cause of failure reads the same. */
static hf_err refuse(op *o)
{
    return op_fails(o, HF_ERR_BAD_CIPHERTEXT, "%s", hf_err_text(HF_ERR_BAD_CIPHERTEXT));
}

hf_err op_decrypt(op *o)
{
    const struct hf_decrypt *in = &o->in.decrypt;
    struct hf_ciphertext ct;

    o->payload[o->n_payload++] = in->ciphertext;
    if (in->nonce.len != HF_GCM_NONCE_BYTES || hf_ciphertext_parse(in->ciphertext, &ct) != HF_OK ||
        ct.alg != o->entry->alg)
        return refuse(o);
    o->version = ct.version;
    hf_err e = op_load(o);
    if (e == HF_ERR_NOT_FOUND)
        return refuse(o);
    HF_TRY(e);
    if (o->waits)
        return HF_OK;
    size_t len = ct.sealed.len - HF_CIPHERTEXT_TAG_BYTES;
    uint8_t *plain = malloc(len == 0 ? 1 : len);
    HF_CHECK(plain != NULL, HF_ERR_OVERLOADED);
    hf_view aad[2] = { ct.prefix, in->associated_data };
    op_begin_work(o);
    e = hf_key_open(cache_key(o->loaded), in->nonce.ptr, aad, 2, ct.sealed, plain);
    op_end_work(o);
    struct hf_decrypted m = { .version = o->version, .plaintext = { plain, len } };
    if (e == HF_OK)
        e = hf_decrypted_encode(&m, &o->reply);
    explicit_bzero(plain, len);
    free(plain);
    return e == HF_ERR_BAD_CIPHERTEXT ? refuse(o) : e;
}
