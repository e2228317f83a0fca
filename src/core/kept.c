#include "core/unsealing.h"

#include "base/log.h"
#include <stdlib.h>
#include <string.h>

#define KEPT_MAX 256

struct kept_events {
    struct {
        struct hf_audit_record rec; /* its texts point into what follows */
        char actor[65], request_id[65], detail[129];
    } rows[KEPT_MAX];
    size_t n;
    uint32_t lost;
};

hf_err kept_new(kept_events **ret)
{
    kept_events *k = calloc(1, sizeof(*k));

    HF_CHECK(k != NULL, HF_ERR_SYSTEM);
    *ret = k;
    return HF_OK;
}

/* Cut to the room that is there, between characters. */
static hf_view keep_text(hf_view text, char *dst, size_t cap)
{
    size_t n = text.len < cap ? text.len : cap;

    while (n < text.len && n > 0 && (text.ptr[n] & 0xc0) == 0x80)
        n--;
    hf_writer w = hf_writer_on(dst, cap);
    hf_put_bytes(&w, text.ptr, n);
    return hf_writer_view(&w);
}

void kept_add(core *c, const struct hf_audit_record *rec)
{
    kept_events *k = c->kept;

    if (k->n == KEPT_MAX) {
        k->lost += k->lost < UINT32_MAX ? 1 : 0;
        return;
    }
    size_t i = k->n++;
    k->rows[i].rec = *rec;
    k->rows[i].rec.actor = keep_text(rec->actor, k->rows[i].actor, sizeof(k->rows[i].actor));
    k->rows[i].rec.request_id = keep_text(rec->request_id, k->rows[i].request_id, sizeof(k->rows[i].request_id));
    k->rows[i].rec.detail = keep_text(rec->detail, k->rows[i].detail, sizeof(k->rows[i].detail));
}

static void write_lost(core *c)
{
    kept_events *k = c->kept;
    struct hf_audit_record rec = {
        .time = hf_wall_now(),
        .klass = HF_AUDIT_JOURNAL,
        .action = HF_MSG_ALARM,
        .result = hf_audit_result_of(HF_ERR_QUOTA),
        .count = k->lost,
        .actor = hf_view_str("core"),
        .detail = hf_view_str("further events happened while sealed; only their number is known"),
    };

    if (k->lost > 0 && journal_append(c, &rec) == HF_OK)
        k->lost = 0;
}

void kept_write(core *c)
{
    kept_events *k = c->kept;

    for (size_t i = 0; i < k->n; i++)
        if (journal_append(c, &k->rows[i].rec) != HF_OK) {
            hf_log(HF_LOG_ERROR, "the journal is full: %zu events from before the unsealing are not in it", k->n - i);
            break;
        }
    k->n = 0;
    write_lost(c);
}
