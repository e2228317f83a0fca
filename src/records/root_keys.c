#include "records/root_keys.h"

#include "crypto/crypto.h"
#include <stdlib.h>

struct hf_root_keys {
    hf_secret *key[HF_PURPOSE_COUNT];
};

/* Labels are part of the stored format: changing one makes every existing store unreadable. */
static const struct {
    const char *label;
    size_t bytes;
} purposes[HF_PURPOSE_COUNT] = {
    [HF_PURPOSE_RECORD_MAC] = { "holdfast v1 record-mac", 48 },
    [HF_PURPOSE_EPOCH_WRAP] = { "holdfast v1 epoch-wrap", 32 },
    [HF_PURPOSE_EPOCH_MAC] = { "holdfast v1 epoch-mac", 48 },
    [HF_PURPOSE_MANIFEST_MAC] = { "holdfast v1 manifest-mac", 48 },
    [HF_PURPOSE_SET_HASH] = { "holdfast v1 set-hash", 32 },
    [HF_PURPOSE_KEYSET_MAC] = { "holdfast v1 keyset-mac", 32 },
    [HF_PURPOSE_AUDIT_MAC] = { "holdfast v1 audit-mac", 32 },
    [HF_PURPOSE_AUDIT_SIGN] = { "holdfast v1 audit-sign", 32 },
    [HF_PURPOSE_PAYLOAD_HMAC] = { "holdfast v1 payload-hmac", 32 },
    [HF_PURPOSE_ANCHOR_MAC] = { "holdfast v1 anchor-mac", 48 },
};

static hf_err derive_one(const hf_secret *root, hf_purpose purpose, hf_root_keys *keys)
{
    HF_TRY(hf_secret_new(purposes[purpose].bytes, &keys->key[purpose]));
    return hf_hkdf(HF_HASH_SHA512, hf_view_of(hf_secret_read(root), hf_secret_len(root)), hf_view_str(""),
                   hf_view_str(purposes[purpose].label), hf_secret_bytes(keys->key[purpose]), purposes[purpose].bytes);
}

hf_err hf_root_keys_derive(const hf_secret *root, hf_root_keys **ret)
{
    HF_CHECK(root != NULL && hf_secret_len(root) == HF_ROOT_KEY_BYTES, HF_ERR_BOUNDS);
    /* Holds pointers only: the keys themselves are in locked memory. */
    HF_AUTO(hf_root_keys_freep) hf_root_keys *keys = calloc(1, sizeof(*keys));
    HF_CHECK(keys != NULL, HF_ERR_SYSTEM);
    for (int p = 0; p < HF_PURPOSE_COUNT; p++)
        HF_TRY(derive_one(root, (hf_purpose)p, keys));
    *ret = keys;
    keys = NULL;
    return HF_OK;
}

void hf_root_keys_free(hf_root_keys *keys)
{
    if (keys == NULL)
        return;
    for (size_t p = 0; p < HF_PURPOSE_COUNT; p++)
        hf_secret_free(keys->key[p]);
    free(keys);
}

void hf_root_keys_freep(hf_root_keys **keys)
{
    hf_root_keys_free(*keys);
    *keys = NULL;
}

const hf_secret *hf_root_key_secret(const hf_root_keys *keys, hf_purpose purpose)
{
    return (unsigned)purpose < HF_PURPOSE_COUNT ? keys->key[purpose] : NULL;
}

hf_view hf_root_key(const hf_root_keys *keys, hf_purpose purpose)
{
    const hf_secret *key = hf_root_key_secret(keys, purpose);
    return key == NULL ? hf_view_of(NULL, 0) : hf_view_of(hf_secret_read(key), hf_secret_len(key));
}
