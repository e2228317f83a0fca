/* list, show, versions, public: what can be known about keys without using them. */
#include "core/op.h"

#include "crypto/crypto.h"
#include <stdlib.h>

#define PER_PAGE_MAX 1000u
#define PAGE_BYTES 1000000u

/* Keys of a page that are shown before the lock is given away for a moment. */
#define SHOWN_AT_ONCE 64u

static hf_err put_items(core *c, const uint32_t *at, size_t n, hf_writer *items)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && i % SHOWN_AT_ONCE == 0) {
            core_begin_work(c);
            core_end_work(c);
            HF_CHECK(c->state == CORE_OPEN, HF_ERR_SEALED);
        }
        HF_TRY(op_put_key_info(c, index_at(c->index, at[i]), items));
    }
    return HF_OK;
}

static hf_err put_page(op *o, const struct hf_key_list *in, uint8_t *bytes)
{
    core *c = o->core;
    uint32_t per_page = in->per_page == 0 ? 50 : in->per_page, page = in->page == 0 ? 1 : in->page, at[PER_PAGE_MAX];
    uint64_t first = (uint64_t)(page - 1) * per_page;
    struct key_filter filter = { .alg = in->algorithm, .state = in->state, .tags = in->tags, .search = in->search };
    hf_writer items = hf_writer_on(bytes, PAGE_BYTES);
    size_t n, count = index_count(c->index);

    core_begin_work(c);
    uint64_t total = index_select(c->index, count, &filter, first, at, per_page, &n);
    core_end_work(c);
    HF_CHECK(c->state == CORE_OPEN, HF_ERR_SEALED);
    HF_TRY(put_items(c, at, n, &items));
    struct hf_keys m = { .total = total,
                         .page = page,
                         .per_page = per_page,
                         .has_more = total > first + per_page,
                         .items = hf_writer_view(&items) };
    return hf_keys_encode(&m, &o->reply);
}

/* Newest first. */
hf_err op_key_list(op *o)
{
    const struct hf_key_list *in = &o->in.key_list;

    if (in->per_page > PER_PAGE_MAX)
        return op_fails(o, HF_ERR_BOUNDS, "per_page is at most %u", PER_PAGE_MAX);
    uint8_t *bytes = malloc(PAGE_BYTES);
    HF_CHECK(bytes != NULL, HF_ERR_OVERLOADED);
    hf_err e = put_page(o, in, bytes);
    free(bytes);
    if (e == HF_ERR_BOUNDS)
        return op_fails(o, HF_ERR_TOO_LARGE, "this page is too large for one answer; ask for fewer keys per page");
    return e;
}

hf_err op_key_show(op *o)
{
    struct hf_key_record *rec;

    HF_TRY(index_read(o->core, o->entry, &rec));
    return op_reply_record(o->core, rec, &o->reply);
}

hf_err op_key_versions(op *o)
{
    struct hf_key_record *rec;
    static uint8_t bytes[HF_KEY_VERSIONS_MAX * 32];
    hf_writer items = hf_writer_on(bytes, sizeof(bytes));

    HF_TRY(index_read(o->core, o->entry, &rec));
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

    if (hf_alg_symmetric(o->entry->alg))
        return op_fails(o, HF_ERR_UNSUPPORTED, "a symmetric key has no public key");
    HF_TRY(hf_key_public_der(cache_key(o->loaded), der, sizeof(der), &len));
    struct hf_public m = { .algorithm = (uint16_t)o->entry->alg, .version = o->version, .spki = { der, len } };
    return hf_public_encode(&m, &o->reply);
}
