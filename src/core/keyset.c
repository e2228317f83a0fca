#include "core/core.h"

#include "base/log.h"
#include "crypto/crypto.h"
#include "jose/alg.h"
#include "records/keyset_mac.h"
#include <stdlib.h>
#include <string.h>

#define FINGERPRINT_BYTES 16
/* A keyset with shared secrets lies in locked memory as a whole, so it is bounded. */
#define LOCKED_MAX_BYTES 65536

static const char fingerprint_context[] = "holdfast keyset secret v1"; /* its NUL is part of what is authenticated */

void keyset_clear(keyset *k)
{
    if (k->locked != NULL)
        hf_secret_free(k->locked);
    else
        free(k->rows);
    *k = (keyset) { 0 };
}

static bool has_secret(hf_view rows)
{
    hf_reader r = hf_reader_of(rows);
    struct hf_keyset_row row;

    while (hf_keyset_row_next(&r, &row))
        if (row.alg == HF_ALG_HMAC_SHA256)
            return true;
    return false;
}

static hf_err rows_keep(keyset *dst, hf_view rows, bool lock)
{
    uint8_t *copy;

    if (lock) {
        HF_CHECK(rows.len <= LOCKED_MAX_BYTES, HF_ERR_TOO_LARGE);
        HF_TRY(hf_secret_copy(rows.ptr, rows.len, &dst->locked));
        copy = hf_secret_bytes(dst->locked);
    } else {
        copy = malloc(rows.len == 0 ? 1 : rows.len);
        HF_CHECK(copy != NULL, HF_ERR_SYSTEM);
        if (rows.len > 0)
            memcpy(copy, rows.ptr, rows.len);
    }
    dst->rows = copy;
    dst->rows_len = rows.len;
    return HF_OK;
}

/* Before there is an arena secrets lie on the heap, until keyset_lock. */
static hf_err copy_to(keyset *dst, uint64_t generation, hf_view rows, const uint8_t mac[static 32], bool can_lock)
{
    keyset fresh = { .generation = generation };

    HF_TRY(rows_keep(&fresh, rows, can_lock && has_secret(rows)));
    memcpy(fresh.mac, mac, sizeof(fresh.mac));
    keyset_clear(dst);
    *dst = fresh;
    return HF_OK;
}

hf_err keyset_copy(keyset *dst, uint64_t generation, hf_view rows, const uint8_t mac[static 32])
{
    return copy_to(dst, generation, rows, mac, true);
}

static hf_view rows_of(const keyset *k)
{
    return (hf_view) { k->rows, k->rows_len };
}

hf_err keyset_lock(core *c)
{
    keyset *k = &c->keyset, locked = *k;

    if (k->locked != NULL || !has_secret(rows_of(k)))
        return HF_OK;
    HF_TRY(rows_keep(&locked, rows_of(k), true));
    hf_wipe(k->rows, k->rows_len);
    free(k->rows);
    *k = locked;
    return HF_OK;
}

hf_err keyset_check(core *c)
{
    keyset *k = &c->keyset;

    HF_CHECK(k->rows != NULL, HF_ERR_NOT_FOUND);
    HF_TRY(hf_keyset_check(c->keys, k->generation, rows_of(k), k->mac));
    HF_CHECK(!c->has_manifest || k->generation >= c->manifest.keyset_generation, HF_ERR_ROLLBACK);
    k->checked = true;
    return HF_OK;
}

hf_err keyset_offer(core *c, const struct hf_keyset *m)
{
    keyset offered = { 0 };

    /* Kept for the check of an opening; one that comes after that check is judged at once, like in an open core. */
    if (c->state != CORE_OPEN && !(c->opening && c->keys != NULL && c->keyset.checked))
        return copy_to(&c->keyset, m->generation, m->rows, m->mac, c->arena != NULL);
    HF_TRY(hf_keyset_check(c->keys, m->generation, m->rows, m->mac));
    HF_CHECK(m->generation >= c->keyset.generation, HF_ERR_ROLLBACK);
    HF_TRY(keyset_copy(&offered, m->generation, m->rows, m->mac));
    offered.checked = true;
    keyset_clear(&c->keyset);
    c->keyset = offered;
    verdicts_clear(c->verdicts);
    sessions_keyset_changed(c);
    return HF_OK;
}

static bool row_find(const core *c, hf_view kid, struct hf_keyset_row *ret)
{
    hf_reader r = hf_reader_of(rows_of(&c->keyset));
    struct hf_keyset_row row;

    while (c->keyset.checked && hf_keyset_row_next(&r, &row))
        if (hf_view_eq(row.kid, kid)) {
            *ret = row;
            return true;
        }
    return false;
}

hf_err keyset_allows(const core *c, hf_view kid, const char *subject, uint32_t roles)
{
    struct hf_keyset_row row;

    HF_CHECK(row_find(c, kid, &row), HF_ERR_TOKEN_REVOKED);
    HF_CHECK(row.alg != HF_ALG_HMAC_SHA256 || c->config.hs256, HF_ERR_TOKEN_REVOKED);
    HF_CHECK(hf_view_eq_str(row.actor, "*") || hf_view_eq_str(row.actor, subject), HF_ERR_BAD_TOKEN);
    HF_CHECK((roles & ~row.roles) == 0 && roles != 0, HF_ERR_BAD_TOKEN);
    return HF_OK;
}

/* ---- shared secrets are shown as fingerprints ---- */

static hf_err fingerprint_of(const core *c, hf_view secret, uint8_t ret[static FINGERPRINT_BYTES])
{
    const hf_view parts[] = { hf_view_of(fingerprint_context, sizeof(fingerprint_context)), secret };
    uint8_t mac[32];

    HF_TRY(hf_hmac(HF_HASH_SHA256, hf_root_key(c->keys, HF_PURPOSE_KEYSET_MAC), parts, HF_COUNT(parts), mac));
    memcpy(ret, mac, FINGERPRINT_BYTES);
    return HF_OK;
}

hf_err keyset_hidden(const core *c, hf_writer *w)
{
    hf_reader r = hf_reader_of(rows_of(&c->keyset));
    uint8_t fingerprint[FINGERPRINT_BYTES];
    struct hf_keyset_row row;

    while (hf_keyset_row_next(&r, &row)) {
        if (row.alg == HF_ALG_HMAC_SHA256) {
            HF_TRY(fingerprint_of(c, row.spki, fingerprint));
            row.spki = hf_view_of(fingerprint, sizeof(fingerprint));
        }
        HF_TRY(hf_keyset_row_encode(&row, w));
    }
    return HF_OK;
}

static hf_err resolve_row(const core *c, struct hf_keyset_row *row, const char **reterr_why)
{
    uint8_t fingerprint[FINGERPRINT_BYTES];
    struct hf_keyset_row now;

    if (row->alg != HF_ALG_HMAC_SHA256 || row->spki.len != FINGERPRINT_BYTES)
        return HF_OK;
    *reterr_why = "a secret_fingerprint_b64 is not that of the secret in use under its kid; give its secret_b64";
    HF_CHECK(row_find(c, row->kid, &now) && now.alg == HF_ALG_HMAC_SHA256, HF_ERR_INVALID);
    HF_TRY(fingerprint_of(c, now.spki, fingerprint));
    HF_CHECK(hf_ct_equal(fingerprint, row->spki.ptr, sizeof(fingerprint)), HF_ERR_INVALID);
    row->spki = now.spki;
    return HF_OK;
}

hf_err keyset_resolve(const core *c, hf_view rows, hf_writer *w, const char **reterr_why)
{
    hf_reader r = hf_reader_of(rows);
    struct hf_keyset_row row;

    while (hf_keyset_row_next(&r, &row)) {
        HF_TRY(resolve_row(c, &row, reterr_why));
        *reterr_why = "it is too large";
        HF_TRY(hf_keyset_row_encode(&row, w));
    }
    *reterr_why = "the keyset is malformed";
    return r.failed ? HF_ERR_INVALID : HF_OK;
}

/* ---- a new one ---- */

static hf_err check_secret(hf_view secret, bool hs256, const char **reterr_why)
{
    hf_key *key = NULL;

    *reterr_why = "a key in it is of HS256, which is off because whoever reads its secret can mint tokens; set "
                  "hs256 = yes in [tokens] of holdfast.conf and reload, or use a key pair";
    HF_CHECK(hs256, HF_ERR_INVALID);
    *reterr_why = "the secret of an HS256 key must have 32 to 64 bytes";
    HF_CHECK(secret.len >= HF_HS256_MIN_BYTES && secret.len <= HF_HS256_MAX_BYTES, HF_ERR_INVALID);
    *reterr_why = "the secret of an HS256 key is a public key: everybody who knows it could mint tokens";
    if (hf_key_load_any_public(secret, &key) == HF_OK) {
        hf_key_free(key);
        return HF_ERR_INVALID;
    }
    return HF_OK;
}

static hf_err check_row(const struct hf_keyset_row *row, bool hs256, const char **reterr_why)
{
    hf_key *key = NULL;

    *reterr_why = "a key needs a kid, an actor and at least one role";
    HF_CHECK(row->kid.len > 0 && row->actor.len > 0 && row->roles != 0 && (row->roles & ~(uint32_t)HF_ROLE_ALL) == 0,
             HF_ERR_INVALID);
    *reterr_why = "a key's algorithm must be ES256, EdDSA, RS256 or HS256";
    HF_CHECK(hf_jose_alg_name((hf_alg)row->alg) != NULL, HF_ERR_INVALID);
    if (row->alg == HF_ALG_HMAC_SHA256)
        return check_secret(row->spki, hs256, reterr_why);
    *reterr_why = "a public key cannot be read or does not fit its algorithm (RS256: RSA with 2048 or 3072 bits)";
    HF_CHECK(hf_key_load_public((hf_alg)row->alg, row->spki, &key) == HF_OK, HF_ERR_INVALID);
    hf_key_free(key);
    return HF_OK;
}

hf_err keyset_validate(hf_view rows, bool hs256, const char **reterr_why)
{
    hf_reader r = hf_reader_of(rows), earlier;
    struct hf_keyset_row row, other;
    bool administrator = false;

    while (hf_keyset_row_next(&r, &row)) {
        HF_TRY(check_row(&row, hs256, reterr_why));
        *reterr_why = "two keys have the same kid";
        earlier = hf_reader_of((hf_view) { rows.ptr, (size_t)(row.kid.ptr - rows.ptr) });
        while (hf_keyset_row_next(&earlier, &other))
            HF_CHECK(!hf_view_eq(other.kid, row.kid), HF_ERR_INVALID);
        administrator = administrator || (row.roles & HF_ROLE_ADMINISTRATOR) != 0;
    }
    *reterr_why = "the keyset is malformed";
    HF_CHECK(!r.failed, HF_ERR_INVALID);
    *reterr_why = "no key in it may act as administrator: that would lock everybody out";
    HF_CHECK(administrator, HF_ERR_INVALID);
    *reterr_why = "with HS256 keys in it, it may have at most 64 KiB, because it is held in locked memory";
    HF_CHECK(rows.len <= LOCKED_MAX_BYTES || !has_secret(rows), HF_ERR_INVALID);
    return HF_OK;
}
