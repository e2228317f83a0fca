#include "core/core.h"

#include "base/address.h"
#include <stdlib.h>
#include <string.h>

/*
 * Failures without an actor: one audit record per address prefix and reason in ten seconds, so that a flood neither
 * fills the audit nor stops the service. What does not fit the table is counted together under the zero prefix.
 */
#define ROWS 256
#define PERIOD_MS 10000

struct failure_table {
    struct {
        uint8_t prefix[16];
        hf_err reason;
        uint32_t count;
    } rows[ROWS];
    size_t n;
    hf_mono due;
};

hf_err failures_new(failure_table **ret)
{
    failure_table *t = calloc(1, sizeof(*t));

    HF_CHECK(t != NULL, HF_ERR_SYSTEM);
    *ret = t;
    return HF_OK;
}

/* /24 of an IPv4-mapped address, /48 of IPv6. */
static void prefix_of(const uint8_t address[static 16], uint8_t dst[static 16])
{
    uint32_t uid;
    size_t keep = hf_address_is_user(address, &uid) ? 16 : hf_address_is_ipv4(address) ? 15 : 6;

    memset(dst, 0, 16);
    memcpy(dst, address, keep);
}

static void add(failure_table *t, const uint8_t prefix[static 16], hf_err reason, uint32_t n)
{
    static const uint8_t everybody[16];
    size_t i;

    for (i = 0; i < t->n; i++)
        if (t->rows[i].reason == reason && memcmp(t->rows[i].prefix, prefix, 16) == 0)
            break;
    if (i == t->n) {
        if (t->n == ROWS - 1)
            prefix = everybody;
        if (t->n == ROWS)
            i = ROWS - 1;
        else {
            memcpy(t->rows[t->n].prefix, prefix, 16);
            t->rows[t->n].reason = reason;
            t->rows[t->n].count = 0;
            t->n++;
        }
    }
    t->rows[i].count = t->rows[i].count > UINT32_MAX - n ? UINT32_MAX : t->rows[i].count + n;
}

void failures_count(core *c, const uint8_t address[static 16], hf_err reason, uint32_t n)
{
    uint8_t prefix[16];

    prefix_of(address, prefix);
    if (c->failures->n == 0)
        c->failures->due = hf_mono_after_ms(hf_mono_now(), PERIOD_MS);
    add(c->failures, prefix, reason, n);
}

void failures_tick(core *c, hf_mono now)
{
    failure_table *t = c->failures;

    if (t->n == 0 || t->due.ns > now.ns || c->state != CORE_OPEN)
        return;
    for (; t->n > 0; t->n--) {
        size_t i = t->n - 1;
        struct hf_audit_record rec = {
            .time = hf_wall_now(),
            .klass = HF_AUDIT_JOURNAL,
            .action = HF_MSG_FAILURES,
            .result = hf_audit_result_of(t->rows[i].reason),
            .count = t->rows[i].count,
            .detail = hf_view_str("failures without an actor from this prefix"),
        };
        memcpy(rec.address, t->rows[i].prefix, 16);
        if (journal_append(c, &rec) != HF_OK)
            return; /* the ring is full: counting goes on, the rest comes later */
    }
}
