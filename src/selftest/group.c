#include "selftest/group.h"

#include "base/text.h"
#include <stdlib.h>
#include <string.h>

#define BLOCK_MAX_BYTES (64u << 20)

struct st_block {
    struct st_block *next;
    uint8_t bytes[];
};

uint8_t *st_bytes(struct st_group *g, size_t n)
{
    struct st_block *b = n <= BLOCK_MAX_BYTES ? calloc(1, sizeof *b + n + 1) : NULL;
    if (b == NULL) {
        g->malformed = true;
        return NULL;
    }
    b->next = g->blocks;
    g->blocks = b;
    return b->bytes;
}

void st_group_next(struct st_group *g)
{
    while (g->blocks != NULL) {
        struct st_block *next = g->blocks->next;
        free(g->blocks);
        g->blocks = next;
    }
    g->malformed = false;
}

void st_group_end(struct st_group *g)
{
    st_group_next(g);
    hf_key_free(g->key);
    g->key = NULL;
}

/* ---- members ---- */

const char *st_text(yyjson_val *obj, const char *name)
{
    const char *s = yyjson_get_str(yyjson_obj_get(obj, name));
    return s != NULL ? s : "";
}

bool st_is(yyjson_val *obj, const char *name, const char *text)
{
    return strcmp(st_text(obj, name), text) == 0;
}

bool st_has(yyjson_val *obj, const char *name)
{
    return yyjson_obj_get(obj, name) != NULL;
}

int64_t st_number(yyjson_val *obj, const char *name)
{
    yyjson_val *v = yyjson_obj_get(obj, name);
    return yyjson_is_int(v) && yyjson_get_sint(v) >= 0 ? yyjson_get_sint(v) : -1;
}

hf_view st_hex(struct st_group *g, yyjson_val *obj, const char *name)
{
    yyjson_val *v = yyjson_obj_get(obj, name);
    hf_view text = { (const uint8_t *)yyjson_get_str(v), yyjson_get_len(v) };
    size_t len = 0;
    if (v == NULL)
        return (hf_view) { NULL, 0 };
    uint8_t *dst = text.ptr != NULL ? st_bytes(g, text.len / 2) : NULL;
    if (dst == NULL || hf_hex_decode(text, dst, text.len / 2, &len) != HF_OK) {
        g->malformed = true;
        return (hf_view) { NULL, 0 };
    }
    return hf_view_of(dst, len);
}

bool st_has_flag(yyjson_val *test, const char *flag)
{
    yyjson_val *v;
    size_t i, n;
    yyjson_arr_foreach(yyjson_obj_get(test, "flags"), i, n, v)
    {
        if (yyjson_equals_str(v, flag))
            return true;
    }
    return false;
}

hf_hash st_hash(const char *name)
{
    return strcmp(name, "SHA-256") == 0   ? HF_HASH_SHA256
           : strcmp(name, "SHA-384") == 0 ? HF_HASH_SHA384
           : strcmp(name, "SHA-512") == 0 ? HF_HASH_SHA512
                                          : HF_HASH_NONE;
}

bool st_same(hf_view a, hf_view b)
{
    return hf_view_eq(a, b);
}

/* ---- keys ---- */

const hf_key *st_public_key(struct st_group *g, hf_alg a)
{
    static const char *const members[] = { "publicKeyDer", "keyDer" };
    if (g->key_tried)
        return g->key;
    hf_view der = { NULL, 0 };
    for (size_t i = 0; i < HF_COUNT(members) && der.len == 0; i++)
        der = st_hex(g, g->json, members[i]);
    g->key_tried = true;
    g->key_error = hf_key_load_public(a, der, &g->key);
    return g->key;
}

static hf_err read_pkcs8(hf_alg a, hf_view der, hf_key **ret)
{
    HF_AUTO(hf_secret_freep) hf_secret *pkcs8 = NULL;
    HF_AUTO(hf_secret_freep) hf_secret *material = NULL;
    hf_alg is = HF_ALG_NONE;
    HF_TRY(hf_secret_copy(der.ptr, der.len, &pkcs8));
    HF_TRY(hf_key_read_pkcs8(a, pkcs8, &is, &material));
    return hf_key_load_private(is, material, ret);
}

const hf_key *st_private_key(struct st_group *g, hf_alg a)
{
    if (g->key_tried)
        return g->key;
    hf_view der = st_hex(g, g->json, "privateKeyPkcs8");
    g->key_tried = true;
    g->key_error = read_pkcs8(a, der, &g->key);
    return g->key;
}

hf_key *st_load_material(hf_alg a, hf_view material)
{
    HF_AUTO(hf_secret_freep) hf_secret *s = NULL;
    hf_key *key = NULL;
    if (hf_secret_copy(material.ptr, material.len, &s) != HF_OK || hf_key_load_private(a, s, &key) != HF_OK)
        return NULL;
    return key;
}

/* Everything of a SubjectPublicKeyInfo in front of the raw key. */
static const struct {
    hf_alg alg;
    const char *prefix;
} spki[] = {
    { HF_ALG_ED25519, "302a300506032b6570032100" },
    { HF_ALG_ML_KEM_768, "308204b2300b0609608648016503040402038204a100" },
    { HF_ALG_ML_DSA_65, "308207b2300b0609608648016503040312038207a100" },
};

hf_key *st_load_raw_public(struct st_group *g, hf_alg a, hf_view raw)
{
    for (size_t i = 0; i < HF_COUNT(spki); i++) {
        if (spki[i].alg != a)
            continue;
        size_t head = strlen(spki[i].prefix) / 2, len = 0;
        uint8_t *der = st_bytes(g, head + raw.len);
        hf_key *key = NULL;
        if (der == NULL || hf_hex_decode(hf_view_str(spki[i].prefix), der, head, &len) != HF_OK)
            return NULL;
        hf_writer w = hf_writer_on(der + len, raw.len);
        hf_put_view(&w, raw);
        return hf_key_load_public(a, hf_view_of(der, len + raw.len), &key) == HF_OK ? key : NULL;
    }
    return NULL;
}

bool st_public_is(const hf_key *key, hf_view raw)
{
    uint8_t der[HF_SPKI_MAX_BYTES];
    size_t len = 0;
    return hf_key_public_der(key, der, sizeof der, &len) == HF_OK && len > raw.len &&
           hf_view_eq(hf_view_of(der + len - raw.len, raw.len), raw);
}

/* ---- RSA ---- */

static void put_head(hf_writer *w, uint8_t tag, size_t len)
{
    hf_put_u8(w, tag);
    hf_put_u8(w, 0x82); /* every length here has two bytes */
    hf_put_u16(w, (uint16_t)len);
}

hf_view st_rsa_spki(struct st_group *g, hf_view rsa_public_key)
{
    static const uint8_t algorithm[] = { 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                         0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00 };
    size_t body = sizeof algorithm + 4 + 1 + rsa_public_key.len;
    if (rsa_public_key.len < 256 || body > UINT16_MAX)
        return (hf_view) { NULL, 0 };
    uint8_t *der = st_bytes(g, body + 4);
    hf_writer w = hf_writer_on(der, der != NULL ? body + 4 : 0);
    put_head(&w, 0x30, body);
    hf_put_bytes(&w, algorithm, sizeof algorithm);
    put_head(&w, 0x03, 1 + rsa_public_key.len);
    hf_put_u8(&w, 0);
    hf_put_view(&w, rsa_public_key);
    return w.failed ? (hf_view) { NULL, 0 } : hf_writer_view(&w);
}

hf_alg st_rsa_alg(yyjson_val *group)
{
    int64_t bits = st_number(group, "keySize");
    return bits == 2048 ? HF_ALG_RSA_2048 : bits == 3072 ? HF_ALG_RSA_3072 : HF_ALG_NONE;
}
