/* POST /api/v1/keys */
#include "gateway/routes.h"

hf_err route_key_create_ask(call *c, hf_writer *w)
{
    static const char *const members[] = { "name", "algorithm", "usage", "policy_tags", "description" };
    struct hf_key_create m = { .head = c->head };

    HF_TRY(field_only(c, members, HF_COUNT(members)));
    HF_TRY(field_required(c, "name"));
    HF_TRY(field_text(c, "name", 64, &m.name));
    if (!hf_name_ok(m.name))
        return call_unusable(
            c, "'name' must be 1 to 64 of A-Z a-z 0-9 . _ -, start with a letter or digit, and not be a UUID");
    HF_TRY(field_required(c, "algorithm"));
    HF_TRY(field_algorithm(c, &m.algorithm));
    HF_TRY(field_usage(c, &m.usage));
    HF_TRY(field_text(c, "description", FIELD_DESCRIPTION_MAX, &m.description));
    HF_TRY(field_tags(c, &m.tags));
    return hf_key_create_encode(&m, w);
}

hf_err route_key_create_tell(reply *r)
{
    return tell_key(r);
}
