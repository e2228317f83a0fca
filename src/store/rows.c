#include "store/rows.h"

#include "base/num.h"
#include <string.h>

#define ROWS_MAX (1u << 20) /* the bound of STORE_ROWS.rows */
#define ROW_OVERHEAD (4 + 1 + 16 + 8 + 4)

static uint8_t rows_buffer[ROWS_MAX];

typedef struct collector {
    hf_writer rows;
    size_t limit;
    bool more;
    hf_err error;
} collector;

static bool collect(void *arg, const hf_row_key *key, hf_view blob)
{
    collector *c = arg;
    struct hf_store_row row = { .kind = key->kind, .version = key->version, .blob = blob };

    if (c->rows.len > 0 && c->rows.len + ROW_OVERHEAD + blob.len > c->limit) {
        c->more = true;
        return false;
    }
    memcpy(row.id, key->id, sizeof(row.id));
    /* A blob that no message can carry was not written by this store. */
    if (hf_store_row_encode(&row, &c->rows) != HF_OK) {
        c->error = HF_ERR_INTEGRITY;
        return false;
    }
    return true;
}

static hf_err answer(const collector *c, hf_err error, hf_writer *w)
{
    struct hf_store_rows rows = { .error = (uint16_t)error };

    if (error == HF_OK) {
        rows.more = c->more;
        rows.rows = hf_writer_view(&c->rows);
    }
    hf_err e = hf_store_rows_encode(&rows, w);
    return e == HF_OK ? error : e;
}

hf_err hf_rows_scan(hf_engine *e, const struct hf_store_scan *m, hf_writer *w)
{
    collector c = { .rows = hf_writer_on(rows_buffer, sizeof(rows_buffer)) };
    hf_row_key after = { .kind = m->kind, .version = m->after_version };

    c.limit = m->max_bytes == 0 ? ROWS_MAX : hf_min_size(m->max_bytes, ROWS_MAX);
    memcpy(after.id, m->after_id, sizeof(after.id));
    hf_err r = hf_engine_scan(e, m->kind, m->from_start ? NULL : &after, collect, &c);
    return answer(&c, r == HF_OK ? c.error : r, w);
}

hf_err hf_rows_get(hf_engine *e, const struct hf_store_get *m, hf_writer *w)
{
    collector c = { .rows = hf_writer_on(rows_buffer, sizeof(rows_buffer)), .limit = ROWS_MAX };
    hf_row_key key = { .kind = m->kind, .version = m->version };

    memcpy(key.id, m->id, sizeof(key.id));
    hf_err r = hf_engine_get(e, &key, collect, &c);
    return answer(&c, r == HF_OK ? c.error : r, w);
}
