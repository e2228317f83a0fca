#include "core/core.h"

#include "base/log.h"
#include "crypto/crypto.h"
#include "records/version_record.h"
#include <stdlib.h>
#include <string.h>

/*
 * One load: the VERSION and WRAP rows of a key version from the store, opened into the cache; then the requests that
 * waited for it run again. What the store withholds or alters is an integrity error.
 */
#define LOADING_ID (UINT64_C(2) << 60)

typedef struct load {
    struct load *next;
    uint64_t id; /* of the question that is out */
    uint8_t key_id[16];
    uint32_t version;
    hf_secret *dek; /* once the WRAP row is here */
    request_queue waiting;
} load;

static load *loads;
static uint64_t next_id;

static load *find_load(const uint8_t id[static 16], uint32_t version)
{
    for (load *l = loads; l != NULL; l = l->next)
        if (l->version == version && memcmp(l->key_id, id, 16) == 0)
            return l;
    return NULL;
}

static void ask(core *c, load *l, uint8_t kind)
{
    uint8_t bytes[64];
    hf_writer w = hf_writer_on(bytes, sizeof(bytes));
    struct hf_store_get m = { .kind = kind, .version = l->version };

    memcpy(m.id, l->key_id, sizeof(m.id));
    l->id = LOADING_ID | ++next_id;
    if (hf_store_get_encode(&m, &w) == HF_OK)
        peer_send(c->store, HF_MSG_STORE_GET, l->id, hf_writer_view(&w));
}

static hf_err check_version(core *c, const key_entry *e, uint32_t version)
{
    struct hf_key_record *rec;

    HF_TRY(index_record(c, e, &rec));
    const struct hf_key_version *v = hf_key_record_find(rec, version);
    HF_CHECK(v != NULL, HF_ERR_NOT_FOUND);
    HF_CHECK(v->state == HF_STATE_ACTIVE || v->state == HF_STATE_REVOKED, HF_ERR_WRONG_STATE);
    return HF_OK;
}

hf_err loading_start(core *c, request *r, const key_entry *e, uint32_t version)
{
    HF_TRY(check_version(c, e, version));
    HF_CHECK(c->store != NULL, HF_ERR_PEER_GONE);
    load *l = find_load(e->id, version);
    if (l != NULL)
        return request_park(c, r, &l->waiting);
    l = calloc(1, sizeof(*l));
    HF_CHECK(l != NULL, HF_ERR_OVERLOADED);
    memcpy(l->key_id, e->id, sizeof(l->key_id));
    l->version = version;
    request_queue_init(&l->waiting);
    hf_err err = request_park(c, r, &l->waiting);
    if (err != HF_OK) {
        free(l);
        return err;
    }
    l->next = loads;
    loads = l;
    ask(c, l, HF_ROW_WRAP);
    return HF_OK;
}

static void end(core *c, load *l, hf_err e)
{
    load **at = &loads;

    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    hf_secret_free(l->dek);
    if (e == HF_OK)
        request_rerun_all(c, &l->waiting);
    else
        request_queue_fail(c, &l->waiting, e,
                           e == HF_ERR_INTEGRITY ? "the store withheld or altered the key's record; see the log"
                                                 : NULL);
    free(l);
}

static hf_err take_wrap(core *c, load *l, const key_entry *e, hf_view blob)
{
    const struct wrap_ref *ref = index_wrap(e, l->version);
    struct hf_wrap_head head = { .version = l->version };

    HF_CHECK(ref != NULL, HF_ERR_INTEGRITY);
    memcpy(head.id, l->key_id, sizeof(head.id));
    head.epoch = ref->epoch;
    const hf_secret *epoch_key = hf_epoch_file_key(&c->epochs, ref->epoch);
    HF_CHECK(epoch_key != NULL, HF_ERR_INTEGRITY);
    return hf_wrap_open(c->keys, blob, &head, ref->mac, epoch_key, &l->dek);
}

static hf_err take_version(core *c, load *l, const key_entry *e, hf_view blob)
{
    struct hf_key_record *rec;
    struct hf_version_head head = { .version = l->version, .alg = e->alg };
    HF_AUTO(hf_secret_freep) hf_secret *material = NULL;
    hf_key *key = NULL;

    memcpy(head.id, l->key_id, sizeof(head.id));
    HF_TRY(index_record(c, e, &rec));
    const struct hf_key_version *v = hf_key_record_find(rec, l->version);
    HF_CHECK(v != NULL, HF_ERR_WRONG_STATE);
    HF_TRY(hf_version_open(c->keys, blob, &head, v->mac, l->dek, &material));
    if (e->origin == HF_ORIGIN_PUBLIC)
        HF_TRY(hf_key_load_public(e->alg, hf_view_of(hf_secret_read(material), hf_secret_len(material)), &key));
    else
        HF_TRY(hf_key_load_private(e->alg, material, &key));
    return cache_put(c, l->key_id, l->version, key);
}

static hf_err one_row(const struct hf_store_rows *rows, uint8_t kind, const load *l, hf_view *ret)
{
    hf_reader r = hf_reader_of(rows->rows);
    struct hf_store_row row;

    HF_CHECK(rows->error != HF_ERR_NOT_FOUND, HF_ERR_INTEGRITY); /* the index says that it exists */
    HF_CHECK(rows->error == HF_OK, HF_ERR_STORE);
    HF_CHECK(hf_store_row_next(&r, &row), HF_ERR_INTEGRITY);
    HF_CHECK(row.kind == kind && row.version == l->version && memcmp(row.id, l->key_id, 16) == 0, HF_ERR_INTEGRITY);
    *ret = row.blob;
    return HF_OK;
}

void loading_rows(core *c, uint64_t id, const struct hf_store_rows *rows)
{
    load *l = loads;
    hf_view blob;

    while (l != NULL && l->id != id)
        l = l->next;
    if (l == NULL)
        return;
    const key_entry *e = c->state == CORE_OPEN ? index_by_id(c->index, l->key_id) : NULL;
    if (e != NULL &&
        check_version(c, e, l->version) != HF_OK) { /* destroyed meanwhile: nothing of it is loaded any more */
        end(c, l, HF_OK);
        return;
    }
    bool wrap = l->dek == NULL;
    hf_err err = e == NULL ? HF_ERR_SEALED : one_row(rows, wrap ? HF_ROW_WRAP : HF_ROW_VERSION, l, &blob);
    if (err == HF_OK)
        err = wrap ? take_wrap(c, l, e, blob) : take_version(c, l, e, blob);
    if (err == HF_ERR_INTEGRITY || err == HF_ERR_BAD_KEY) {
        hf_log(HF_LOG_ERROR, "integrity: the store's %s row of a key version is missing or altered",
               wrap ? "wrap" : "version");
        journal_note(c, HF_MSG_STORE_GET, HF_ERR_INTEGRITY, "core", "a key version's row is missing or altered");
        err = HF_ERR_INTEGRITY;
    }
    if (err == HF_OK && wrap)
        ask(c, l, HF_ROW_VERSION);
    else
        end(c, l, err);
}

void loading_fail_all(core *c, hf_err e)
{
    while (loads != NULL)
        end(c, loads, e);
}
