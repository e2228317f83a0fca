#include "gateway/route.h"

#include "base/names.h"
#include "base/text.h"
#include "keysetfmt/keysetfmt.h"

/* Tags travel as texts with a u16 length each. */
static void show_tags(json_out *o, hf_view tags)
{
    hf_reader r = hf_reader_of(tags);

    json_key(o, "policy_tags");
    json_open(o, '[');
    while (r.left.len > 0 && !r.failed) {
        hf_view tag = hf_get_view16(&r);
        if (!r.failed && hf_text_ok(tag))
            json_text(o, tag);
    }
    json_close(o, ']');
}

static void show_usage(json_out *o, uint32_t usage)
{
    json_key(o, "usage");
    json_open(o, '[');
    for (uint32_t bit = 1; bit != 0 && bit <= usage; bit <<= 1)
        if ((usage & bit) != 0)
            json_word(o, hf_usage_name(bit));
    json_close(o, ']');
}

void show_key(json_out *o, const struct hf_key_info *k)
{
    json_open(o, '{');
    json_key(o, "id");
    json_uuid(o, k->id);
    json_key(o, "name");
    json_text(o, k->name);
    json_key(o, "algorithm");
    json_word(o, hf_alg_name((hf_alg)k->algorithm));
    show_usage(o, k->usage);
    json_key(o, "state");
    json_word(o, hf_key_state_name((hf_key_state)k->state));
    json_key(o, "version");
    json_uint(o, k->version);
    json_key(o, "description");
    json_text(o, k->description);
    show_tags(o, k->tags);
    json_key(o, "created_at");
    json_time(o, k->created_ns);
    json_key(o, "created_by");
    json_text(o, k->created_by);
    show_destruction(o, k->destruction);
    json_close(o, '}');
}

/* Only a destroyed key or version has it: "pending" until the next epoch rotation, then "complete". */
void show_destruction(json_out *o, uint8_t destruction)
{
    if (destruction == 0)
        return;
    json_key(o, "destruction");
    json_word(o, destruction == 1 ? "pending" : "complete");
}

hf_err show_pem(json_out *o, hf_view spki)
{
    uint8_t text[HF_SPKI_PEM_CAP];
    hf_writer w = hf_writer_on(text, sizeof(text));

    HF_TRY(hf_spki_pem_write(spki, &w));
    json_text(o, hf_writer_view(&w));
    return HF_OK;
}

hf_err tell_key(reply *r)
{
    struct hf_key_detail m;
    struct hf_key_info k;

    HF_TRY(hf_key_detail_decode(r->body, &m));
    hf_reader list = hf_reader_of(m.info);
    HF_CHECK(hf_key_info_next(&list, &k), HF_ERR_MALFORMED);
    show_key(r->out, &k);
    return HF_OK;
}

hf_err tell_done(reply *r, const char *name)
{
    struct hf_done m;

    HF_TRY(hf_done_decode(r->body, &m));
    json_open(r->out, '{');
    if (name != NULL) {
        json_key(r->out, name);
        json_uint(r->out, m.value);
    }
    json_close(r->out, '}');
    return HF_OK;
}
