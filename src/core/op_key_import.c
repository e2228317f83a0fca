/*
 * Keys that come from outside: a public key alone (form 1), or material wrapped to an import key of this HSM (form 2;
 * see records/envelope.h). What was wrapped is opened and checked by the slow worker.
 */
#include "core/op.h"

#include "crypto/crypto.h"

enum { FORM_PUBLIC = 1, FORM_WRAPPED = 2 };

static struct new_key wanted(const struct hf_key_import *in, hf_alg alg, hf_origin origin)
{
    return (struct new_key) {
        .name = in->name,
        .description = in->description,
        .tags = in->tags,
        .alg = alg,
        .usage = in->usage,
        .origin = origin,
    };
}

static hf_err add_key(op *o, const struct new_key *key, const hf_secret *material, hf_key **loaded)
{
    struct version_material given = { material, loaded };
    bool waits;

    HF_TRY(op_new_key_check(o, key)); /* again: the lock was given away */
    HF_TRY(op_key_change_start(o, key->name, &waits));
    return waits ? HF_OK : op_new_key(o, key, &given);
}

/* ---- a public key alone ---- */

static hf_err load_public(op *o, hf_alg alg, hf_key **ret)
{
    const struct hf_key_import *in = &o->in.key_import;

    op_begin_work(o);
    hf_err e = alg == HF_ALG_NONE ? hf_key_load_any_public(in->public, ret) : hf_key_load_public(alg, in->public, ret);
    op_end_work(o);
    HF_CHECK(e == HF_OK || (e != HF_ERR_BAD_KEY && e != HF_ERR_UNSUPPORTED),
             op_fails(o, HF_ERR_BAD_KEY,
                      "this is not an acceptable public key%s: SubjectPublicKeyInfo in DER, of an algorithm that is "
                      "offered, is needed",
                      alg != HF_ALG_NONE ? " of the given algorithm" : ""));
    return e;
}

static void key_freep(hf_key **key)
{
    hf_key_free(*key);
}

static hf_err import_public(op *o)
{
    const struct hf_key_import *in = &o->in.key_import;
    HF_AUTO(key_freep) hf_key *key = NULL;
    HF_AUTO(hf_secret_freep) hf_secret *material = NULL;

    o->payload[o->n_payload++] = in->public;
    HF_TRY(load_public(o, (hf_alg)in->algorithm, &key));
    HF_CHECK(o->core->state == CORE_OPEN, HF_ERR_SEALED);
    struct new_key new_key = wanted(in, hf_key_alg(key), HF_ORIGIN_PUBLIC);
    HF_TRY(hf_secret_copy(in->public.ptr, in->public.len, &material));
    return add_key(o, &new_key, material, &key);
}

/* ---- wrapped material ---- */

static hf_err find_import_key(op *o, key_entry **ret)
{
    key_entry *e = index_find(o->core->index, o->in.key_import.wrapping_key);

    HF_CHECK(e != NULL, op_fails(o, HF_ERR_NOT_FOUND, "there is no such import key"));
    if (e->usage != HF_USE_IMPORT)
        return op_fails(o, HF_ERR_WRONG_USAGE, "the wrapping key is not an import key: its usage must be 'import'");
    if (e->state != HF_STATE_ACTIVE)
        return op_fails(o, HF_ERR_WRONG_STATE, "the import key is %s", hf_key_state_name(e->state));
    *ret = e;
    return HF_OK;
}

/* The version of the import key that the material was wrapped to; held, or o->waits. */
static hf_err hold_import_key(op *o, cached_key **ret)
{
    const struct hf_key_import *in = &o->in.key_import;
    core *c = o->core;
    key_entry *e;

    HF_TRY(find_import_key(o, &e));
    uint32_t version = in->wrapping_version != 0 ? in->wrapping_version : e->version;
    *ret = cache_hold(c->cache, e->id, version);
    if (*ret != NULL)
        return HF_OK;
    hf_err err = loading_start(c, o->request, e, version);
    if (err == HF_ERR_NOT_FOUND)
        return op_fails(o, err, "the import key has no version %u", version);
    HF_TRY(err);
    o->waits = true;
    return HF_OK;
}

/* What is known before anything is opened. Whether the usages fit shows when the algorithm is known. */
static hf_err check_wrapped(op *o)
{
    const struct hf_key_import *in = &o->in.key_import;
    hf_alg alg = (hf_alg)in->algorithm;

    if (alg == HF_ALG_NONE && index_by_name(o->core->index, in->name) != NULL)
        return op_fails(o, HF_ERR_EXISTS, "a key with this name exists; names stay taken after destruction");
    if (alg == HF_ALG_NONE)
        return HF_OK;
    struct new_key key = wanted(in, alg, HF_ORIGIN_IMPORTED);
    return op_new_key_check(o, &key);
}

static hf_err failed(op *o, hf_err e)
{
    if (e == HF_ERR_BAD_CIPHERTEXT)
        return op_fails(o, e, "the wrapped key cannot be opened with this import key");
    if (e == HF_ERR_BAD_KEY || e == HF_ERR_UNSUPPORTED)
        return op_fails(o, e,
                        "what was wrapped is not an acceptable key: PKCS #8 in DER of the given algorithm, or for a "
                        "symmetric key, whose "
                        "algorithm must be given, its bytes alone");
    return e;
}

static hf_err import_wrapped(op *o)
{
    const struct hf_key_import *in = &o->in.key_import;
    struct slow_result *opened = slow_result(o->request);
    cached_key *import;
    key_entry *still;

    o->payload[o->n_payload++] = in->wrapped;
    if (opened == NULL) {
        HF_TRY(check_wrapped(o));
        HF_TRY(hold_import_key(o, &import));
        if (o->waits)
            return HF_OK;
        hf_err e = slow_import(o, (hf_alg)in->algorithm, import, in->wrapped);
        if (e != HF_OK)
            cache_release(o->core, import);
        return e;
    }
    HF_TRY(find_import_key(o, &still)); /* it may have been revoked or destroyed while this one waited */
    HF_CHECK(opened->error == HF_OK, failed(o, opened->error));
    struct new_key key = wanted(in, opened->alg, HF_ORIGIN_IMPORTED);
    return add_key(o, &key, opened->material, &opened->key);
}

hf_err op_key_import(op *o)
{
    o->audit_detail = o->in.key_import.name;
    switch (o->in.key_import.form) {
    case FORM_PUBLIC:
        return import_public(o);
    case FORM_WRAPPED:
        return import_wrapped(o);
    default:
        return op_fails(o, HF_ERR_INVALID, "the form of an import is 1 (a public key alone) or 2 (wrapped)");
    }
}
