/* list, show, versions, public: what can be known about keys without using them. */
#include "core/op.h"

#include "crypto/crypto.h"
#include <stdlib.h>

#define PER_PAGE_MAX 1000u
#define PAGE_BYTES 1000000u

/* Every wanted tag is among the key's. Tags are u16-length-prefixed texts. */
static bool has_tags(hf_view wanted, hf_view have)
{
    hf_reader w = hf_reader_of(wanted);

    while (w.left.len > 0 && !w.failed) {
        hf_view tag = hf_get_view16(&w);
        hf_reader h = hf_reader_of(have);
        bool found = false;
        while (!found && h.left.len > 0 && !h.failed)
            found = hf_view_eq(hf_get_view16(&h), tag);
        if (!found)
            return false;
    }
    return !w.failed;
}

static bool matches(core *c, const key_entry *e, const struct hf_key_list *in)
{
    struct hf_key_record *rec;

    if ((in->algorithm != 0 && e->alg != in->algorithm) || (in->state != 0 && e->state != in->state))
        return false;
    return in->tags.len == 0 || (index_record(c, e, &rec) == HF_OK && has_tags(in->tags, rec->tags));
}

hf_err op_key_list(op *o)
{
    const struct hf_key_list *in = &o->in.key_list;
    core *c = o->core;
    uint32_t per_page = in->per_page == 0 ? 50 : in->per_page, page = in->page == 0 ? 1 : in->page;
    uint64_t first = (uint64_t)(page - 1) * per_page, total = 0;

    if (per_page > PER_PAGE_MAX)
        return op_fails(o, HF_ERR_BOUNDS, "per_page is at most %u", PER_PAGE_MAX);
    uint8_t *bytes = malloc(PAGE_BYTES);
    HF_CHECK(bytes != NULL, HF_ERR_OVERLOADED);
    hf_writer items = hf_writer_on(bytes, PAGE_BYTES);
    hf_err e = HF_OK;
    for (size_t i = index_count(c->index); i > 0 && e == HF_OK; i--) { /* newest first */
        const key_entry *entry = index_at(c->index, i - 1);
        if (!matches(c, entry, in))
            continue;
        if (total >= first && total < first + per_page)
            e = op_put_key_info(c, entry, &items);
        total++;
    }
    struct hf_keys m = { .total = total,
                         .page = page,
                         .per_page = per_page,
                         .has_more = total > first + per_page,
                         .items = hf_writer_view(&items) };
    if (e == HF_OK)
        e = hf_keys_encode(&m, &o->reply);
    else if (e == HF_ERR_BOUNDS)
        e = op_fails(o, HF_ERR_TOO_LARGE, "this page is too large for one answer; ask for fewer keys per page");
    free(bytes);
    return e;
}

hf_err op_key_show(op *o)
{
    return op_reply_key(o, o->entry, &o->reply);
}

hf_err op_key_versions(op *o)
{
    struct hf_key_record *rec;
    static uint8_t bytes[HF_KEY_VERSIONS_MAX * 32];
    hf_writer items = hf_writer_on(bytes, sizeof(bytes));

    HF_TRY(index_record(o->core, o->entry, &rec));
    for (uint32_t i = 0; i < rec->n_versions; i++) {
        const struct hf_key_version *v = &rec->versions[i];
        bool erased = v->state == HF_STATE_DESTROYED && v->destroy_epoch < o->core->epochs.current.epoch;
        struct hf_version_info info = {
            .version = v->version,
            .state = (uint8_t)v->state,
            .created_ns = v->created.ns,
            .destruction = v->state != HF_STATE_DESTROYED ? 0
                           : erased                       ? 2
                                                          : 1,
        };
        HF_TRY(hf_version_info_encode(&info, &items));
    }
    struct hf_versions m = { .items = hf_writer_view(&items) };
    return hf_versions_encode(&m, &o->reply);
}

hf_err op_key_public(op *o)
{
    uint8_t der[HF_SPKI_MAX_BYTES];
    size_t len;

    if (o->entry->alg == HF_ALG_AES_256_GCM)
        return op_fails(o, HF_ERR_UNSUPPORTED, "a symmetric key has no public key");
    HF_TRY(hf_key_public_der(cache_key(o->loaded), der, sizeof(der), &len));
    struct hf_public m = { .algorithm = (uint16_t)o->entry->alg, .version = o->version, .spki = { der, len } };
    return hf_public_encode(&m, &o->reply);
}
