#include "jose/keyset.h"

#include "proto/gen/messages.h"
#include <stdlib.h>

const struct hf_jose_key *hf_jose_keyset_find(const struct hf_jose_keyset *ks, hf_view kid)
{
    for (size_t i = 0; i < ks->n; i++) {
        if (hf_view_eq_str(kid, ks->keys[i].kid))
            return &ks->keys[i];
    }
    return NULL;
}

static hf_err refuse(const char **reterr_why, hf_err e, const char *why)
{
    *reterr_why = why;
    return e;
}

/* A public key as the secret would let everybody who knows it mint tokens. */
static hf_err secret_load(hf_view bytes, bool hs256, hf_secret **ret, const char **reterr_why)
{
    hf_key *public_key = NULL;

    if (!hs256)
        return refuse(reterr_why, HF_ERR_UNSUPPORTED, "the keyset has an HS256 key, and tokens.hs256 is off");
    if (bytes.len < HF_HS256_MIN_BYTES || bytes.len > HF_HS256_MAX_BYTES)
        return refuse(reterr_why, HF_ERR_BAD_KEY, "a secret of the keyset does not have 32 to 64 bytes");
    if (hf_key_load_any_public(bytes, &public_key) == HF_OK) {
        hf_key_free(public_key);
        return refuse(reterr_why, HF_ERR_BAD_KEY, "a secret of the keyset is a public key");
    }
    if (hf_secret_copy(bytes.ptr, bytes.len, ret) != HF_OK)
        return refuse(reterr_why, HF_ERR_LOCKED_MEMORY, "there is no locked memory for a secret of the keyset");
    return HF_OK;
}

static hf_err key_load(struct hf_jose_key *k, hf_view spki, bool hs256, const char **reterr_why)
{
    if (k->alg == HF_ALG_HMAC_SHA256)
        return secret_load(spki, hs256, &k->secret, reterr_why);
    if (hf_key_load_public(k->alg, spki, &k->key) != HF_OK)
        return refuse(reterr_why, HF_ERR_BAD_KEY, "a public key of the keyset cannot be used with its algorithm");
    return HF_OK;
}

/* Appends one row; on failure ks->n does not count it, so nothing of it is left to free. */
static hf_err row_add(struct hf_jose_keyset *ks, const struct hf_keyset_row *row, bool hs256, const char **reterr_why)
{
    struct hf_jose_key *k = &ks->keys[ks->n];

    if (ks->n == HF_JOSE_KEYS_MAX)
        return refuse(reterr_why, HF_ERR_BOUNDS, "the keyset has too many keys");
    if (!hf_jose_visible(row->kid, HF_KID_MAX_BYTES))
        return refuse(reterr_why, HF_ERR_MALFORMED, "a kid of the keyset is not 1 to 64 visible characters");
    if (hf_jose_keyset_find(ks, row->kid) != NULL)
        return refuse(reterr_why, HF_ERR_MALFORMED, "two keys of the keyset have the same kid");
    if (hf_jose_alg_name((hf_alg)row->alg) == NULL)
        return refuse(reterr_why, HF_ERR_MALFORMED, "a key of the keyset has an algorithm that does not sign tokens");
    if (row->roles == 0 || (row->roles & ~(uint32_t)HF_ROLE_ALL) != 0)
        return refuse(reterr_why, HF_ERR_MALFORMED, "a key of the keyset has no role or one that does not exist");
    if (!hf_jose_actor_ok(row->actor))
        return refuse(reterr_why, HF_ERR_MALFORMED, "an actor of the keyset is not 1 to 64 bytes of text");
    HF_TRY(hf_view_to_str(row->kid, k->kid, sizeof k->kid));
    HF_TRY(hf_view_to_str(row->actor, k->actor, sizeof k->actor));
    k->roles = row->roles;
    k->alg = (hf_alg)row->alg;
    HF_TRY(key_load(k, row->spki, hs256, reterr_why));
    ks->n++;
    return HF_OK;
}

static hf_err rows_add(struct hf_jose_keyset *ks, hf_view rows, bool hs256, const char **reterr_why)
{
    hf_reader list = hf_reader_of(rows);
    struct hf_keyset_row row;

    while (hf_keyset_row_next(&list, &row))
        HF_TRY(row_add(ks, &row, hs256, reterr_why));
    if (hf_reader_done(&list) != HF_OK)
        return refuse(reterr_why, HF_ERR_MALFORMED, "the keyset's rows are malformed");
    return HF_OK;
}

hf_err hf_jose_keyset_load(uint64_t generation, hf_view rows, bool hs256, struct hf_jose_keyset **ret,
                           const char **reterr_why)
{
    struct hf_jose_keyset *ks = calloc(1, sizeof *ks);
    hf_err e;

    *reterr_why = "there is no memory for the keyset";
    HF_CHECK(ks != NULL, HF_ERR_SYSTEM);
    ks->generation = generation;
    ks->keys = calloc(HF_JOSE_KEYS_MAX, sizeof *ks->keys);
    e = ks->keys == NULL ? HF_ERR_SYSTEM : rows_add(ks, rows, hs256, reterr_why);
    if (e != HF_OK) {
        hf_jose_keyset_free(ks);
        return e;
    }
    *ret = ks;
    return HF_OK;
}

void hf_jose_keyset_free(struct hf_jose_keyset *ks)
{
    if (ks == NULL)
        return;
    for (size_t i = 0; i < ks->n; i++) {
        hf_key_free(ks->keys[i].key);
        hf_secret_free(ks->keys[i].secret);
    }
    free(ks->keys);
    free(ks);
}
