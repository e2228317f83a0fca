/* GET /api/v1/keys: newest first; q is part of the name, in whatever case. */
#include "gateway/routes.h"

#include <string.h>

#define PER_PAGE_DEFAULT 50
#define PER_PAGE_MAX 1000
#define SEARCH_MAX 64
#define TAGS_MAX 4096

/* "a,b": keys that have all of them. */
static hf_err read_tags(call *c, const query_field *row, hf_view *ret)
{
    hf_writer w = field_room(c, TAGS_MAX);
    hf_view left = row->value;

    while (left.len > 0) {
        const uint8_t *comma = memchr(left.ptr, ',', left.len);
        size_t n = comma == NULL ? left.len : (size_t)(comma - left.ptr);
        if (n == 0)
            return call_unusable(c, "'tags' holds an empty tag");
        hf_put_view16(&w, hf_view_of(left.ptr, n));
        left = comma == NULL ? hf_view_of(NULL, 0) : hf_view_of(comma + 1, left.len - n - 1);
    }
    if (w.failed)
        return call_unusable(c, "'tags' is too long");
    *ret = field_keep(c, &w);
    return HF_OK;
}

hf_err route_key_list_ask(call *c, hf_writer *w)
{
    enum { PAGE, PER_PAGE, ALGORITHM, STATE, TAGS, SEARCH };
    query_field q[] = {
        { .name = "page" },  { .name = "per_page" }, { .name = "algorithm" },
        { .name = "state" }, { .name = "tags" },     { .name = "q" },
    };
    struct hf_key_list m = { .head = c->head };
    uint64_t page, per_page;

    HF_TRY(query_read(c, q, HF_COUNT(q)));
    HF_TRY(query_uint(c, &q[PAGE], 1, 1000000, 1, &page));
    HF_TRY(query_uint(c, &q[PER_PAGE], 1, PER_PAGE_MAX, PER_PAGE_DEFAULT, &per_page));
    m.page = (uint32_t)page;
    m.per_page = (uint32_t)per_page;
    m.algorithm = (uint16_t)hf_alg_parse(q[ALGORITHM].value);
    if (q[ALGORITHM].present && m.algorithm == HF_ALG_NONE)
        return call_unknown_algorithm(c);
    m.state = (uint8_t)hf_key_state_parse(q[STATE].value);
    if (q[STATE].present && m.state == HF_STATE_NONE)
        return call_unusable(c, "'state' must be staged, active, revoked, purge-scheduled or destroyed");
    HF_TRY(read_tags(c, &q[TAGS], &m.tags));
    if (q[SEARCH].value.len > SEARCH_MAX)
        return call_unusable(c, "'q' may have at most %d bytes", SEARCH_MAX);
    m.search = q[SEARCH].value;
    return hf_key_list_encode(&m, w);
}

hf_err route_key_list_tell(reply *r)
{
    struct hf_keys m;
    struct hf_key_info k;

    HF_TRY(hf_keys_decode(r->body, &m));
    json_open(r->out, '{');
    json_key(r->out, "items");
    json_open(r->out, '[');
    for (hf_reader list = hf_reader_of(m.items); hf_key_info_next(&list, &k);)
        show_key(r->out, &k);
    json_close(r->out, ']');
    json_key(r->out, "total");
    json_uint(r->out, m.total);
    json_key(r->out, "page");
    json_uint(r->out, m.page);
    json_key(r->out, "per_page");
    json_uint(r->out, m.per_page);
    json_key(r->out, "has_more");
    json_bool(r->out, m.has_more);
    json_close(r->out, '}');
    return HF_OK;
}
