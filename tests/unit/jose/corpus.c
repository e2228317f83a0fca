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

bool corpus_key(yyjson_val *jwk, struct test_key *ret)
{
    static const char p256[] = "3059301306072a8648ce3d020106082a8648ce3d03010703420004",
                      ed25519[] = "302a300506032b6570032100";
    const char *crv = yyjson_get_str(yyjson_obj_get(jwk, "crv"));
    struct test_key k = { 0 };
    bool ec;

    if (crv == NULL || (strcmp(crv, "P-256") != 0 && strcmp(crv, "Ed25519") != 0))
        return false;
    ec = crv[0] == 'P';
    assert_int_equal(hf_hex_decode(hf_view_str(ec ? p256 : ed25519), k.spki, sizeof k.spki, &k.spki_len), HF_OK);
    assert_true(coordinate(jwk, "x", k.spki + k.spki_len));
    assert_true(!ec || coordinate(jwk, "y", k.spki + k.spki_len + 32));
    k.spki_len += ec ? 64 : 32;
    assert_int_equal(hf_key_load_public(ec ? HF_ALG_EC_P256 : HF_ALG_ED25519, hf_view_of(k.spki, k.spki_len), &k.key),
                     HF_OK);
    *ret = k;
    return true;
}
