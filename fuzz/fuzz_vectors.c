/*
 * Target functions: st_vectors_run, st_judge, st_hex, st_public_key, st_private_key
 *
 * A file of test vectors, which may be anything. What is counted adds up: every test is as expected, stricter, wrong or
 * skipped, and the reasons of the second and the last sum up to them.
 */
#include "crypto/crypto.h"
#include "selftest/vectors.h"
#include <holdfast/arena.h>
#include <holdfast/secret.h>
#include <stdlib.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static hf_arena *arena;
    const hf_arena_spec spec = { 4u << 20, HF_BACKING_MALLOC };
    const char *why = "";
    (void)argc;
    (void)argv;
    if (hf_arena_create(&spec, &arena, &why) != HF_OK)
        abort();
    hf_secret_use_arena(arena);
    if (hf_crypto_start(NULL) != HF_OK)
        abort();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct st_tally t;
    char algorithm[ST_ALGORITHM_CAP];
    uint64_t reasons = 0;
    t = (struct st_tally) { 0 };
    st_why skipped = st_vectors_run((hf_view) { data, size }, &t, algorithm);
    for (unsigned w = 0; w < ST_WHY_COUNT; w++)
        reasons += t.by_reason[w];
    if (t.tests != st_tally_run(&t) + t.skipped || reasons != t.stricter + t.skipped || t.by_reason[ST_NO_REASON] != 0)
        abort();
    if (skipped != ST_NO_REASON && t.tests != 0)
        abort();
    return 0;
}
