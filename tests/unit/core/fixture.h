/* What the tests of core's parts share: a core with keys of a fixed root key, and no peers. */
#ifndef HF_TEST_CORE_FIXTURE_H
#define HF_TEST_CORE_FIXTURE_H

#include "core/core.h"

#include "crypto/crypto.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* After what it needs. */
#include <cmocka.h>

static core the_core;

static int set_up(void **state)
{
    const hf_arena_spec spec = { .bytes = 8u << 20, .weakest = HF_BACKING_MALLOC };
    const char *why = NULL;
    hf_secret *root = NULL;

    (void)state;
    if (hf_arena_create(&spec, &the_core.arena, &why) != HF_OK || hf_crypto_start(the_core.arena) != HF_OK)
        return -1;
    hf_secret_use_arena(the_core.arena);
    if (hf_secret_new(HF_ROOT_KEY_BYTES, &root) != HF_OK)
        return -1;
    memset(hf_secret_bytes(root), 7, HF_ROOT_KEY_BYTES);
    hf_err e = hf_root_keys_derive(root, &the_core.keys);
    hf_secret_free(root);
    the_core.scratch = malloc(sizeof(*the_core.scratch));
    return e == HF_OK && the_core.scratch != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    hf_root_keys_free(the_core.keys);
    free(the_core.scratch);
    return 0;
}

#endif
