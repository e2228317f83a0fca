#include "core/op.h"

#include "base/text.h"
#include "crypto/crypto.h"
#include <string.h>

static hf_err check_request(op *o, const struct hf_key_create *in)
{
    uint32_t possible = hf_alg_usages((hf_alg)in->algorithm);

    if (!hf_name_ok(in->name))
        return op_fails(
            o, HF_ERR_INVALID,
            "a key's name is 1 to 64 of A-Z a-z 0-9 . _ -, begins with a letter or digit, and is not a UUID");
    if (possible == 0)
        return op_fails(o, HF_ERR_UNSUPPORTED, "this algorithm is not offered");
    if ((in->usage & ~possible) != 0)
        return op_fails(o, HF_ERR_UNSUPPORTED, "%s cannot be used for all of the wanted usages",
                        hf_alg_name((hf_alg)in->algorithm));
    if (index_by_name(o->core->index, in->name) != NULL)
        return op_fails(o, HF_ERR_EXISTS, "a key with this name exists; names stay taken after destruction");
    return HF_OK;
}

static hf_err random_id(uint8_t dst[static 16])
{
    HF_TRY(hf_random(dst, 16));
    dst[6] = (uint8_t)((dst[6] & 0x0f) | 0x40); /* version 4, variant 10: RFC 9562 section 5.4 */
    dst[8] = (uint8_t)((dst[8] & 0x3f) | 0x80);
    return HF_OK;
}

hf_err op_key_create(op *o)
{
    const struct hf_key_create *in = &o->in.key_create;
    struct hf_key_record *rec = o->core->scratch;
    uint8_t mac[HF_RECORD_MAC_BYTES];
    uint32_t version;
    bool waits;

    HF_TRY(check_request(o, in));
    HF_TRY(op_change_start(o, &waits));
    if (waits)
        return HF_OK;
    memset(rec, 0, sizeof(*rec));
    HF_TRY(random_id(rec->id));
    rec->alg = (hf_alg)in->algorithm;
    rec->usage = in->usage != 0 ? in->usage : hf_alg_usages(rec->alg);
    rec->created = o->now;
    rec->name = in->name;
    rec->created_by = hf_view_str(o->who.subject);
    rec->description = in->description;
    rec->tags = in->tags;
    HF_TRY(op_new_version(o, o->change, rec->id, rec->alg, hf_key_record_next_version(rec), mac));
    HF_TRY(hf_key_record_rotate(rec, o->now, mac, &version));
    HF_TRY(op_put_record(o, o->change, rec, NULL));
    o->change->key_count++;
    o->version = version;
    memcpy(o->audit_id, rec->id, sizeof(o->audit_id));
    o->audit_detail = in->name;
    return HF_OK;
}
