/*
 * Target functions: hf_jwk_of_spki, hf_jwk_kind, hf_jwk_to_spki, hf_spki_alg, hf_spki_pem_find, line_take, line_read
 *
 * The first byte picks the door. Even: the rest is DER; what has a JWK must give the same DER again. Odd: the rest is the
 * values of a JWK of the kind that the byte names; the DER made of them must be read back to the same values. Every input
 * is also a text that may hold a public key: what is found in it must be found in the block alone as well.
 */
#include "jwk/jwk.h"
#include "keysetfmt/keysetfmt.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void from_der(hf_view spki)
{
    uint8_t bytes[HF_JWK_SPKI_CAP];
    hf_writer w = hf_writer_on(bytes, sizeof(bytes));
    const char *why = NULL;
    hf_jwk key, kind;

    if (hf_jwk_of_spki(spki, &key) != HF_OK)
        return;
    must(hf_spki_alg(spki) == key.alg && key.alg != HF_ALG_NONE);
    must(hf_jwk_kind(hf_view_str(key.kty), hf_view_str(key.crv), hf_view_str(key.jose_alg), &kind, &why) == HF_OK);
    for (size_t i = 0; i < HF_JWK_MEMBERS; i++)
        kind.value[i] = key.value[i];
    /* An exponent of more than 64 bits is DER as well, but no key that anybody has. */
    hf_err e = hf_jwk_to_spki(&kind, &w, &why);
    must(e == HF_OK ? hf_view_eq(hf_writer_view(&w), spki) : key.value[1].len > 8 && why != NULL);
}

static void from_members(uint8_t n, hf_view values)
{
    static const char *const kinds[][3] = {
        { "EC", "P-256", "" },      { "EC", "P-384", "ES384" }, { "OKP", "Ed25519", "" }, { "RSA", "", "RS256" },
        { "AKP", "", "ML-DSA-65" }, { "EC", "P-521", "" },      { "oct", "", "" },        { "RSA", "", "ES256" },
    };
    const char *const *k = kinds[n % HF_COUNT(kinds)];
    uint8_t bytes[HF_JWK_SPKI_CAP];
    hf_writer w = hf_writer_on(bytes, sizeof(bytes));
    hf_reader r = hf_reader_of(values);
    const char *why = NULL;
    hf_jwk key, back;

    if (hf_jwk_kind(hf_view_str(k[0]), hf_view_str(k[1]), hf_view_str(k[2]), &key, &why) != HF_OK) {
        must(why != NULL);
        return;
    }
    key.value[0] = hf_get_view16(&r);
    key.value[1] = r.left;
    if (hf_jwk_to_spki(&key, &w, &why) != HF_OK)
        return;
    must(hf_jwk_of_spki(hf_writer_view(&w), &back) == HF_OK && back.alg == key.alg);
    for (size_t i = 0; i < HF_JWK_MEMBERS && key.name[i] != NULL; i++)
        must(hf_view_eq(back.value[i], key.value[i]));
}

static void from_text(hf_view text)
{
    uint8_t der[HF_JWK_SPKI_CAP], again[HF_JWK_SPKI_CAP], block[HF_SPKI_PEM_CAP];
    hf_writer w = hf_writer_on(block, sizeof(block));
    size_t len, n;

    if (hf_spki_pem_find(text, der, sizeof(der), &len) != HF_OK)
        return;
    must(hf_spki_pem_write(hf_view_of(der, len), &w) == HF_OK);
    must(hf_spki_pem_read(hf_writer_view(&w), again, sizeof(again), &n) == HF_OK);
    must(hf_view_eq(hf_view_of(again, n), hf_view_of(der, len)));
    must(hf_spki_pem_find(hf_writer_view(&w), again, sizeof(again), &n) == HF_OK);
    must(hf_view_eq(hf_view_of(again, n), hf_view_of(der, len)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    from_text(hf_view_of(data, size));
    hf_view rest = hf_view_of(data + 1, size - 1);
    if (data[0] % 2 == 0)
        from_der(rest);
    else
        from_members(data[0] / 2, rest);
    return 0;
}
