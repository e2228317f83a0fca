#include "records/key_record.h"

#include "base/text.h"
#include "records/attributes.h"
#include "records/sealed.h"
#include <string.h>

/* Encryptions under one version, after which rotation is forced (SP 800-38D, random 96-bit nonces). */
#define NONCE_LEASE_MAX (UINT64_C(1) << 32)
#define VERSION_BYTES (4 + 1 + 8 + 8 + 8 + 4 + 8 + HF_RECORD_MAC_BYTES)

_Static_assert(2 + HF_ROW_ID_BYTES + 8 + 2 + 4 + 8 + 1 + 6 * 2 + HF_KEY_NAME_MAX + HF_KEY_ACTOR_MAX +
                       HF_KEY_DESCRIPTION_MAX + HF_KEY_TAGS_MAX + HF_KEY_POLICY_MAX + HF_KEY_ATTRIBUTES_MAX + 4 +
                       HF_KEY_VERSIONS_MAX * VERSION_BYTES + HF_RECORD_MAC_BYTES <=
                   HF_KEY_RECORD_MAX_BYTES,
               "the largest key record must fit its bound");

/* All of a record but its versions: small enough for a stack, so that a failed decode touches no output. */
struct fields {
    uint8_t id[HF_ROW_ID_BYTES];
    uint64_t generation;
    hf_alg alg;
    uint32_t usage;
    hf_wall created;
    hf_origin origin;
    hf_view name, created_by, description, tags, policy, attributes;
    uint32_t n_versions;
};

static struct fields fields_of(const struct hf_key_record *rec)
{
    struct fields f = { .generation = rec->generation,
                        .alg = rec->alg,
                        .usage = rec->usage,
                        .created = rec->created,
                        .origin = rec->origin,
                        .name = rec->name,
                        .created_by = rec->created_by,
                        .description = rec->description,
                        .tags = rec->tags,
                        .policy = rec->policy,
                        .attributes = rec->attributes,
                        .n_versions = rec->n_versions };
    memcpy(f.id, rec->id, sizeof(f.id));
    return f;
}

static void fields_into(const struct fields *f, struct hf_key_record *rec)
{
    memcpy(rec->id, f->id, sizeof(rec->id));
    rec->generation = f->generation;
    rec->alg = f->alg;
    rec->usage = f->usage;
    rec->created = f->created;
    rec->origin = f->origin;
    rec->name = f->name;
    rec->created_by = f->created_by;
    rec->description = f->description;
    rec->tags = f->tags;
    rec->policy = f->policy;
    rec->attributes = f->attributes;
    rec->n_versions = f->n_versions;
}

static bool text_in(hf_view text, size_t max)
{
    return text.len <= max && hf_text_ok(text);
}

uint32_t hf_key_usages_possible(hf_alg alg, hf_origin origin)
{
    if (origin != HF_ORIGIN_PUBLIC)
        return hf_alg_usages(alg);
    return hf_alg_symmetric(alg) ? 0 : hf_alg_usages(alg) & (HF_USE_VERIFY | HF_USE_ENCAPSULATE);
}

/* Whoever may import through a key learns nothing by it, so the key may do nothing else: no decryption oracle. */
static bool usage_ok(const struct fields *f)
{
    if (f->usage == 0 || (f->usage & ~hf_key_usages_possible(f->alg, f->origin)) != 0)
        return false;
    return (f->usage & HF_USE_IMPORT) == 0 || f->usage == HF_USE_IMPORT;
}

static bool fields_ok(const struct fields *f)
{
    if (f->generation == 0 || hf_alg_name(f->alg) == NULL || hf_origin_name(f->origin) == NULL || !usage_ok(f))
        return false;
    if (f->name.len > HF_KEY_NAME_MAX || !hf_name_ok(f->name))
        return false;
    if (f->created_by.len == 0 || !text_in(f->created_by, HF_KEY_ACTOR_MAX) ||
        !text_in(f->description, HF_KEY_DESCRIPTION_MAX))
        return false;
    if (f->tags.len > HF_KEY_TAGS_MAX || f->policy.len > HF_KEY_POLICY_MAX || !hf_attributes_valid(f->attributes))
        return false;
    return f->n_versions >= 1 && f->n_versions <= HF_KEY_VERSIONS_MAX;
}

static bool all_zero(const uint8_t *p, size_t n)
{
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++)
        any |= p[i];
    return any == 0;
}

/* Times and MAC must fit the state: a live version has material and no end, a destroyed one the reverse. */
static bool state_ok(const struct hf_key_version *v)
{
    const bool destroyed = v->state == HF_STATE_DESTROYED;
    if ((v->destroyed.ns != 0) != destroyed || (v->destroy_epoch != 0) != destroyed)
        return false;
    if (all_zero(v->mac, sizeof(v->mac)) != destroyed)
        return false;
    switch (v->state) {
    case HF_STATE_STAGED:
    case HF_STATE_ACTIVE:
        return v->revoked.ns == 0;
    case HF_STATE_REVOKED:
    case HF_STATE_PURGE_SCHEDULED:
        return v->revoked.ns != 0;
    case HF_STATE_DESTROYED:
        return true;
    case HF_STATE_NONE:
        return false;
    }
    return false;
}

/* What the versions before one have told. */
struct scan {
    uint32_t last;
    bool active;
};

static bool version_ok(const struct hf_key_version *v, struct scan *scan)
{
    if (v->version <= scan->last || v->nonce_lease > NONCE_LEASE_MAX || !state_ok(v))
        return false;
    if (v->state == HF_STATE_ACTIVE && scan->active)
        return false;
    scan->last = v->version;
    scan->active = scan->active || v->state == HF_STATE_ACTIVE;
    return true;
}

bool hf_key_record_valid(const struct hf_key_record *rec)
{
    const struct fields f = fields_of(rec);
    if (!fields_ok(&f))
        return false;
    struct scan scan = { 0 };
    for (uint32_t i = 0; i < rec->n_versions; i++) {
        if (!version_ok(&rec->versions[i], &scan))
            return false;
    }
    return true;
}

static void put_fields(hf_writer *w, const struct fields *f)
{
    hf_put_bytes(w, f->id, sizeof(f->id));
    hf_put_u64(w, f->generation);
    hf_put_u16(w, (uint16_t)f->alg);
    hf_put_u32(w, f->usage);
    hf_put_u64(w, (uint64_t)f->created.ns);
    hf_put_u8(w, (uint8_t)f->origin);
    hf_put_view16(w, f->name);
    hf_put_view16(w, f->created_by);
    hf_put_view16(w, f->description);
    hf_put_view16(w, f->tags);
    hf_put_view16(w, f->policy);
    hf_put_view16(w, f->attributes);
    hf_put_u32(w, f->n_versions);
}

static struct fields get_fields(hf_reader *r, uint8_t format)
{
    struct fields f = { 0 };
    hf_get_bytes(r, f.id, sizeof(f.id));
    f.generation = hf_get_u64(r);
    f.alg = (hf_alg)hf_get_u16(r);
    f.usage = hf_get_u32(r);
    f.created.ns = (int64_t)hf_get_u64(r);
    f.origin = format >= 2 ? (hf_origin)hf_get_u8(r) : HF_ORIGIN_GENERATED;
    f.name = hf_get_view16(r);
    f.created_by = hf_get_view16(r);
    f.description = hf_get_view16(r);
    f.tags = hf_get_view16(r);
    f.policy = hf_get_view16(r);
    f.attributes = hf_get_view16(r);
    f.n_versions = hf_get_u32(r);
    return f;
}

static void put_version(hf_writer *w, const struct hf_key_version *v)
{
    hf_put_u32(w, v->version);
    hf_put_u8(w, (uint8_t)v->state);
    hf_put_u64(w, (uint64_t)v->created.ns);
    hf_put_u64(w, (uint64_t)v->revoked.ns);
    hf_put_u64(w, (uint64_t)v->destroyed.ns);
    hf_put_u32(w, v->destroy_epoch);
    hf_put_u64(w, v->nonce_lease);
    hf_put_bytes(w, v->mac, sizeof(v->mac));
}

static struct hf_key_version get_version(hf_reader *r)
{
    struct hf_key_version v = { 0 };
    v.version = hf_get_u32(r);
    v.state = (hf_key_state)hf_get_u8(r);
    v.created.ns = (int64_t)hf_get_u64(r);
    v.revoked.ns = (int64_t)hf_get_u64(r);
    v.destroyed.ns = (int64_t)hf_get_u64(r);
    v.destroy_epoch = hf_get_u32(r);
    v.nonce_lease = hf_get_u64(r);
    hf_get_bytes(r, v.mac, sizeof(v.mac));
    return v;
}

hf_err hf_key_record_encode(const hf_root_keys *keys, const struct hf_key_record *rec, uint8_t *dst, size_t cap,
                            size_t *ret_len, uint8_t ret_mac[static HF_RECORD_MAC_BYTES])
{
    HF_CHECK(hf_key_record_valid(rec), HF_ERR_INVALID);
    const struct fields f = fields_of(rec);
    hf_writer w = hf_writer_on(dst, cap);
    hf_blob_begin(&w, HF_ROW_KEY);
    put_fields(&w, &f);
    for (uint32_t i = 0; i < rec->n_versions; i++)
        put_version(&w, &rec->versions[i]);
    HF_TRY(hf_blob_end(&w, hf_root_key(keys, HF_PURPOSE_RECORD_MAC), ret_mac));
    *ret_len = w.len;
    return HF_OK;
}

static bool versions_ok(hf_reader r, uint32_t n)
{
    struct scan scan = { 0 };
    for (uint32_t i = 0; i < n; i++) {
        const struct hf_key_version v = get_version(&r);
        if (r.failed || !version_ok(&v, &scan))
            return false;
    }
    return hf_reader_done(&r) == HF_OK;
}

/* What lies between kind and MAC; touches *ret only when all of it is right. */
static hf_err read_inside(hf_reader r, uint8_t format, const uint8_t *expect_id, struct hf_key_record *ret)
{
    const struct fields f = get_fields(&r, format);
    HF_CHECK(!r.failed && fields_ok(&f), HF_ERR_INTEGRITY);
    HF_CHECK(expect_id == NULL || hf_ct_equal(f.id, expect_id, sizeof(f.id)), HF_ERR_INTEGRITY);
    HF_CHECK(versions_ok(r, f.n_versions), HF_ERR_INTEGRITY);

    fields_into(&f, ret);
    for (uint32_t i = 0; i < f.n_versions; i++)
        ret->versions[i] = get_version(&r);
    return HF_OK;
}

hf_err hf_key_record_decode(const hf_root_keys *keys, hf_view blob, const uint8_t expect_id[static HF_ROW_ID_BYTES],
                            const uint8_t *expect_mac, struct hf_key_record *ret)
{
    hf_reader r;
    HF_CHECK(blob.len <= HF_KEY_RECORD_MAX_BYTES, HF_ERR_INTEGRITY);
    HF_TRY(hf_blob_open(blob, HF_ROW_KEY, hf_root_key(keys, HF_PURPOSE_RECORD_MAC), expect_mac, &r));
    return read_inside(r, blob.ptr[0], expect_id, ret);
}

hf_err hf_key_record_read(hf_view blob, struct hf_key_record *ret)
{
    hf_reader r;
    HF_CHECK(blob.len <= HF_KEY_RECORD_MAX_BYTES, HF_ERR_INTEGRITY);
    HF_TRY(hf_blob_open_known(blob, HF_ROW_KEY, &r));
    return read_inside(r, blob.ptr[0], NULL, ret);
}
