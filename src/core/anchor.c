#include "core/core.h"

#include "base/log.h"
#include <stdlib.h>

/* The anchor follows each change at once, and the journal alone at most every second. */
#define ANCHOR_MS 1000

/* What an unsealing in this process is measured against, as a new process is against the file. */
static hf_err keep_anchor(core *c, const uint8_t bytes[static HF_ANCHOR_BYTES])
{
    uint8_t *copy = calloc(1, HF_ANCHOR_BYTES);

    HF_CHECK(copy != NULL, HF_ERR_SYSTEM);
    hf_writer w = hf_writer_on(copy, HF_ANCHOR_BYTES);
    hf_put_bytes(&w, bytes, HF_ANCHOR_BYTES);
    free(c->saved_anchor);
    c->saved_anchor = copy;
    c->saved_anchor_len = HF_ANCHOR_BYTES;
    return HF_OK;
}

static hf_err send_anchor(core *c)
{
    uint8_t bytes[HF_ANCHOR_BYTES], body[HF_ANCHOR_BYTES + 8];
    hf_writer w = hf_writer_on(body, sizeof(body));
    struct hf_anchor a = {
        .manifest_generation = c->manifest.generation,
        .audit_seq = c->manifest.audit_seq,
        .epoch = c->manifest.epoch,
        .written = hf_wall_now(),
    };

    for (size_t i = 0; i < sizeof(a.audit_head); i++)
        a.audit_head[i] = c->manifest.audit_head[i];
    HF_TRY(hf_anchor_encode(c->keys, &a, bytes));
    HF_TRY(keep_anchor(c, bytes));
    struct hf_anchor_write m = { .anchor = { bytes, sizeof(bytes) } };
    HF_TRY(hf_anchor_write_encode(&m, &w));
    peer_send(c->supervisor, HF_MSG_ANCHOR_WRITE, CORE_ACK_ANCHOR, hf_writer_view(&w));
    return HF_OK;
}

void anchor_pump(core *c, bool now)
{
    hf_mono at = hf_mono_now();

    if (now)
        c->anchor_wanted = true;
    if (c->state != CORE_OPEN || c->anchor_busy || c->anchor_absent || !c->has_manifest ||
        c->manifest.generation == c->anchored_generation)
        return;
    if (!c->anchor_wanted && at.ns < c->anchor_at.ns)
        return;
    if (send_anchor(c) != HF_OK) {
        hf_log(HF_LOG_ERROR, "the anchor cannot be made");
        return;
    }
    c->anchor_busy = true;
    c->anchor_wanted = false;
    c->anchor_at = hf_mono_after_ms(at, ANCHOR_MS);
    c->anchored_generation = c->manifest.generation;
}

void anchor_acknowledged(core *c, hf_err e)
{
    c->anchor_busy = false;
    if (e ==
        HF_ERR_UNSUPPORTED) { /* no anchor folder was given: freshness is `live`, and stopping waits for no anchor */
        c->anchor_absent = true;
        c->anchored_generation = 0;
        hf_log(HF_LOG_WARN,
               "there is no anchor folder: older data put back while the HSM is down would not be noticed");
        return;
    }
    if (e != HF_OK) {
        hf_log(HF_LOG_ERROR,
               "the anchor could not be written; freshness after a restart is not protected until it can: %s",
               hf_err_text(e));
        c->anchored_generation = 0;
    }
    anchor_pump(c, false);
}
