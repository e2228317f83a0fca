#include "keysetfmt/keysetfmt.h"

#include "base/names.h"
#include "base/text.h"
#include "jose/alg.h"
#include "jose/json.h"
#include "keysetfmt/wiping.h"
#include "proto/gen/messages.h"
#include <stdarg.h>
#include <stdio.h>

#define ROLES_MAX 8
#define SPKI_MAX_BYTES 2048
#define RSA_SPKI_LIMIT 360 /* about 294 bytes with 2048 bits, 422 with 3072 */

static hf_err refuse(struct hf_keyset_why *why, const char *format, ...) HF_PRINTF(2, 3);

static hf_err refuse(struct hf_keyset_why *why, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
    return HF_ERR_INVALID;
}

/* One element of "keys" while it is read. */
struct reading {
    size_t index;
    struct hf_keyset_row row;
    uint8_t spki[SPKI_MAX_BYTES]; /* or the secret */
    struct hf_keyset_why *why;
};

static hf_err key_refuse(struct reading *r, const char *what)
{
    return refuse(r->why, "keys[%zu].%s", r->index, what);
}

static hf_err kid_read(struct reading *r, yyjson_val *v)
{
    if (hf_json_text(v, &r->row.kid) != HF_OK || !hf_jose_visible(r->row.kid, HF_KID_MAX_BYTES))
        return key_refuse(r, "kid must be 1 to 64 visible characters");
    return HF_OK;
}

static hf_err alg_read(struct reading *r, yyjson_val *v)
{
    hf_view text = { 0 };
    hf_alg alg = hf_json_text(v, &text) == HF_OK ? hf_jose_alg_parse(text) : HF_ALG_NONE;

    if (alg == HF_ALG_NONE)
        return key_refuse(r, "alg must be \"ES256\", \"EdDSA\", \"RS256\" or \"HS256\"");
    r->row.alg = (uint8_t)alg;
    return HF_OK;
}

static hf_err actor_read(struct reading *r, yyjson_val *v)
{
    hf_view actor = { 0 };

    if (hf_json_text(v, &actor) != HF_OK || !hf_jose_actor_ok(actor))
        return key_refuse(r, "actor must be a name of 1 to 64 bytes, or \"*\" for anyone");
    r->row.actor = actor;
    return HF_OK;
}

static hf_err roles_read(struct reading *r, yyjson_val *v)
{
    hf_view text = { 0 };

    if (!yyjson_is_arr(v) || yyjson_arr_size(v) == 0 || yyjson_arr_size(v) > ROLES_MAX)
        return key_refuse(r, "roles must be a list of at least one role");
    for (size_t i = 0; i < yyjson_arr_size(v); i++) {
        uint32_t bit = hf_json_text(yyjson_arr_get(v, i), &text) == HF_OK ? hf_role_parse(text) : 0;
        if (bit == 0)
            return key_refuse(r, "roles must be among administrator, operator, auditor, service");
        r->row.roles |= bit;
    }
    return HF_OK;
}

/*
 * RS256 goes with two sizes. The modulus makes almost all of an SPKI's length, and its other parts cannot make up the
 * 128 bytes between the two; whoever loads the key checks.
 */
static hf_alg rsa_of(size_t spki_bytes)
{
    return spki_bytes < RSA_SPKI_LIMIT ? HF_ALG_RSA_2048 : HF_ALG_RSA_3072;
}

static hf_err public_key_read(struct reading *r, yyjson_val *v)
{
    hf_view pem = { 0 };
    size_t len = 0;

    if (hf_json_text(v, &pem) != HF_OK || hf_spki_pem_read(pem, r->spki, sizeof r->spki, &len) != HF_OK)
        return key_refuse(r, "public_key_pem must be one \"PUBLIC KEY\" block and nothing else");
    if (r->row.alg == HF_ALG_RSA_2048)
        r->row.alg = (uint8_t)rsa_of(len);
    r->row.spki = hf_view_of(r->spki, len);
    return HF_OK;
}

static hf_err secret_read(struct reading *r, yyjson_val *v)
{
    hf_view text = { 0 };
    size_t len = 0;

    if (hf_json_text(v, &text) != HF_OK || hf_b64_decode(text, r->spki, HF_HS256_MAX_BYTES, &len) != HF_OK ||
        len < HF_HS256_MIN_BYTES)
        return key_refuse(r, "secret_b64 must be base64 of 32 to 64 bytes");
    r->row.spki = hf_view_of(r->spki, len);
    return HF_OK;
}

static hf_err fingerprint_read(struct reading *r, yyjson_val *v)
{
    hf_view text = { 0 };
    size_t len = 0;

    if (hf_json_text(v, &text) != HF_OK || hf_b64_decode(text, r->spki, HF_KEYSET_FINGERPRINT_BYTES, &len) != HF_OK ||
        len != HF_KEYSET_FINGERPRINT_BYTES)
        return key_refuse(r, "secret_fingerprint_b64 must be what 'holdfast keyset show' gives");
    r->row.spki = hf_view_of(r->spki, len);
    return HF_OK;
}

typedef hf_err (*member_reader)(struct reading *r, yyjson_val *v);

/* What every key has, in the order of reading: alg decides what follows. */
static const struct {
    const char *name;
    member_reader read;
} members[] = {
    { "kid", kid_read },
    { "alg", alg_read },
    { "actor", actor_read },
    { "roles", roles_read },
};

/* What verifies: a public key, or for HS256 the secret or what stands for it. */
static hf_err material_read(struct reading *r, yyjson_val *object)
{
    yyjson_val *public_key = yyjson_obj_get(object, "public_key_pem"), *secret = yyjson_obj_get(object, "secret_b64"),
               *fingerprint = yyjson_obj_get(object, "secret_fingerprint_b64");

    if (r->row.alg != HF_ALG_HMAC_SHA256) {
        if (public_key == NULL)
            return key_refuse(r, "public_key_pem is missing");
        return public_key_read(r, public_key);
    }
    if (secret != NULL)
        return secret_read(r, secret);
    if (fingerprint == NULL)
        return key_refuse(r, "secret_b64 is missing: an HS256 key has a shared secret");
    return fingerprint_read(r, fingerprint);
}

/* Duplicates are refused by hf_json_read: as many known members as there are names means all of them. */
static hf_err key_read(struct reading *r, yyjson_val *object)
{
    if (!yyjson_is_obj(object))
        return refuse(r->why, "keys[%zu] must be an object", r->index);
    for (size_t i = 0; i < HF_COUNT(members); i++) {
        yyjson_val *v = yyjson_obj_get(object, members[i].name);
        if (v == NULL)
            return refuse(r->why, "keys[%zu].%s is missing", r->index, members[i].name);
        HF_TRY(members[i].read(r, v));
    }
    HF_TRY(material_read(r, object));
    if (yyjson_obj_size(object) != HF_COUNT(members) + 1)
        return refuse(r->why, "keys[%zu] has a member other than kid, alg, actor, roles and %s", r->index,
                      r->row.alg == HF_ALG_HMAC_SHA256 ? "secret_b64" : "public_key_pem");
    return HF_OK;
}

static bool kid_seen_before(yyjson_val *keys, size_t index, hf_view kid)
{
    hf_view other;

    for (size_t i = 0; i < index; i++) {
        if (hf_json_text(yyjson_obj_get(yyjson_arr_get(keys, i), "kid"), &other) == HF_OK && hf_view_eq(other, kid))
            return true;
    }
    return false;
}

static hf_err row_read(struct reading *r, yyjson_val *keys, hf_writer *rows)
{
    HF_TRY(key_read(r, yyjson_arr_get(keys, r->index)));
    if (kid_seen_before(keys, r->index, r->row.kid))
        return refuse(r->why, "keys[%zu].kid is the kid of an earlier key", r->index);
    if (hf_keyset_row_encode(&r->row, rows) != HF_OK)
        return refuse(r->why, "keys is larger than %d bytes", HF_KEYSET_ROWS_MAX_BYTES);
    return HF_OK;
}

static hf_err keys_read(yyjson_val *keys, hf_writer *rows, bool *ret_has_secret, struct hf_keyset_why *why)
{
    if (!yyjson_is_arr(keys) || yyjson_arr_size(keys) > HF_KEYSET_KEYS_MAX)
        return refuse(why, "keys must be a list of at most %d keys", HF_KEYSET_KEYS_MAX);
    for (size_t i = 0; i < yyjson_arr_size(keys); i++) {
        struct reading r = { .index = i, .why = why };
        hf_err e = row_read(&r, keys, rows);
        hf_wipe(r.spki, sizeof r.spki);
        HF_TRY(e);
        *ret_has_secret = *ret_has_secret || r.row.alg == HF_ALG_HMAC_SHA256;
    }
    return HF_OK;
}

static hf_err mac_read(yyjson_val *v, struct hf_keyset_head *head, struct hf_keyset_why *why)
{
    hf_view text = { 0 };
    size_t len = 0;

    if (v == NULL)
        return HF_OK;
    if (hf_json_text(v, &text) != HF_OK || hf_b64_decode(text, head->mac, sizeof head->mac, &len) != HF_OK ||
        len != sizeof head->mac)
        return refuse(why, "mac_b64 must be base64 of %d bytes", HF_KEYSET_MAC_BYTES);
    head->has_mac = true;
    return HF_OK;
}

static hf_err root_read(yyjson_val *root, struct hf_keyset_head *ret, hf_writer *rows, struct hf_keyset_why *why)
{
    struct hf_keyset_head head = { 0 };
    yyjson_val *mac = yyjson_obj_get(root, "mac_b64");
    int64_t number;

    if (!yyjson_is_obj(root))
        return refuse(why, "a keyset must be a JSON object");
    if (hf_json_uint(yyjson_obj_get(root, "version"), &number) != HF_OK || number != 1)
        return refuse(why, "version must be 1");
    if (hf_json_uint(yyjson_obj_get(root, "generation"), &number) != HF_OK || number == 0)
        return refuse(why, "generation must be a whole number from 1");
    head.generation = (uint64_t)number;
    HF_TRY(mac_read(mac, &head, why));
    HF_TRY(keys_read(yyjson_obj_get(root, "keys"), rows, &head.has_secret, why));
    if (yyjson_obj_size(root) != (mac == NULL ? 3u : 4u))
        return refuse(why, "a keyset has a member other than version, generation, keys and mac_b64");
    *ret = head;
    return HF_OK;
}

hf_err hf_keyset_parse(hf_view json, struct hf_keyset_head *ret, hf_writer *rows, struct hf_keyset_why *reterr_why)
{
    static const hf_json_limits limits = { .depth = 4, .members = HF_KEYSET_KEYS_MAX };
    const yyjson_alc alloc = hf_wiping_alloc();
    const char *why = "";
    yyjson_doc *doc;
    hf_err e;

    if (json.len > HF_KEYSET_JSON_MAX_BYTES)
        return refuse(reterr_why, "a keyset must not be longer than %d bytes", HF_KEYSET_JSON_MAX_BYTES);
    if (hf_json_read(json, &limits, &alloc, &doc, &why) != HF_OK)
        return refuse(reterr_why, "the keyset cannot be read: %s", why);
    e = root_read(yyjson_doc_get_root(doc), ret, rows, reterr_why);
    yyjson_doc_free(doc);
    return e;
}
