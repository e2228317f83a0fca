#include "core/op.h"

#include "crypto/crypto.h"
#include "records/ciphertext.h"
#include <stdlib.h>
#include <string.h>

/*
 * Nonces are 96 random bits for each encryption (SP 800-38D, 8.2.2), so one key version may make at most 2^32. The
 * count is kept in leases of 2^16 in the KEY record: a restart forgets at most one lease, and never undercounts.
 */
#define LEASE (UINT64_C(1) << 16)
#define INVOCATIONS_MAX (UINT64_C(1) << 32)

static hf_err take_lease(op *o)
{
    struct hf_key_record *rec;
    bool waits;
    core *c = o->core;

    /* The request itself waits in the queue of changes and runs again when the lease is stored. */
    HF_TRY(op_wait_for_key(o, &waits));
    if (waits)
        return HF_OK;
    change *ch;
    HF_TRY(change_new(c, &ch));
    ch->alone = false;
    ch->apply = op_apply_record;
    hf_err e = index_record(c, o->entry, &rec);
    if (e == HF_OK) {
        struct hf_key_version *v = hf_key_record_find(rec, o->version);
        v->nonce_lease += LEASE;
        rec->generation++;
        e = op_put_record(o, ch, rec, o->entry);
    }
    if (e == HF_OK)
        e = request_park(c, o->request, &c->waiting_changes);
    if (e != HF_OK) {
        change_free(ch);
        return e;
    }
    o->waits = true;
    commit_submit(c, ch);
    return HF_OK;
}

hf_err op_count_encryption(op *o)
{
    key_entry *e = o->entry;

    if (e->uses >= INVOCATIONS_MAX)
        return op_fails(o, HF_ERR_WRONG_STATE,
                        "this version has made 2^32 encryptions, the most that random nonces allow: rotate the key");
    if (e->uses >= e->uses_lease)
        return take_lease(o);
    e->uses++;
    return HF_OK;
}

hf_err op_seal_with(op *o, const hf_key *key, uint32_t version, hf_view associated_data, hf_view plain,
                    uint8_t nonce[static HF_GCM_NONCE_BYTES], uint8_t *dst)
{
    hf_view aad[2] = { { dst, HF_CIPHERTEXT_PREFIX_BYTES }, associated_data };

    HF_TRY(hf_ciphertext_prefix(o->entry->alg, version, dst));
    HF_TRY(hf_random(nonce, HF_GCM_NONCE_BYTES));
    return hf_key_seal(key, nonce, aad, 2, plain, dst + HF_CIPHERTEXT_PREFIX_BYTES);
}

hf_err op_encrypt(op *o)
{
    const struct hf_encrypt *in = &o->in.encrypt;
    struct hf_encrypted m = { .version = o->version };

    o->payload[o->n_payload++] = in->plaintext;
    HF_TRY(op_count_encryption(o));
    if (o->waits)
        return HF_OK;
    size_t len = in->plaintext.len + HF_CIPHERTEXT_OVERHEAD;
    uint8_t *out = malloc(len);
    HF_CHECK(out != NULL, HF_ERR_OVERLOADED);
    op_begin_work(o);
    hf_err e = op_seal_with(o, cache_key(o->loaded), o->version, in->associated_data, in->plaintext, m.nonce, out);
    op_end_work(o);
    m.ciphertext = (hf_view) { out, len };
    if (e == HF_OK)
        e = hf_encrypted_encode(&m, &o->reply);
    free(out);
    return e;
}
