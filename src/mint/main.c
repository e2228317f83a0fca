/* mint: signs one bearer token with a person's or a service's key or shared secret, and ends. */
#include "base/text.h"
#include "base/time.h"
#include "jose/jws.h"
#include "jose/thumbprint.h"
#include "mint/arguments.h"
#include "mint/key_file.h"
#include "sys/process.h"
#include "sys/strict.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARENA_BYTES (4u << 20)
#define JTI_RANDOM_BYTES 16

static int fail(const char *what, int exit_code)
{
    fprintf(stderr, "holdfast token mint: %s\n", what);
    return exit_code;
}

/*
 * Strict demands locked memory; otherwise its lack is said and the key lies in ordinary memory for some
 * milliseconds.
 */
static hf_err arena_make(hf_arena **ret, const char **reterr_why)
{
    hf_arena_spec spec = { .bytes = ARENA_BYTES, .weakest = HF_BACKING_MALLOC };
    bool strict = false;

    *reterr_why = HF_STRICT_WHY;
    HF_TRY(hf_strict_wanted(&strict));
    if (strict)
        spec.weakest = HF_BACKING_MLOCK;
    HF_TRY(hf_arena_create(&spec, ret, reterr_why));
    if (hf_arena_backing(*ret) == HF_BACKING_MALLOC)
        fprintf(stderr, "holdfast token mint: warning: the key is not in locked memory\n");
    return HF_OK;
}

static hf_err claims_fill(const struct mint_arguments *a, struct hf_claims *ret)
{
    uint8_t random[JTI_RANDOM_BYTES];
    int64_t now_s = hf_wall_s(hf_wall_now());
    struct hf_claims claims = a->claims;

    HF_TRY(hf_random(random, sizeof random));
    claims.jti[hf_b64url_encode(hf_view_of(random, sizeof random), claims.jti)] = '\0';
    claims.issued_s = now_s;
    claims.not_before_s = now_s;
    claims.expires_s = now_s + a->ttl_s;
    *ret = claims;
    return HF_OK;
}

/* Past stdio, whose buffer would keep it. */
static hf_err token_write(hf_writer *token)
{
    hf_put_u8(token, '\n');
    HF_CHECK(!token->failed, HF_ERR_BOUNDS);
    for (size_t at = 0; at < token->len;) {
        ssize_t n = write(STDOUT_FILENO, token->ptr + at, token->len - at);
        HF_CHECK(n >= 0 || errno == EINTR, HF_ERR_SYSTEM);
        at += n > 0 ? (size_t)n : 0;
    }
    return HF_OK;
}

static hf_err token_make(const struct mint_arguments *a, const struct mint_signer *signer, hf_writer *token)
{
    uint8_t json[HF_JWS_PAYLOAD_MAX_BYTES];
    hf_writer payload = hf_writer_on(json, sizeof json);
    char thumbprint[HF_THUMBPRINT_CAP];
    struct hf_claims claims;

    HF_TRY(claims_fill(a, &claims));
    HF_TRY(hf_claims_write(&claims, hf_view_str(a->issuer), hf_view_str(a->audience), &payload));
    if (signer->secret != NULL)
        return hf_token_sign_secret(signer->secret, hf_view_str(a->kid), hf_writer_view(&payload), token);
    HF_TRY(hf_jwk_thumbprint(signer->key, thumbprint));
    return hf_token_sign(signer->key, hf_view_str(a->kid == NULL ? thumbprint : a->kid), hf_writer_view(&payload),
                         token);
}

static int run(const struct mint_arguments *arguments)
{
    HF_AUTO(hf_secret_freep) hf_secret *text = NULL; /* whoever has the token is believed for minutes */
    const char *why = "";
    struct mint_signer signer = { 0 };
    hf_arena *arena;
    hf_err e;

    if (arena_make(&arena, &why) != HF_OK)
        return fail(why, 1);
    hf_secret_use_arena(arena);
    if (hf_crypto_start(arena) != HF_OK)
        return fail("OpenSSL cannot be started", 1);
    if (mint_signer_read(arguments->key_file, arguments->is_secret, &signer, &why) != HF_OK)
        return fail(why, 2);
    if (hf_secret_new(HF_JWS_MAX_BYTES + 1, &text) != HF_OK)
        return fail("there is no locked memory for the token", 1);
    hf_writer token = hf_writer_on(hf_secret_bytes(text), HF_JWS_MAX_BYTES + 1);
    e = token_make(arguments, &signer, &token);
    mint_signer_free(&signer);
    hf_crypto_end_job(); /* signature and claims on the stack */
    if (e != HF_OK)
        return fail(hf_err_text(e), 1);
    return token_write(&token) == HF_OK ? 0 : fail("the token cannot be written", 1);
}

int main(int argc, char **argv)
{
    struct mint_arguments arguments;

    mint_arguments_parse(argc, argv, &arguments);
    if (hf_process_close_up() != HF_OK)
        _Exit(fail("the process cannot be protected from others", 1));
    int code = run(&arguments);
    hf_wipe_all(); /* the whole arena, with all that OpenSSL keeps */
    _Exit(code); /* past the exit handlers, which would use it */
}
