/* POST and DELETE /api/v1/sessions: a token of core's own for the bearer, and its end. */
#include "gateway/routes.h"

#define TTL_MAX 86400

static hf_err read_roles(call *c, uint32_t *ret)
{
    yyjson_val *list = yyjson_obj_get(c->body, "roles"), *word;
    size_t i, max;

    if (list == NULL)
        return HF_OK;
    if (!yyjson_is_arr(list) || yyjson_arr_size(list) == 0)
        return call_unusable(c, "'roles' must be a list of words that is not empty");
    yyjson_arr_foreach(list, i, max, word)
    {
        uint32_t bit = hf_role_parse(hf_view_of(yyjson_get_str(word), yyjson_get_len(word)));
        if (bit == 0 || (*ret & bit) != 0)
            return call_unusable(c, "'roles' must be of administrator, operator, auditor and service, each once");
        *ret |= bit;
    }
    return HF_OK;
}

/* Both members may only narrow what the bearer's token allows: core sees to that. */
hf_err route_session_open_ask(call *c, hf_writer *w)
{
    static const char *const members[] = { "ttl_s", "roles" };
    struct hf_session_open m = { .head = c->head };
    uint64_t ttl_s = 0;

    HF_TRY(field_only(c, members, HF_COUNT(members)));
    HF_TRY(field_uint(c, "ttl_s", TTL_MAX, &ttl_s));
    if (field_present(c, "ttl_s") && ttl_s == 0)
        return call_unusable(c, "'ttl_s' must be from 1 to %d", TTL_MAX);
    HF_TRY(read_roles(c, &m.roles));
    m.ttl_s = (uint32_t)ttl_s;
    return hf_session_open_encode(&m, w);
}

hf_err route_session_open_tell(reply *r)
{
    struct hf_session m;

    HF_TRY(hf_session_decode(r->body, &m));
    json_open(r->out, '{');
    json_key(r->out, "token");
    json_text(r->out, m.token);
    json_key(r->out, "token_type");
    json_word(r->out, "Bearer");
    json_key(r->out, "id");
    json_text(r->out, m.id);
    json_key(r->out, "expires_at");
    json_time(r->out, m.expires_s * HF_NS_PER_S);
    json_close(r->out, '}');
    return HF_OK;
}

hf_err route_session_end_ask(call *c, hf_writer *w)
{
    struct hf_session_end m = { .head = c->head };

    HF_TRY(field_only(c, NULL, 0));
    return hf_session_end_encode(&m, w);
}

hf_err route_session_end_tell(reply *r)
{
    return tell_done(r, NULL);
}
