#include <holdfast/err.h>

typedef struct err_row {
    hf_err_class klass;
    const char *word;
    const char *text;
} err_row;

static const err_row rows[HF_ERR_COUNT] = {
#define HF_ERR_ROW(n, k, w, t) [HF_ERR_##n] = { .klass = HF_CLASS_##k, .word = (w), .text = (t) },
    HF_ERRORS(HF_ERR_ROW)
#undef HF_ERR_ROW
};

static const err_row *row_of(hf_err e)
{
    return (unsigned)e < HF_ERR_COUNT ? &rows[e] : &rows[HF_ERR_INTERNAL];
}

const char *hf_err_name(hf_err e)
{
    return row_of(e)->word;
}

const char *hf_err_text(hf_err e)
{
    return row_of(e)->text;
}

hf_err_class hf_err_class_of(hf_err e)
{
    return row_of(e)->klass;
}
