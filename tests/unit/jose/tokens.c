#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tokens.h"

#include "base/text.h"
#include "proto/gen/messages.h"
#include <cmocka.h>

int tokens_group_setup(void **state)
{
    hf_arena_spec spec = { .bytes = 16u << 20, .weakest = HF_BACKING_MALLOC };
    const char *why = "";
    hf_arena *arena;

    (void)state;
    assert_int_equal(hf_arena_create(&spec, &arena, &why), HF_OK);
    hf_secret_use_arena(arena);
    assert_int_equal(hf_crypto_start(NULL), HF_OK);
    return 0;
}

struct test_key test_key_make(hf_alg a)
{
    struct test_key k = { .alg = a };
    hf_secret *material;

    assert_int_equal(hf_key_generate(a, &material), HF_OK);
    assert_int_equal(hf_key_load_private(a, material, &k.key), HF_OK);
    hf_secret_free(material);
    assert_int_equal(hf_key_public_der(k.key, k.spki, sizeof k.spki, &k.spki_len), HF_OK);
    return k;
}

struct test_key test_secret_make(size_t len)
{
    struct test_key k = { .alg = HF_ALG_HMAC_SHA256, .spki_len = len };

    assert_int_equal(hf_random(k.spki, len), HF_OK);
    return k;
}

struct hf_jose_keyset *test_keyset_make(const struct test_row *rows, size_t n)
{
    static uint8_t bytes[16384];
    hf_writer list = hf_writer_on(bytes, sizeof bytes);
    struct hf_jose_keyset *ks = NULL;
    const char *why = "";

    for (size_t i = 0; i < n; i++) {
        struct hf_keyset_row row = {
            .kid = hf_view_str(rows[i].kid),
            .alg = (uint8_t)rows[i].key->alg,
            .actor = hf_view_str(rows[i].actor),
            .roles = rows[i].roles,
            .spki = hf_view_of(rows[i].key->spki, rows[i].key->spki_len),
        };
        assert_int_equal(hf_keyset_row_encode(&row, &list), HF_OK);
    }
    assert_int_equal(hf_jose_keyset_load(7, hf_writer_view(&list), true, &ks, &why), HF_OK);
    return ks;
}

static size_t sign(const struct test_key *k, hf_view text, uint8_t dst[static HF_SIGNATURE_MAX_BYTES])
{
    const struct hf_jose_alg *how = hf_jose_alg_of(k->alg);
    size_t len = 32;

    assert_non_null(how);
    if (k->key == NULL)
        assert_int_equal(hf_hmac(HF_HASH_SHA256, hf_view_of(k->spki, k->spki_len), &text, 1, dst), HF_OK);
    else
        assert_int_equal(hf_key_sign(k->key, how->scheme, how->hash, false, text, dst, HF_SIGNATURE_MAX_BYTES, &len),
                         HF_OK);
    return len;
}

hf_view test_token_bytes(const struct test_key *k, hf_view header, hf_view payload)
{
    static char text[65536];
    uint8_t signature[HF_SIGNATURE_MAX_BYTES];
    size_t len = hf_b64url_encode(header, text), signature_len;

    text[len++] = '.';
    len += hf_b64url_encode(payload, text + len);
    signature_len = sign(k, hf_view_of(text, len), signature);
    text[len++] = '.';
    len += hf_b64url_encode(hf_view_of(signature, signature_len), text + len);
    return hf_view_of(text, len);
}

hf_view test_token(const struct test_key *k, const char *header, const char *payload)
{
    return test_token_bytes(k, hf_view_str(header), hf_view_str(payload));
}
