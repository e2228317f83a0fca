/* What the tests of the audit share: keys, and chains of records. */
#ifndef HF_TEST_AUDIT_FIXTURE_H
#define HF_TEST_AUDIT_FIXTURE_H

#include "audit/segment.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* After what it needs. */
#include <cmocka.h>

static const uint8_t mac_key_bytes[32] = { 9, 8, 7 };
static hf_key *sign_key, *public_key, *other_key;
/* Set before set_up by tests that fork: locked memory does not pass to a child. */
static bool crypto_on_heap;

__attribute__((unused)) static hf_view mac_key(void)
{
    return hf_view_of(mac_key_bytes, sizeof(mac_key_bytes));
}

static hf_key *key_from(uint8_t first)
{
    hf_secret *seed = NULL;
    hf_key *key = NULL;
    if (hf_secret_new(32, &seed) == HF_OK) {
        memset(hf_secret_bytes(seed), first, 32);
        if (hf_key_load_private(HF_ALG_ED25519, seed, &key) != HF_OK)
            key = NULL;
    }
    hf_secret_free(seed);
    return key;
}

static int set_up(void **state)
{
    (void)state;
    hf_arena *arena = NULL;
    const char *why = NULL;
    uint8_t der[HF_SPKI_MAX_BYTES];
    size_t len;
    const hf_arena_spec spec = { .bytes = 4u << 20, .weakest = HF_BACKING_MALLOC };
    if (hf_arena_create(&spec, &arena, &why) != HF_OK || hf_crypto_start(crypto_on_heap ? NULL : arena) != HF_OK)
        return -1;
    hf_secret_use_arena(arena);
    sign_key = key_from(1);
    other_key = key_from(2);
    if (sign_key == NULL || other_key == NULL || hf_key_public_der(sign_key, der, sizeof(der), &len) != HF_OK)
        return -1;
    return hf_key_load_public(HF_ALG_ED25519, hf_view_of(der, len), &public_key) == HF_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    hf_key_free(sign_key);
    hf_key_free(public_key);
    hf_key_free(other_key);
    return 0;
}

__attribute__((unused)) static struct hf_audit_record record_of(const char *actor)
{
    struct hf_audit_record rec = { .time = { 1700000000000000000 },
                                   .klass = HF_AUDIT_JOURNAL,
                                   .action = 0x0120,
                                   .roles = 8,
                                   .count = 1,
                                   .key_version = 3 };
    memset(rec.key_id, 0xAA, sizeof(rec.key_id));
    memset(rec.address, 0xBB, sizeof(rec.address));
    memset(rec.payload_mac, 0xCC, sizeof(rec.payload_mac));
    rec.actor = hf_view_str(actor);
    rec.request_id = hf_view_str("req-1");
    rec.detail = hf_view_str("scheme=ed25519");
    return rec;
}

/* Appends n records to chain and writes their entries; gives the bytes. */
__attribute__((unused)) static size_t append_n(struct hf_audit_chain *chain, unsigned n, uint8_t *dst, size_t cap)
{
    size_t at = 0;
    for (unsigned i = 0; i < n; i++) {
        char actor[32];
        uint8_t entry[HF_AUDIT_ENTRY_MAX_BYTES];
        size_t len;
        snprintf(actor, sizeof(actor), "actor-%u", i);
        struct hf_audit_record rec = record_of(actor);
        assert_int_equal(hf_audit_append(chain, mac_key(), &rec, entry, &len), HF_OK);
        assert_int_equal(rec.seq, chain->seq);
        assert_true(len <= cap - at);
        memcpy(dst + at, entry, len);
        at += len;
    }
    return at;
}

#endif
