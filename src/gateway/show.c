#include "gateway/route.h"

#include "base/names.h"
#include "base/text.h"
#include "keysetfmt/keysetfmt.h"
#include <stdio.h>

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

/* Name and value, each with a u16 length, in the order of the names. */
static void show_attributes(json_out *o, hf_view attributes)
{
    hf_reader r = hf_reader_of(attributes);

    json_key(o, "attributes");
    json_open(o, '{');
    while (r.left.len > 0 && !r.failed) {
        hf_view name = hf_get_view16(&r), value = hf_get_view16(&r);
        if (r.failed || !hf_text_ok(name) || !hf_text_ok(value))
            break;
        json_name(o, name);
        json_text(o, value);
    }
    json_close(o, '}');
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
    show_attributes(o, k->attributes);
    json_key(o, "origin");
    json_word(o, hf_origin_name((hf_origin)k->origin));
    json_key(o, "generation");
    json_uint(o, k->generation);
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

void show_jwk_kind(json_out *o, const hf_jwk *key)
{
    json_key(o, "kty");
    json_word(o, key->kty);
    if (key->crv != NULL) {
        json_key(o, "crv");
        json_word(o, key->crv);
    }
    for (size_t i = 0; i < HF_JWK_MEMBERS && key->name[i] != NULL; i++) {
        json_key(o, key->name[i]);
        json_b64url(o, key->value[i]);
    }
}

/* A key's generation grows with every change of it: a strong validator (RFC 9110 section 8.8.3). */
static void show_etag(hf_writer *headers, uint64_t generation)
{
    char line[40];
    int n = snprintf(line, sizeof(line), "ETag: \"%llu\"\r\n", (unsigned long long)generation);

    hf_put_bytes(headers, line, (size_t)n);
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
    show_etag(r->headers, k.generation);
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
