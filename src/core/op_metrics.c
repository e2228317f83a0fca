/* metrics: the same numbers for a token with metrics:view and for the scraper's own listener. */
#include "core/metrics.h"
#include "core/op.h"

#define LIST_CAP 65000

hf_err op_metrics(op *o)
{
    static uint8_t list[LIST_CAP];
    hf_writer w = hf_writer_on(list, sizeof(list));

    HF_TRY(metrics_write(o->core, &w));
    struct hf_metrics_info m = { .metrics = hf_writer_view(&w) };
    return hf_metrics_info_encode(&m, &o->reply);
}
