#include "core/core.h"

#include "base/log.h"
#include "crypto/crypto.h"
#include "records/keyset_mac.h"
#include <stdlib.h>
#include <string.h>

void keyset_clear(keyset *k)
{
    free(k->rows);
    *k = (keyset) { 0 };
}

hf_err keyset_copy(keyset *dst, uint64_t generation, hf_view rows, const uint8_t mac[static 32])
{
    uint8_t *copy = malloc(rows.len == 0 ? 1 : rows.len);

    HF_CHECK(copy != NULL, HF_ERR_SYSTEM);
    if (rows.len > 0)
        memcpy(copy, rows.ptr, rows.len);
    keyset_clear(dst);
    dst->generation = generation;
    dst->rows = copy;
    dst->rows_len = rows.len;
    memcpy(dst->mac, mac, sizeof(dst->mac));
    return HF_OK;
}

static hf_view rows_of(const keyset *k)
{
    return (hf_view) { k->rows, k->rows_len };
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

    if (c->state != CORE_OPEN)
        return keyset_copy(&c->keyset, m->generation, m->rows, m->mac);
    HF_TRY(hf_keyset_check(c->keys, m->generation, m->rows, m->mac));
    HF_CHECK(m->generation >= c->keyset.generation, HF_ERR_ROLLBACK);
    HF_TRY(keyset_copy(&offered, m->generation, m->rows, m->mac));
    offered.checked = true;
    keyset_clear(&c->keyset);
    c->keyset = offered;
    verdicts_clear(c->verdicts);
    return HF_OK;
}

hf_err keyset_find(const core *c, hf_view kid, struct hf_keyset_row *ret)
{
    hf_reader r = hf_reader_of(rows_of(&c->keyset));
    struct hf_keyset_row row;

    HF_CHECK(c->keyset.checked, HF_ERR_NOT_FOUND);
    while (hf_keyset_row_next(&r, &row))
        if (hf_view_eq(row.kid, kid)) {
            *ret = row;
            return HF_OK;
        }
    return HF_ERR_NOT_FOUND;
}

static hf_err check_row(const struct hf_keyset_row *row, const char **reterr_why)
{
    hf_key *key = NULL;

    *reterr_why = "a key needs a kid, an actor and at least one role";
    HF_CHECK(row->kid.len > 0 && row->actor.len > 0 && row->roles != 0 && (row->roles & ~(uint32_t)HF_ROLE_ALL) == 0,
             HF_ERR_INVALID);
    *reterr_why = "a key's algorithm must be ES256 or EdDSA";
    HF_CHECK(row->alg == HF_ALG_EC_P256 || row->alg == HF_ALG_ED25519, HF_ERR_INVALID);
    *reterr_why = "a public key cannot be read or does not fit its algorithm";
    HF_CHECK(hf_key_load_public((hf_alg)row->alg, row->spki, &key) == HF_OK, HF_ERR_INVALID);
    hf_key_free(key);
    return HF_OK;
}

hf_err keyset_validate(hf_view rows, const char **reterr_why)
{
    hf_reader r = hf_reader_of(rows), earlier;
    struct hf_keyset_row row, other;
    bool administrator = false;

    while (hf_keyset_row_next(&r, &row)) {
        HF_TRY(check_row(&row, reterr_why));
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
    return HF_OK;
}
