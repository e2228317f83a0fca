/* POST /api/v1/keys/:id/decrypt */
#include "gateway/routes.h"

#define NONCE_BYTES 12
#define CIPHERTEXT_MAX ((1u << 20) + 32) /* prefix and tag round 1 MiB */

hf_err route_decrypt_ask(call *c, hf_writer *w)
{
    static const char *const members[] = { "ciphertext_b64", "nonce_b64", "associated_data_b64" };
    struct hf_decrypt m = { .head = c->head, .key = c->id };

    HF_TRY(field_only(c, members, HF_COUNT(members)));
    HF_TRY(field_required(c, "ciphertext_b64"));
    HF_TRY(field_required(c, "nonce_b64"));
    HF_TRY(field_b64(c, "ciphertext_b64", CIPHERTEXT_MAX, &m.ciphertext));
    HF_TRY(field_b64(c, "nonce_b64", 64, &m.nonce));
    if (m.nonce.len != NONCE_BYTES)
        return call_unusable(c, "'nonce_b64' must stand for %d bytes", NONCE_BYTES);
    HF_TRY(field_b64(c, "associated_data_b64", 65536, &m.associated_data));
    return hf_decrypt_encode(&m, w);
}

hf_err route_decrypt_tell(reply *r)
{
    struct hf_decrypted m;

    HF_TRY(hf_decrypted_decode(r->body, &m));
    json_open(r->out, '{');
    json_key(r->out, "plaintext_b64");
    json_b64(r->out, m.plaintext);
    json_key(r->out, "version");
    json_uint(r->out, m.version);
    json_close(r->out, '}');
    return HF_OK;
}
