#include "cli/audit_export.h"

#include "base/text.h"
#include "cli/api.h"
#include "cli/file.h"
#include "cli/progress.h"

static hf_err write_segment(cli *c, const char *path, int fd, yyjson_val *text)
{
    hf_view b64 = hf_view_of(yyjson_get_str(text), yyjson_get_len(text));
    size_t cap = HF_B64_MAX_BYTES(b64.len), len = 0;
    HF_AUTO(bytes_free) bytes segment = { .ptr = wiped_alloc(cap), .cap = cap };
    uint8_t length[4];
    hf_writer w = hf_writer_on(length, sizeof(length));

    if (segment.ptr == NULL)
        return cli_fail(c, HF_ERR_SYSTEM, "there is no memory for the answer");
    if (!yyjson_is_str(text) || hf_b64_decode(b64, segment.ptr, cap, &len) != HF_OK)
        return cli_fail(c, HF_ERR_INTERNAL, "the server's answer holds a segment that is not base64");
    hf_put_u32(&w, (uint32_t)len);
    HF_TRY(file_put(c, path, fd, hf_writer_view(&w)));
    return file_put(c, path, fd, hf_view_of(segment.ptr, len));
}

/* One answer's segments; *ret_more says whether there are others behind them. */
static hf_err write_part(cli *c, const char *path, int fd, audit_export *x, bool *ret_more)
{
    HF_AUTO(api_doc_freep) yyjson_doc *doc = NULL;
    yyjson_val *segment;
    size_t i, max;
    api_path p;

    api_path_start(&p, "/api/v1/audit/export");
    api_path_number(&p, "after", x->last);
    HF_TRY(api_call(c, "GET", &p, NULL, &doc));
    yyjson_val *root = yyjson_doc_get_root(doc), *list = yyjson_obj_get(root, "segments_b64");
    yyjson_arr_foreach(list, i, max, segment) HF_TRY(write_segment(c, path, fd, segment));
    uint64_t last = yyjson_get_uint(yyjson_obj_get(root, "last"));
    *ret_more = yyjson_get_bool(yyjson_obj_get(root, "has_more"));
    if (!yyjson_is_arr(list) || (*ret_more && last <= x->last))
        return cli_fail(c, HF_ERR_INTERNAL, "the server's export does not go on after segment %llu",
                        (unsigned long long)x->last);
    x->segments += yyjson_arr_size(list);
    x->last = last;
    return HF_OK;
}

hf_err audit_export_write(cli *c, const char *path, int fd, audit_export *x)
{
    bool more = true;

    c->patient = true;
    while (more) {
        HF_TRY(write_part(c, path, fd, x, &more));
        if (more)
            progress_show("%llu segments of the audit ...", (unsigned long long)x->segments);
    }
    progress_end();
    return HF_OK;
}
