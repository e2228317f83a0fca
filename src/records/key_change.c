/* Changes of a key record: each is one step that leaves a valid record, or nothing changed. */
#include "records/key_record.h"

#include <string.h>

struct hf_key_version *hf_key_record_find(struct hf_key_record *rec, uint32_t version)
{
    for (uint32_t i = 0; i < rec->n_versions; i++) {
        if (rec->versions[i].version == version)
            return &rec->versions[i];
    }
    return NULL;
}

struct hf_key_version *hf_key_record_active(struct hf_key_record *rec)
{
    for (uint32_t i = rec->n_versions; i > 0; i--) {
        if (rec->versions[i - 1].state == HF_STATE_ACTIVE)
            return &rec->versions[i - 1];
    }
    return NULL;
}

uint32_t hf_key_record_next_version(const struct hf_key_record *rec)
{
    return rec->n_versions == 0 ? 1 : rec->versions[rec->n_versions - 1].version + 1;
}

hf_err hf_key_record_rotate(struct hf_key_record *rec, hf_wall now,
                            const uint8_t version_mac[static HF_RECORD_MAC_BYTES], uint32_t *ret_version)
{
    struct hf_key_version *old = hf_key_record_active(rec);
    const uint32_t number = hf_key_record_next_version(rec);
    HF_CHECK(rec->n_versions < HF_KEY_VERSIONS_MAX && number != 0, HF_ERR_QUOTA);
    HF_CHECK(rec->n_versions == 0 || old != NULL, HF_ERR_WRONG_STATE);
    if (old != NULL) {
        old->state = HF_STATE_REVOKED;
        old->revoked = now;
    }
    struct hf_key_version *fresh = &rec->versions[rec->n_versions++];
    *fresh = (struct hf_key_version) { .version = number, .state = HF_STATE_ACTIVE, .created = now };
    memcpy(fresh->mac, version_mac, sizeof(fresh->mac));
    rec->generation++;
    *ret_version = number;
    return HF_OK;
}

hf_err hf_key_record_revoke(struct hf_key_record *rec, uint32_t version, hf_wall now)
{
    struct hf_key_version *v = hf_key_record_find(rec, version);
    HF_CHECK(v != NULL, HF_ERR_NOT_FOUND);
    HF_CHECK(v->state == HF_STATE_STAGED || v->state == HF_STATE_ACTIVE, HF_ERR_WRONG_STATE);
    v->state = HF_STATE_REVOKED;
    v->revoked = now;
    rec->generation++;
    return HF_OK;
}

hf_err hf_key_record_destroy(struct hf_key_record *rec, uint32_t version, hf_wall now, uint32_t epoch)
{
    struct hf_key_version *v = hf_key_record_find(rec, version);
    HF_CHECK(v != NULL, HF_ERR_NOT_FOUND);
    HF_CHECK(v->state != HF_STATE_DESTROYED, HF_ERR_WRONG_STATE);
    HF_CHECK(epoch != 0, HF_ERR_INVALID);
    v->state = HF_STATE_DESTROYED;
    v->destroyed = now;
    v->destroy_epoch = epoch;
    memset(v->mac, 0, sizeof(v->mac));
    rec->generation++;
    return HF_OK;
}
