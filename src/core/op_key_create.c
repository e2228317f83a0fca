#include "core/op.h"

hf_err op_key_create(op *o)
{
    const struct hf_key_create *in = &o->in.key_create;
    struct new_key key = {
        .name = in->name,
        .description = in->description,
        .tags = in->tags,
        .alg = (hf_alg)in->algorithm,
        .usage = in->usage,
        .origin = HF_ORIGIN_GENERATED,
    };
    struct slow_result *made = slow_result(o->request);
    bool waits;

    HF_TRY(op_new_key_check(o, &key));
    if (hf_alg_slow(key.alg) && made == NULL)
        return slow_generate(o, key.alg);
    if (made != NULL)
        HF_TRY(made->error);
    HF_TRY(op_key_change_start(o, key.name, &waits));
    if (waits)
        return HF_OK;
    if (made == NULL)
        return op_new_key(o, &key, NULL);
    struct version_material given = { made->material, &made->key };
    return op_new_key(o, &key, &given);
}
