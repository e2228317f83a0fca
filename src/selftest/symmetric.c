#include "selftest/runners.h"

#include "crypto/given.h"
#include <string.h>

/* AES-GCM, GMAC, HMAC, HKDF, key wrap and primality of C2SP Wycheproof. */

/* ---- AES-256-GCM ---- */

/* What the sizes of a group say: not offered at all, or refused by policy. */
static st_why gcm_sizes(yyjson_val *group, st_why *ret_policy)
{
    int64_t iv = st_number(group, "ivSize"), tag = st_number(group, "tagSize");
    *ret_policy = iv != HF_GCM_NONCE_BYTES * 8  ? ST_POLICY_GCM_NONCE
                  : tag != HF_GCM_TAG_BYTES * 8 ? ST_POLICY_GCM_TAG
                                                : ST_NO_REASON;
    return st_number(group, "keySize") == HF_GCM_KEY_BYTES * 8 ? ST_NO_REASON : ST_SKIP_KEY_SIZE;
}

struct gcm_case {
    hf_view key, iv, aad, plain, sealed;
};

/* Both directions must agree with the vector. */
static struct st_result gcm(struct st_group *g, const struct gcm_case *c, bool invalid)
{
    uint8_t *mine = st_bytes(g, c->plain.len + HF_GCM_TAG_BYTES), *back = st_bytes(g, c->sealed.len);
    if (mine == NULL || back == NULL || c->key.len != HF_GCM_KEY_BYTES || c->iv.len != HF_GCM_NONCE_BYTES)
        return st_not_run(ST_SKIP_MALFORMED_TEST);
    hf_err e = hf_gcm_open(c->key.ptr, c->iv.ptr, &c->aad, 1, c->sealed, back);
    if (e != HF_OK)
        return st_result_of(ST_REFUSED, ST_NO_REASON);
    if (invalid || !st_same(hf_view_of(back, c->sealed.len - HF_GCM_TAG_BYTES), c->plain))
        return st_result_of(invalid ? ST_ACCEPTED : ST_DIFFERENT, ST_NO_REASON);
    e = hf_gcm_seal(c->key.ptr, c->iv.ptr, &c->aad, 1, c->plain, mine);
    return st_compared(e == HF_OK && st_same(hf_view_of(mine, c->plain.len + HF_GCM_TAG_BYTES), c->sealed));
}

static hf_view joined(struct st_group *g, hf_view a, hf_view b)
{
    uint8_t *dst = st_bytes(g, a.len + b.len);
    hf_writer w = hf_writer_on(dst, dst != NULL ? a.len + b.len : 0);
    hf_put_view(&w, a);
    hf_put_view(&w, b);
    return hf_writer_view(&w);
}

struct st_result st_aead(struct st_group *g, yyjson_val *test)
{
    st_why policy = ST_NO_REASON, skip = gcm_sizes(g->json, &policy);
    if (!st_is(g->root, "algorithm", "AES-GCM"))
        return st_not_run(ST_SKIP_ALGORITHM);
    if (skip != ST_NO_REASON)
        return st_not_run(skip);
    if (policy != ST_NO_REASON) /* the interface has no room for other sizes */
        return st_result_of(ST_REFUSED, policy);
    struct gcm_case c = { .key = st_hex(g, test, "key"),
                          .iv = st_hex(g, test, "iv"),
                          .aad = st_hex(g, test, "aad"),
                          .plain = st_hex(g, test, "msg"),
                          .sealed = joined(g, st_hex(g, test, "ct"), st_hex(g, test, "tag")) };
    return g->malformed ? st_not_run(ST_SKIP_MALFORMED_TEST) : gcm(g, &c, st_is(test, "result", "invalid"));
}

/* GMAC is GCM over no plaintext. */
struct st_result st_gmac(struct st_group *g, yyjson_val *test)
{
    st_why policy = ST_NO_REASON, skip = gcm_sizes(g->json, &policy);
    if (!st_is(g->root, "algorithm", "AES-GMAC"))
        return st_not_run(ST_SKIP_ALGORITHM);
    if (skip != ST_NO_REASON)
        return st_not_run(skip);
    if (policy != ST_NO_REASON)
        return st_result_of(ST_REFUSED, policy);
    struct gcm_case c = { .key = st_hex(g, test, "key"),
                          .iv = st_hex(g, test, "iv"),
                          .aad = st_hex(g, test, "msg"),
                          .sealed = st_hex(g, test, "tag") };
    return g->malformed ? st_not_run(ST_SKIP_MALFORMED_TEST) : gcm(g, &c, st_is(test, "result", "invalid"));
}

/* ---- HMAC ---- */

static hf_alg hmac_alg(const char *name)
{
    return strcmp(name, "HMACSHA256") == 0   ? HF_ALG_HMAC_SHA256
           : strcmp(name, "HMACSHA384") == 0 ? HF_ALG_HMAC_SHA384
           : strcmp(name, "HMACSHA512") == 0 ? HF_ALG_HMAC_SHA512
                                             : HF_ALG_NONE;
}

static hf_hash hmac_hash(hf_alg a)
{
    return a == HF_ALG_HMAC_SHA256 ? HF_HASH_SHA256 : a == HF_ALG_HMAC_SHA384 ? HF_HASH_SHA384 : HF_HASH_SHA512;
}

/* A key of the hash's length is what the service has; other lengths go through the function below it. */
static hf_err hmac_verify(hf_alg a, hf_view key, hf_view msg, hf_view tag)
{
    uint8_t mac[HF_HASH_MAX_BYTES];
    size_t n = hf_hash_bytes(hmac_hash(a));
    if (key.len == n) {
        hf_key *loaded = st_load_material(a, key);
        hf_err e =
            loaded == NULL ? HF_ERR_BAD_KEY : hf_key_verify(loaded, HF_SCHEME_HMAC, HF_HASH_NONE, false, msg, tag);
        hf_key_free(loaded);
        return e;
    }
    HF_TRY(hf_hmac(hmac_hash(a), key, &msg, 1, mac));
    return tag.len == n && hf_ct_equal(mac, tag.ptr, n) ? HF_OK : HF_ERR_BAD_SIGNATURE;
}

struct st_result st_mac(struct st_group *g, yyjson_val *test)
{
    hf_alg a = hmac_alg(st_text(g->root, "algorithm"));
    if (a == HF_ALG_NONE)
        return st_not_run(strncmp(st_text(g->root, "algorithm"), "HMAC", 4) == 0 ? ST_SKIP_HASH : ST_SKIP_ALGORITHM);
    hf_view key = st_hex(g, test, "key"), msg = st_hex(g, test, "msg"), tag = st_hex(g, test, "tag");
    uint8_t mac[HF_HASH_MAX_BYTES];
    if (g->malformed)
        return st_not_run(ST_SKIP_MALFORMED_TEST);
    bool cut = st_number(g->json, "tagSize") != (int64_t)hf_hash_bytes(hmac_hash(a)) * 8;
    /* a short tag that is right must at least be the beginning of ours */
    if (cut && !st_is(test, "result", "invalid") &&
        (hf_hmac(hmac_hash(a), key, &msg, 1, mac) != HF_OK || tag.len > sizeof mac ||
         !st_same(hf_view_of(mac, tag.len), tag)))
        return st_result_of(ST_DIFFERENT, ST_NO_REASON);
    return st_decided(hmac_verify(a, key, msg, tag), cut ? ST_POLICY_SHORT_MAC : ST_NO_REASON);
}

/* ---- HKDF ---- */

#define HKDF_MAX_BYTES (255 * HF_HASH_MAX_BYTES) /* more is refused before a byte is written */

struct st_result st_hkdf(struct st_group *g, yyjson_val *test)
{
    const char *name = st_text(g->root, "algorithm");
    hf_hash h = strncmp(name, "HKDF-", 5) == 0 ? st_hash(name + 5) : HF_HASH_NONE;
    int64_t size = st_number(test, "size");
    if (h == HF_HASH_NONE)
        return st_not_run(ST_SKIP_HASH);
    hf_view ikm = st_hex(g, test, "ikm"), salt = st_hex(g, test, "salt"), info = st_hex(g, test, "info");
    hf_view okm = st_hex(g, test, "okm");
    uint8_t out[HKDF_MAX_BYTES];
    if (size < 0 || g->malformed)
        return st_not_run(ST_SKIP_MALFORMED_TEST);
    if (size > HKDF_MAX_BYTES || hf_hkdf(h, ikm, salt, info, out, (size_t)size) != HF_OK)
        return st_result_of(ST_REFUSED, ST_NO_REASON);
    return st_compared(st_same(hf_view_of(out, (size_t)size), okm));
}

/* ---- AES-256 key wrap with padding ---- */

static bool kwp_wraps_to(const hf_secret *kek, struct st_group *g, hf_view msg, hf_view ct)
{
    HF_AUTO(hf_secret_freep) hf_secret *plain = NULL;
    uint8_t *out = st_bytes(g, ct.len);
    size_t len = 0;
    return out != NULL && hf_secret_copy(msg.ptr, msg.len, &plain) == HF_OK &&
           hf_kwp_wrap(kek, plain, out, ct.len, &len) == HF_OK && st_same(hf_view_of(out, len), ct);
}

struct st_result st_keywrap(struct st_group *g, yyjson_val *test)
{
    HF_AUTO(hf_secret_freep) hf_secret *kek = NULL;
    HF_AUTO(hf_secret_freep) hf_secret *opened = NULL;
    if (!st_is(g->root, "algorithm", "AES-KWP"))
        return st_not_run(ST_SKIP_ALGORITHM);
    if (st_number(g->json, "keySize") != 256)
        return st_not_run(ST_SKIP_KEY_SIZE);
    hf_view key = st_hex(g, test, "key"), msg = st_hex(g, test, "msg"), ct = st_hex(g, test, "ct");
    if (g->malformed || hf_secret_copy(key.ptr, key.len, &kek) != HF_OK)
        return st_not_run(ST_SKIP_MALFORMED_TEST);
    if (hf_kwp_unwrap(kek, ct, &opened) != HF_OK)
        return st_result_of(ST_REFUSED, msg.len == 0 ? ST_POLICY_EMPTY_SECRET : ST_NO_REASON);
    if (st_is(test, "result", "invalid"))
        return st_result_of(ST_ACCEPTED, ST_NO_REASON);
    bool same = st_same(hf_view_of(hf_secret_read(opened), hf_secret_len(opened)), msg);
    return st_compared(same && kwp_wraps_to(kek, g, msg, ct));
}

/* ---- primes ---- */

#define PRIME_MAX_BYTES 1024 /* no RSA key has larger factors, and the time grows with the fourth power */

/* The value is in two's complement: a first bit of 1 is a negative number, and no factor of an RSA key. */
struct st_result st_primality(struct st_group *g, yyjson_val *test)
{
    hf_view v = st_hex(g, test, "value");
    if (g->malformed || v.len > PRIME_MAX_BYTES)
        return st_not_run(ST_SKIP_MALFORMED_TEST);
    bool negative = v.len > 0 && (v.ptr[0] & 0x80) != 0;
    return st_decided(!negative && hf_is_prime(v) ? HF_OK : HF_ERR_BAD_KEY, ST_NO_REASON);
}
