#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "corpus.h"

#include "base/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

yyjson_doc *corpus_open(const char *name)
{
    const char *dir = getenv("HOLDFAST_DATA_DIR");
    yyjson_doc *doc = NULL;
    char path[4096];

    snprintf(path, sizeof path, "%s/vectors/%s", dir == NULL ? "../shared/data" : dir, name);
    if (access(path, R_OK) != 0) {
        print_message("# skipped: the test data %s is absent\n", name);
        return NULL;
    }
    doc = yyjson_read_file(path, 0, NULL, NULL);
    assert_non_null(doc);
    return doc;
}

static bool coordinate(yyjson_val *jwk, const char *name, uint8_t dst[static 32])
{
    const char *text = yyjson_get_str(yyjson_obj_get(jwk, name));
    size_t len = 0;

    return text != NULL && hf_b64url_decode(hf_view_str(text), dst, 32, &len) == HF_OK && len == 32;
}

static bool is(yyjson_val *jwk, const char *name, const char *value)
{
    const char *text = yyjson_get_str(yyjson_obj_get(jwk, name));

    return text != NULL && strcmp(text, value) == 0;
}

static bool curve_key(yyjson_val *jwk, struct test_key *k)
{
    static const char p256[] = "3059301306072a8648ce3d020106082a8648ce3d03010703420004",
                      ed25519[] = "302a300506032b6570032100";
    bool ec = is(jwk, "crv", "P-256");

    if (!ec && !is(jwk, "crv", "Ed25519"))
        return false;
    if (yyjson_obj_get(jwk, "alg") != NULL && !is(jwk, "alg", ec ? "ES256" : "EdDSA"))
        return false;
    k->alg = ec ? HF_ALG_EC_P256 : HF_ALG_ED25519;
    assert_int_equal(hf_hex_decode(hf_view_str(ec ? p256 : ed25519), k->spki, sizeof k->spki, &k->spki_len), HF_OK);
    assert_true(coordinate(jwk, "x", k->spki + k->spki_len));
    assert_true(!ec || coordinate(jwk, "y", k->spki + k->spki_len + 32));
    k->spki_len += ec ? 64 : 32;
    return is(jwk, "kty", ec ? "EC" : "OKP");
}

/* SubjectPublicKeyInfo of a modulus of 256 or 384 bytes and the exponent 65537. */
static bool rsa_key(yyjson_val *jwk, struct test_key *k)
{
    static const char head_2048[] = "30820122300d06092a864886f70d01010105000382010f003082010a0282010100",
                      head_3072[] = "308201a2300d06092a864886f70d01010105000382018f003082018a0282018100";
    const char *text = yyjson_get_str(yyjson_obj_get(jwk, "n")), *alg = yyjson_get_str(yyjson_obj_get(jwk, "alg"));
    uint8_t n[512];
    size_t len = 0;

    if (!is(jwk, "kty", "RSA") || text == NULL || !is(jwk, "e", "AQAB") || (alg != NULL && strcmp(alg, "RS256") != 0))
        return false;
    if (hf_b64url_decode(hf_view_str(text), n, sizeof n, &len) != HF_OK || (len != 256 && len != 384))
        return false;
    k->alg = len == 256 ? HF_ALG_RSA_2048 : HF_ALG_RSA_3072;
    assert_int_equal(
        hf_hex_decode(hf_view_str(len == 256 ? head_2048 : head_3072), k->spki, sizeof k->spki, &k->spki_len), HF_OK);
    memcpy(k->spki + k->spki_len, n, len);
    memcpy(k->spki + k->spki_len + len, "\x02\x03\x01\x00\x01", 5);
    k->spki_len += len + 5;
    return true;
}

static bool secret_key(yyjson_val *jwk, struct test_key *k)
{
    const char *text = yyjson_get_str(yyjson_obj_get(jwk, "k")), *alg = yyjson_get_str(yyjson_obj_get(jwk, "alg"));

    k->alg = HF_ALG_HMAC_SHA256;
    return is(jwk, "kty", "oct") && text != NULL && (alg == NULL || strcmp(alg, "HS256") == 0) &&
           hf_b64url_decode(hf_view_str(text), k->spki, sizeof k->spki, &k->spki_len) == HF_OK &&
           k->spki_len >= HF_HS256_MIN_BYTES && k->spki_len <= HF_HS256_MAX_BYTES;
}

bool corpus_key(yyjson_val *jwk, struct test_key *ret)
{
    struct test_key k = { 0 };

    if (secret_key(jwk, &k)) {
        *ret = k;
        return true;
    }
    k = (struct test_key) { 0 };
    if (!curve_key(jwk, &k) && !rsa_key(jwk, &k))
        return false;
    if (hf_key_load_public(k.alg, hf_view_of(k.spki, k.spki_len), &k.key) != HF_OK)
        return false;
    *ret = k;
    return true;
}
