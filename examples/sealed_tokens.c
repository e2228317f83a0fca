/*
 * Many secrets that are seldom used: sealed in ordinary memory (or a file, or a database) under a key that lies in two halves, and opened into
 * locked memory only for as long as each is needed.
 *
 *   cc sealed_tokens.c $(pkg-config --cflags --libs holdfast) -o sealed_tokens
 */
#include <holdfast/sealed.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKENS = 1000, TOKEN_BYTES = 40, BLOB_BYTES = TOKEN_BYTES + HF_SEALED_OVERHEAD_BYTES };

static unsigned char sealed[TOKENS][BLOB_BYTES];

static void check(hf_err e, const char *what)
{
    if (e == HF_OK)
        return;
    fprintf(stderr, "sealed_tokens: %s: %s\n", what, hf_err_text(e));
    exit(1);
}

/* Which token a blob is; a blob that was moved to another place does not open there. */
static hf_sealed_id id_of(const char *name, unsigned version)
{
    return (hf_sealed_id) {
        .name = name, .name_len = strlen(name), .owner = "billing", .owner_len = 7, .version = version
    };
}

int main(void)
{
    hf_coffer *coffer;
    hf_pool *pool;
    const char *why;
    void *plain;
    size_t length;
    char name[16];

    hf_err e = hf_coffer_new(NULL, &coffer, &why);
    check(e, why);
    check(hf_pool_of_process(&pool), "no pool");
    check(hf_pool_alloc(pool, TOKEN_BYTES, &plain), "no block");

    for (unsigned i = 0; i < TOKENS; i++) {
        snprintf(name, sizeof(name), "token-%u", i);
        snprintf(plain, TOKEN_BYTES, "the value of token %u", i); /* as it comes from somewhere */
        const hf_sealed_id id = id_of(name, 1);
        check(hf_coffer_seal(coffer, &id, plain, TOKEN_BYTES, sealed[i], BLOB_BYTES, &length), "sealing");
    }
    hf_mem_wipe(plain, TOKEN_BYTES);

    hf_sealed_id id = id_of("token-7", 1);
    check(hf_coffer_open_into(coffer, &id, sealed[7], BLOB_BYTES, plain, TOKEN_BYTES, &length), "opening");
    printf("opened: %s\n", (const char *)plain);
    hf_pool_free(pool, plain); /* wiped */

    check(hf_pool_alloc(pool, TOKEN_BYTES, &plain), "no block");
    printf("in another's place: %s\n",
           hf_err_name(hf_coffer_open_into(coffer, &id, sealed[8], BLOB_BYTES, plain, TOKEN_BYTES, &length)));
    id = id_of("token-7", 2);
    printf("as another version: %s\n",
           hf_err_name(hf_coffer_open_into(coffer, &id, sealed[7], BLOB_BYTES, plain, TOKEN_BYTES, &length)));
    hf_pool_free(pool, plain);
    hf_coffer_free(coffer);
    return 0;
}
