/* The keys that come from the root key: HKDF-SHA-512 (RFC 5869), one key a purpose. */
#ifndef HF_RECORDS_ROOT_KEYS_H
#define HF_RECORDS_ROOT_KEYS_H

#include "base/buf.h"
#include <holdfast/secret.h>

#define HF_ROOT_KEY_BYTES 64

typedef enum hf_purpose {
    HF_PURPOSE_RECORD_MAC,   /* 48 bytes: outer HMAC-SHA-384 of KEY, VERSION, WRAP, REVOCATION */
    HF_PURPOSE_EPOCH_WRAP,   /* 32: AES-256-GCM around epoch keys */
    HF_PURPOSE_EPOCH_MAC,    /* 48: outer HMAC-SHA-384 of the epoch file */
    HF_PURPOSE_MANIFEST_MAC, /* 48: outer HMAC-SHA-384 of the manifest */
    HF_PURPOSE_SET_HASH,     /* 32: set hash of the rows */
    HF_PURPOSE_KEYSET_MAC,   /* 32: HMAC-SHA-256 of keysets */
    HF_PURPOSE_AUDIT_MAC,    /* 32: tags of audit entries, HMAC of segment heads */
    HF_PURPOSE_AUDIT_SIGN,   /* 32: Ed25519 seed that signs segment heads */
    HF_PURPOSE_PAYLOAD_HMAC, /* 32: HMACs of payloads in the audit */
    HF_PURPOSE_ANCHOR_MAC,   /* 48: outer HMAC-SHA-384 of the anchor */
    HF_PURPOSE_COUNT
} hf_purpose;

/* Does not contain the root key; each purpose lies in its own locked secret. */
typedef struct hf_root_keys hf_root_keys;

/* Does: derives every purpose. root has exactly HF_ROOT_KEY_BYTES: HF_ERR_BOUNDS. Owns: caller frees *ret. */
hf_err hf_root_keys_derive(const hf_secret *root, hf_root_keys **ret) HF_MUST_USE;
/* Wipes and frees; NULL is fine. */
void hf_root_keys_free(hf_root_keys *keys);
void hf_root_keys_freep(hf_root_keys **keys); /* for HF_AUTO */

/* Borrows the locked key of a purpose, for hf_hmac and hf_gcm_*. An empty view for a purpose that does not exist. */
hf_view hf_root_key(const hf_root_keys *keys, hf_purpose purpose);
/* The same as a secret, for hf_key_load_private(HF_ALG_ED25519, ...). NULL for a purpose that does not exist. */
const hf_secret *hf_root_key_secret(const hf_root_keys *keys, hf_purpose purpose);

#endif
