/*
 * One operation of src/crypto per run, for the tests that compare it with other implementations. Arguments are
 * hexadecimal ("-" is empty), answers are one line of hexadecimal; on an error its name goes to stderr, exit code 1.
 *
 *   selftest | generate ALG | public ALG MATERIAL | sign ALG SCHEME HASH PREHASHED MATERIAL TEXT
 *   verify SPKI SCHEME HASH PREHASHED TEXT SIGNATURE | seal KEY NONCE AAD TEXT | open KEY NONCE AAD SEALED
 *   sign-context CONTEXT MATERIAL TEXT | verify-context SPKI CONTEXT TEXT SIGNATURE    (ML-DSA-65)
 *   pkcs8 DER | oaep-seal SPKI TEXT | oaep-open ALG MATERIAL SEALED | kwp-wrap KEK TEXT | kwp-unwrap KEK WRAPPED
 *   encapsulate SPKI | decapsulate MATERIAL CT | digest HASH TEXT | hmac HASH KEY TEXT | hkdf HASH KEY SALT INFO LEN
 */
#include "base/text.h"
#include "crypto/crypto.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ARGS 8
#define MAX_BYTES (1u << 20)

static hf_view bytes[MAX_ARGS];
static char **words;
static uint8_t out[MAX_BYTES + HF_GCM_TAG_BYTES];
static size_t out_len;

static void print_hex(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        printf("%02x", p[i]);
    putchar('\n');
}

static hf_hash hash_arg(int i)
{
    hf_hash h = HF_HASH_NONE;
    hf_view name = hf_view_str(strcmp(words[i], "-") == 0 ? "" : words[i]);
    if (hf_hash_parse(name, &h) != HF_OK)
        exit(2);
    return h;
}

static hf_scheme scheme_arg(int i)
{
    hf_scheme s = HF_SCHEME_DEFAULT;
    hf_view name = hf_view_str(strcmp(words[i], "-") == 0 ? "" : words[i]);
    if (hf_scheme_parse(name, &s) != HF_OK)
        exit(2);
    return s;
}

static hf_err load(hf_alg a, hf_view material, hf_key **ret)
{
    hf_secret *s = NULL;
    HF_TRY(hf_secret_copy(material.ptr, material.len, &s));
    hf_err e = hf_key_load_private(a, s, ret);
    hf_secret_free(s);
    return e;
}

static hf_err run_selftest(void)
{
    const char *name = "none";
    hf_err e = hf_crypto_selftest(&name);
    if (e != HF_OK)
        fprintf(stderr, "self-test %s\n", name);
    return e;
}

static hf_err run_generate(void)
{
    hf_secret *s = NULL;
    HF_TRY(hf_key_generate(hf_alg_parse(hf_view_str(words[0])), &s));
    out_len = hf_secret_len(s);
    memcpy(out, hf_secret_read(s), out_len);
    hf_secret_free(s);
    return HF_OK;
}

static hf_err run_public(void)
{
    hf_key *k = NULL;
    HF_TRY(load(hf_alg_parse(hf_view_str(words[0])), bytes[1], &k));
    hf_err e = hf_key_public_der(k, out, sizeof out, &out_len);
    hf_key_free(k);
    return e;
}

static hf_err run_sign(void)
{
    hf_key *k = NULL;
    HF_TRY(load(hf_alg_parse(hf_view_str(words[0])), bytes[4], &k));
    hf_err e = hf_key_sign(k, scheme_arg(1), hash_arg(2), words[3][0] == '1', bytes[5], out, sizeof out, &out_len);
    hf_key_free(k);
    return e;
}

static hf_err run_verify(void)
{
    hf_key *k = NULL;
    HF_TRY(hf_key_load_any_public(bytes[0], &k));
    hf_err e = hf_key_verify(k, scheme_arg(1), hash_arg(2), words[3][0] == '1', bytes[4], bytes[5]);
    hf_key_free(k);
    return e;
}

static hf_err run_sign_context(void)
{
    hf_key *k = NULL;
    HF_TRY(load(HF_ALG_ML_DSA_65, bytes[1], &k));
    hf_err e =
        hf_key_sign_context(k, HF_SCHEME_ML_DSA, HF_HASH_NONE, false, bytes[0], bytes[2], out, sizeof out, &out_len);
    hf_key_free(k);
    return e;
}

static hf_err run_verify_context(void)
{
    hf_key *k = NULL;
    HF_TRY(hf_key_load_any_public(bytes[0], &k));
    hf_err e = hf_key_verify_context(k, HF_SCHEME_ML_DSA, HF_HASH_NONE, false, bytes[1], bytes[2], bytes[3]);
    hf_key_free(k);
    return e;
}

static hf_err secret_of(hf_view v, hf_secret **ret)
{
    return hf_secret_copy(v.ptr, v.len, ret);
}

/* To the output, and gone. */
static hf_err give(hf_err e, hf_secret *s)
{
    if (e == HF_OK) {
        out_len = hf_secret_len(s);
        memcpy(out, hf_secret_read(s), out_len);
    }
    hf_secret_free(s);
    return e;
}

static hf_err run_pkcs8(void)
{
    hf_secret *in = NULL, *material = NULL;
    hf_alg a = HF_ALG_NONE;
    HF_TRY(secret_of(bytes[0], &in));
    hf_err e = hf_key_read_pkcs8(HF_ALG_NONE, in, &a, &material);
    hf_secret_free(in);
    if (e == HF_OK)
        print_hex((const uint8_t *)hf_alg_name(a), strlen(hf_alg_name(a)));
    return give(e, material);
}

static hf_err run_oaep_seal(void)
{
    hf_key *k = NULL;
    hf_secret *plain = NULL;
    HF_TRY(hf_key_load_any_public(bytes[0], &k));
    HF_TRY(secret_of(bytes[1], &plain));
    hf_err e = hf_key_oaep_seal(k, plain, out, sizeof out, &out_len);
    hf_key_free(k);
    hf_secret_free(plain);
    return e;
}

static hf_err run_oaep_open(void)
{
    hf_key *k = NULL;
    hf_secret *plain = NULL;
    HF_TRY(load(hf_alg_parse(hf_view_str(words[0])), bytes[1], &k));
    hf_err e = hf_key_oaep_open(k, bytes[2], &plain);
    hf_key_free(k);
    return give(e, plain);
}

static hf_err run_kwp_wrap(void)
{
    hf_secret *kek = NULL, *plain = NULL;
    HF_TRY(secret_of(bytes[0], &kek));
    HF_TRY(secret_of(bytes[1], &plain));
    hf_err e = hf_kwp_wrap(kek, plain, out, sizeof out, &out_len);
    hf_secret_free(kek);
    hf_secret_free(plain);
    return e;
}

static hf_err run_kwp_unwrap(void)
{
    hf_secret *kek = NULL, *plain = NULL;
    HF_TRY(secret_of(bytes[0], &kek));
    hf_err e = hf_kwp_unwrap(kek, bytes[1], &plain);
    hf_secret_free(kek);
    return give(e, plain);
}

static hf_err run_seal(void)
{
    out_len = bytes[3].len + HF_GCM_TAG_BYTES;
    return hf_gcm_seal(bytes[0].ptr, bytes[1].ptr, &bytes[2], 1, bytes[3], out);
}

static hf_err run_open(void)
{
    HF_TRY(hf_gcm_open(bytes[0].ptr, bytes[1].ptr, &bytes[2], 1, bytes[3], out));
    out_len = bytes[3].len - HF_GCM_TAG_BYTES;
    return HF_OK;
}

static hf_err run_encapsulate(void)
{
    hf_key *k = NULL;
    uint8_t shared[HF_KEM_SECRET_BYTES];
    HF_TRY(hf_key_load_public(HF_ALG_ML_KEM_768, bytes[0], &k));
    hf_err e = hf_key_encapsulate(k, out, sizeof out, &out_len, shared);
    hf_key_free(k);
    if (e == HF_OK)
        print_hex(shared, sizeof shared);
    return e;
}

static hf_err run_decapsulate(void)
{
    hf_key *k = NULL;
    HF_TRY(load(HF_ALG_ML_KEM_768, bytes[0], &k));
    out_len = HF_KEM_SECRET_BYTES;
    hf_err e = hf_key_decapsulate(k, bytes[1], out);
    hf_key_free(k);
    return e;
}

static hf_err run_digest(void)
{
    out_len = hf_hash_bytes(hash_arg(0));
    return hf_digest(hash_arg(0), &bytes[1], 1, out);
}

static hf_err run_hmac(void)
{
    out_len = hf_hash_bytes(hash_arg(0));
    return hf_hmac(hash_arg(0), bytes[1], &bytes[2], 1, out);
}

static hf_err run_hkdf(void)
{
    out_len = (size_t)strtoul(words[4], NULL, 10);
    return out_len <= sizeof out ? hf_hkdf(hash_arg(0), bytes[1], bytes[2], bytes[3], out, out_len) : HF_ERR_BOUNDS;
}

static const struct {
    const char *name;
    int n_args;
    hf_err (*run)(void);
} commands[] = {
    { "selftest", 0, run_selftest },
    { "generate", 1, run_generate },
    { "public", 2, run_public },
    { "sign", 6, run_sign },
    { "verify", 6, run_verify },
    { "sign-context", 3, run_sign_context },
    { "verify-context", 4, run_verify_context },
    { "pkcs8", 1, run_pkcs8 },
    { "oaep-seal", 2, run_oaep_seal },
    { "oaep-open", 3, run_oaep_open },
    { "kwp-wrap", 2, run_kwp_wrap },
    { "kwp-unwrap", 2, run_kwp_unwrap },
    { "seal", 4, run_seal },
    { "open", 4, run_open },
    { "digest", 2, run_digest },
    { "encapsulate", 1, run_encapsulate },
    { "decapsulate", 2, run_decapsulate },
    { "hmac", 3, run_hmac },
    { "hkdf", 5, run_hkdf },
};

/* Words that are not hexadecimal stay empty views: they are names. */
static void read_args(int n)
{
    for (int i = 0; i < n; i++) {
        size_t cap = strlen(words[i]) / 2 + 1, len = 0;
        uint8_t *p = malloc(cap);
        if (p == NULL)
            exit(2);
        if (hf_hex_decode(hf_view_str(words[i]), p, cap, &len) != HF_OK)
            len = 0;
        bytes[i] = (hf_view) { p, len };
    }
}

static hf_err start(void)
{
    const hf_arena_spec spec = { 4u << 20, HF_BACKING_MALLOC };
    const char *why = "";
    hf_arena *arena = NULL;
    HF_TRY(hf_arena_create(&spec, &arena, &why));
    hf_secret_use_arena(arena);
    return hf_crypto_start(arena);
}

int main(int argc, char **argv)
{
    hf_err e = start();
    words = argv + 2;
    for (size_t i = 0; e == HF_OK && i < HF_COUNT(commands); i++) {
        if (argc < 2 || strcmp(argv[1], commands[i].name) != 0 || argc != commands[i].n_args + 2)
            continue;
        read_args(commands[i].n_args);
        e = commands[i].run();
        if (e == HF_OK)
            print_hex(out, out_len);
        if (e != HF_OK)
            fprintf(stderr, "%s\n", hf_err_name(e));
        return e == HF_OK ? 0 : 1;
    }
    return 2;
}
