#include "tlsio/remote_key.h"

#include <openssl/async.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>

#define PROVIDER "holdfast-remote"
#define PROPERTY "provider=" PROVIDER
#define OPERATION "HOLDFAST-REMOTE-SIGN"
#define PARAM_SPKI "holdfast-spki" /* the one parameter a key is made of */
#define GUARD_BYTES 4096u

typedef struct remote_key {
    atomic_uint owners;
    EVP_PKEY *public_half; /* of OpenSSL's own provider; NULL until imported */
    uint8_t id[32];
} remote_key;

typedef struct remote_sign {
    remote_key *key;
    uint16_t scheme;
} remote_sign;

static _Thread_local hf_signing *signing_now;

void hf_remote_key_for(hf_signing *s)
{
    signing_now = s;
}

/* ---- key management ---- */

static void *key_new(void *provider)
{
    remote_key *k = OPENSSL_zalloc(sizeof(*k));

    (void)provider;
    if (k != NULL)
        atomic_init(&k->owners, 1);
    return k;
}

static void key_free(void *arg)
{
    remote_key *k = arg;

    if (k == NULL || atomic_fetch_sub(&k->owners, 1) > 1)
        return;
    EVP_PKEY_free(k->public_half);
    OPENSSL_free(k);
}

/* A key is immutable once it is imported, so a copy is another owner. */
static void *key_dup(const void *arg, int selection)
{
    remote_key *k = (remote_key *)(uintptr_t)arg;

    (void)selection;
    atomic_fetch_add(&k->owners, 1);
    return k;
}

/* It stands for a whole key pair: the TLS library asks before it takes it as a private key. */
static int key_has(const void *arg, int selection)
{
    const remote_key *k = arg;

    (void)selection;
    return k != NULL && k->public_half != NULL;
}

static int key_match(const void *a, const void *b, int selection)
{
    const remote_key *one = a, *other = b;

    (void)selection;
    return memcmp(one->id, other->id, sizeof(one->id)) == 0;
}

static int key_import(void *arg, int selection, const OSSL_PARAM params[])
{
    remote_key *k = arg;
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, PARAM_SPKI);
    const void *der = NULL;
    size_t len = 0;

    (void)selection;
    if (p == NULL || OSSL_PARAM_get_octet_string_ptr(p, &der, &len) != 1 || len > LONG_MAX || k->public_half != NULL)
        return 0;
    const unsigned char *at = der;
    k->public_half = d2i_PUBKEY_ex(NULL, &at, (long)len, NULL, "provider=default");
    return k->public_half != NULL && EVP_Q_digest(NULL, "SHA256", NULL, der, len, k->id, NULL) == 1;
}

static const OSSL_PARAM *key_import_types(int selection)
{
    static const OSSL_PARAM types[] = { OSSL_PARAM_octet_string(PARAM_SPKI, NULL, 0), OSSL_PARAM_END };

    (void)selection;
    return types;
}

/* Never with a private half: OpenSSL would believe that another provider can sign with what it got. */
static int key_export(void *arg, int selection, OSSL_CALLBACK *take, void *take_arg)
{
    const remote_key *k = arg;

    if (k->public_half == NULL || (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0)
        return 0;
    return EVP_PKEY_export(k->public_half, selection, take, take_arg);
}

static const OSSL_PARAM *key_export_types(int selection)
{
    static const OSSL_PARAM types[] = { OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
                                        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
                                        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
                                        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0), OSSL_PARAM_END };

    return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 ? NULL : types;
}

/* Sizes and the name of the curve are those of the public half. */
static int key_get_params(void *arg, OSSL_PARAM params[])
{
    remote_key *k = arg;

    return k->public_half != NULL && EVP_PKEY_get_params(k->public_half, params);
}

static const OSSL_PARAM *key_gettable(void *provider)
{
    static const OSSL_PARAM list[] = { OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
                                       OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
                                       OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
                                       OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0), OSSL_PARAM_END };

    (void)provider;
    return list;
}

static const char *key_operation(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? OPERATION : NULL;
}

#define FN(f) ((void (*)(void))(f))

static const OSSL_DISPATCH key_functions[] = {
    { OSSL_FUNC_KEYMGMT_NEW, FN(key_new) },
    { OSSL_FUNC_KEYMGMT_FREE, FN(key_free) },
    { OSSL_FUNC_KEYMGMT_DUP, FN(key_dup) },
    { OSSL_FUNC_KEYMGMT_HAS, FN(key_has) },
    { OSSL_FUNC_KEYMGMT_MATCH, FN(key_match) },
    { OSSL_FUNC_KEYMGMT_IMPORT, FN(key_import) },
    { OSSL_FUNC_KEYMGMT_IMPORT_TYPES, FN(key_import_types) },
    { OSSL_FUNC_KEYMGMT_EXPORT, FN(key_export) },
    { OSSL_FUNC_KEYMGMT_EXPORT_TYPES, FN(key_export_types) },
    { OSSL_FUNC_KEYMGMT_GET_PARAMS, FN(key_get_params) },
    { OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, FN(key_gettable) },
    { OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, FN(key_operation) },
    { 0, NULL },
};

/* ---- signing ---- */

static void *sign_new(void *provider, const char *properties)
{
    (void)provider;
    (void)properties;
    return OPENSSL_zalloc(sizeof(remote_sign));
}

static void sign_free(void *arg)
{
    remote_sign *s = arg;

    if (s == NULL)
        return;
    key_free(s->key);
    OPENSSL_free(s);
}

static uint16_t scheme_for(const EVP_PKEY *key, const char *digest)
{
    static const struct {
        const char *key, *digest;
        uint16_t scheme;
    } rows[] = {
        { "EC", "SHA256", HF_TLS_ECDSA_SECP256R1_SHA256 }, { "EC", "SHA384", HF_TLS_ECDSA_SECP384R1_SHA384 },
        { "RSA", "SHA256", HF_TLS_RSA_PSS_RSAE_SHA256 },   { "RSA", "SHA384", HF_TLS_RSA_PSS_RSAE_SHA384 },
        { "RSA", "SHA512", HF_TLS_RSA_PSS_RSAE_SHA512 },
    };

    if (EVP_PKEY_is_a(key, "ED25519"))
        return HF_TLS_ED25519;
    for (size_t i = 0; i < HF_COUNT(rows); i++)
        if (EVP_PKEY_is_a(key, rows[i].key) && digest != NULL &&
            (strcasecmp(digest, rows[i].digest) == 0 ||
             (strncasecmp(digest, "SHA2-", 5) == 0 && strcasecmp(digest + 5, rows[i].digest + 3) == 0)))
            return rows[i].scheme;
    return 0;
}

/* The parameter is absent, or has this value as a number or as a word: OpenSSL uses both. */
static bool is_value(const OSSL_PARAM params[], const char *name, int number, const char *word)
{
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, name);
    const char *text = NULL;
    int n = 0;

    if (p == NULL)
        return true;
    if (p->data_type == OSSL_PARAM_INTEGER)
        return OSSL_PARAM_get_int(p, &n) == 1 && n == number;
    return OSSL_PARAM_get_utf8_string_ptr(p, &text) == 1 && strcmp(text, word) == 0;
}

/* What OpenSSL sets for TLS 1.3, and nothing else: PSS with a salt as long as the digest. */
static int sign_set_params(void *arg, const OSSL_PARAM params[])
{
    (void)arg;
    return params == NULL ||
           (is_value(params, OSSL_SIGNATURE_PARAM_PAD_MODE, RSA_PKCS1_PSS_PADDING, OSSL_PKEY_RSA_PAD_MODE_PSS) &&
            is_value(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN, RSA_PSS_SALTLEN_DIGEST,
                     OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST));
}

static const OSSL_PARAM *sign_settable(void *arg, void *provider)
{
    static const OSSL_PARAM list[] = { OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
                                       OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
                                       OSSL_PARAM_END };

    (void)arg;
    (void)provider;
    return list;
}

static int sign_init(void *arg, const char *digest, void *key, const OSSL_PARAM params[])
{
    remote_sign *s = arg;

    if (key == NULL || !key_has(key, 0))
        return 0;
    key_free(s->key);
    s->key = key_dup(key, 0);
    s->scheme = scheme_for(s->key->public_half, digest);
    return s->scheme != 0 && sign_set_params(s, params);
}

/* On the stack of the handshake's job: what outlives a pause lies in *w. */
static int sign_remotely(const remote_sign *s, hf_signing *w, const unsigned char *input, size_t len)
{
    if (len > sizeof(w->input) || ASYNC_get_current_job() == NULL || w->state != HF_SIGNING_IDLE)
        return 0;
    memcpy(w->key_id, s->key->id, sizeof(w->key_id));
    memcpy(w->input, input, len);
    w->input_len = len;
    w->scheme = s->scheme;
    w->state = HF_SIGNING_ASKED;
    while (w->state == HF_SIGNING_ASKED)
        if (ASYNC_pause_job() != 1)
            return 0;
    return w->state == HF_SIGNING_DONE;
}

static int sign_once(void *arg, unsigned char *signature, size_t *ret_len, size_t cap, const unsigned char *input,
                     size_t len)
{
    const remote_sign *s = arg;
    hf_signing *w = signing_now;

    if (signature == NULL) {
        *ret_len = (size_t)EVP_PKEY_get_size(s->key->public_half);
        return 1;
    }
    if (w == NULL || !sign_remotely(s, w, input, len) || w->signature_len > cap)
        return 0;
    memcpy(signature, w->signature, w->signature_len);
    *ret_len = w->signature_len;
    return 1;
}

static const OSSL_DISPATCH sign_functions[] = {
    { OSSL_FUNC_SIGNATURE_NEWCTX, FN(sign_new) },
    { OSSL_FUNC_SIGNATURE_FREECTX, FN(sign_free) },
    { OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, FN(sign_init) },
    { OSSL_FUNC_SIGNATURE_DIGEST_SIGN, FN(sign_once) },
    { OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, FN(sign_set_params) },
    { OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, FN(sign_settable) },
    { 0, NULL },
};

/* ---- the provider ---- */

/* The names of OpenSSL's own key types, by which libssl finds the certificate's slot. */
static const OSSL_ALGORITHM keys[] = {
    { "EC:id-ecPublicKey:1.2.840.10045.2.1", PROPERTY, key_functions, "EC key of another process" },
    { "ED25519:1.3.101.112", PROPERTY, key_functions, "Ed25519 key of another process" },
    { "RSA:rsaEncryption:1.2.840.113549.1.1.1", PROPERTY, key_functions, "RSA key of another process" },
    { NULL, NULL, NULL, NULL },
};

static const OSSL_ALGORITHM signatures[] = {
    { OPERATION, PROPERTY, sign_functions, "signature of another process" },
    { NULL, NULL, NULL, NULL },
};

static const OSSL_ALGORITHM *query(void *provider, int operation, int *no_cache)
{
    (void)provider;
    *no_cache = 0;
    return operation == OSSL_OP_KEYMGMT ? keys : operation == OSSL_OP_SIGNATURE ? signatures : NULL;
}

static int provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out, void **ret)
{
    static const OSSL_DISPATCH functions[] = { { OSSL_FUNC_PROVIDER_QUERY_OPERATION, FN(query) }, { 0, NULL } };
    static char context; /* OpenSSL wants one that is not NULL */

    (void)handle;
    (void)in;
    *out = functions;
    *ret = &context;
    return 1;
}

/* ---- stacks of sleeping handshakes ---- */

static void *stack_alloc(size_t *bytes)
{
    uint8_t *low =
        mmap(NULL, GUARD_BYTES + HF_TLS_JOB_STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (low == MAP_FAILED)
        return NULL;
    if (mprotect(low, GUARD_BYTES, PROT_NONE) != 0) {
        munmap(low, GUARD_BYTES + HF_TLS_JOB_STACK_BYTES);
        return NULL;
    }
    *bytes = HF_TLS_JOB_STACK_BYTES;
    return low + GUARD_BYTES;
}

static void stack_free(void *stack)
{
    if (stack != NULL)
        munmap((uint8_t *)stack - GUARD_BYTES, GUARD_BYTES + HF_TLS_JOB_STACK_BYTES);
}

/* ---- start ---- */

static hf_err started = HF_ERR_SYSTEM;
static OSSL_PROVIDER *ordinary, *remote;

static void end(void)
{
    OSSL_PROVIDER_unload(remote);
    OSSL_PROVIDER_unload(ordinary);
}

static void start(void)
{
    bool ok = OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) == 1 &&
              ASYNC_set_mem_functions(stack_alloc, stack_free) == 1 &&
              OSSL_PROVIDER_add_builtin(NULL, PROVIDER, provider_init) == 1;

    if (ok) {
        /* Named, because loading any provider ends the automatic loading of this one. */
        ordinary = OSSL_PROVIDER_load(NULL, "default");
        remote = OSSL_PROVIDER_load(NULL, PROVIDER);
        ok = OPENSSL_atexit(end) == 1;
    }
    /* Who does not ask for us by name never gets us. */
    ok = ok && ordinary != NULL && remote != NULL && EVP_set_default_properties(NULL, "?provider=default") == 1;

    ERR_clear_error();
    started = ok ? HF_OK : HF_ERR_SYSTEM;
}

hf_err hf_remote_key_start(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    HF_CHECK(pthread_once(&once, start) == 0, HF_ERR_SYSTEM);
    return started;
}

hf_err hf_remote_key_thread(void)
{
    static _Thread_local bool done;

    if (done)
        return HF_OK;
    HF_CHECK(ASYNC_init_thread(HF_TLS_JOBS_MAX, 0) == 1, HF_ERR_SYSTEM);
    done = true;
    return HF_OK;
}

hf_err hf_remote_key_new(hf_view spki, EVP_PKEY **ret)
{
    static const char *const names[] = { "EC", "ED25519", "RSA" };
    const unsigned char *at = spki.ptr;
    EVP_PKEY *plain = d2i_PUBKEY_ex(NULL, &at, (long)spki.len, NULL, "provider=default"), *key = NULL;
    const char *name = NULL;

    HF_CHECK(plain != NULL, HF_ERR_BAD_KEY);
    for (size_t i = 0; i < HF_COUNT(names); i++)
        if (EVP_PKEY_is_a(plain, names[i]))
            name = names[i];
    EVP_PKEY_free(plain);
    HF_CHECK(name != NULL, HF_ERR_BAD_KEY);
    OSSL_PARAM params[] = { OSSL_PARAM_octet_string(PARAM_SPKI, (void *)(uintptr_t)spki.ptr, spki.len),
                            OSSL_PARAM_END };
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, name, PROPERTY);
    HF_CHECK(ctx != NULL, HF_ERR_SYSTEM);
    bool ok = EVP_PKEY_fromdata_init(ctx) == 1 && EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) == 1;
    EVP_PKEY_CTX_free(ctx);
    HF_CHECK(ok, HF_ERR_BAD_KEY);
    *ret = key;
    return HF_OK;
}
