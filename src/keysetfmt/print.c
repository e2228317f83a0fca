#include "keysetfmt/keysetfmt.h"

#include "base/names.h"
#include "base/text.h"
#include "jose/alg.h"
#include "keysetfmt/wiping.h"
#include "proto/gen/messages.h"

static bool text_add(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, hf_view text)
{
    return yyjson_mut_obj_add_strncpy(doc, object, name, (const char *)text.ptr, text.len);
}

static bool roles_add(yyjson_mut_doc *doc, yyjson_mut_val *object, uint32_t roles)
{
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, object, "roles");
    bool ok = list != NULL;

    for (uint32_t bit = 1; bit <= HF_ROLE_ALL; bit <<= 1) {
        if ((roles & bit) != 0)
            ok = yyjson_mut_arr_add_str(doc, list, hf_role_name(bit)) && ok;
    }
    return ok;
}

static bool public_key_add(yyjson_mut_doc *doc, yyjson_mut_val *object, hf_view spki)
{
    uint8_t text[HF_SPKI_PEM_CAP];
    hf_writer pem = hf_writer_on(text, sizeof text);

    return hf_spki_pem_write(spki, &pem) == HF_OK && text_add(doc, object, "public_key_pem", hf_writer_view(&pem));
}

static bool secret_add(yyjson_mut_doc *doc, yyjson_mut_val *object, hf_view secret)
{
    bool is_fingerprint = secret.len == HF_KEYSET_FINGERPRINT_BYTES;
    char text[HF_B64_LEN(HF_HS256_MAX_BYTES)];
    size_t len;
    bool ok;

    if (!is_fingerprint && (secret.len < HF_HS256_MIN_BYTES || secret.len > HF_HS256_MAX_BYTES))
        return false;
    len = hf_b64_encode(secret, text);
    ok = text_add(doc, object, is_fingerprint ? "secret_fingerprint_b64" : "secret_b64", hf_view_of(text, len));
    hf_wipe(text, sizeof text);
    return ok;
}

static bool row_add(yyjson_mut_doc *doc, yyjson_mut_val *keys, const struct hf_keyset_row *row)
{
    yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, keys);
    const char *alg = hf_jose_alg_name((hf_alg)row->alg);

    return object != NULL && alg != NULL && text_add(doc, object, "kid", row->kid) &&
           yyjson_mut_obj_add_str(doc, object, "alg", alg) && text_add(doc, object, "actor", row->actor) &&
           roles_add(doc, object, row->roles) &&
           (row->alg == HF_ALG_HMAC_SHA256 ? secret_add(doc, object, row->spki)
                                           : public_key_add(doc, object, row->spki));
}

static hf_err rows_add(yyjson_mut_doc *doc, yyjson_mut_val *keys, hf_view rows)
{
    hf_reader list = hf_reader_of(rows);
    struct hf_keyset_row row;

    while (hf_keyset_row_next(&list, &row))
        HF_CHECK(row_add(doc, keys, &row), HF_ERR_MALFORMED);
    return hf_reader_done(&list);
}

static hf_err root_add(yyjson_mut_doc *doc, const struct hf_keyset_head *head, hf_view rows)
{
    char mac[HF_B64_LEN(HF_KEYSET_MAC_BYTES)];
    size_t len = hf_b64_encode(hf_view_of(head->mac, sizeof head->mac), mac);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *keys;

    HF_CHECK(root != NULL, HF_ERR_SYSTEM);
    yyjson_mut_doc_set_root(doc, root);
    HF_CHECK(yyjson_mut_obj_add_uint(doc, root, "version", 1) &&
                 yyjson_mut_obj_add_uint(doc, root, "generation", head->generation),
             HF_ERR_SYSTEM);
    keys = yyjson_mut_obj_add_arr(doc, root, "keys");
    HF_CHECK(keys != NULL, HF_ERR_SYSTEM);
    HF_TRY(rows_add(doc, keys, rows));
    HF_CHECK(!head->has_mac || yyjson_mut_obj_add_strncpy(doc, root, "mac_b64", mac, len), HF_ERR_SYSTEM);
    return HF_OK;
}

static hf_err document_write(yyjson_mut_doc *doc, const yyjson_alc *alloc, hf_writer *json)
{
    yyjson_write_flag flags = YYJSON_WRITE_PRETTY_TWO_SPACES | YYJSON_WRITE_NEWLINE_AT_END;
    size_t len = 0;
    char *text = yyjson_mut_write_opts(doc, flags, alloc, &len, NULL);

    HF_CHECK(text != NULL, HF_ERR_SYSTEM);
    hf_put_bytes(json, text, len);
    alloc->free(alloc->ctx, text);
    return json->failed ? HF_ERR_BOUNDS : HF_OK;
}

hf_err hf_keyset_print(const struct hf_keyset_head *head, hf_view rows, hf_writer *json)
{
    const yyjson_alc alloc = hf_wiping_alloc();
    yyjson_mut_doc *doc = yyjson_mut_doc_new(&alloc);
    hf_err e;

    HF_CHECK(doc != NULL, HF_ERR_SYSTEM);
    e = root_add(doc, head, rows);
    if (e == HF_OK)
        e = document_write(doc, &alloc, json);
    yyjson_mut_doc_free(doc);
    return e;
}
