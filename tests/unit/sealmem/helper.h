/* A coffer to test with, and what is known of its inside. */
#ifndef TEST_SEALMEM_HELPER_H
#define TEST_SEALMEM_HELPER_H

#include "../mem/helper.h"
#include "sealmem/internal.h"

#define ANY_BACKING (TEST_SANITIZED ? HF_BACKING_MALLOC : HF_BACKING_MLOCK)

static inline hf_coffer *coffer_with(uint32_t ms, uint32_t uses)
{
    hf_coffer *c = NULL;
    const char *why = NULL;
    const hf_coffer_spec spec = { .weakest = ANY_BACKING, .rerandomize_ms = ms, .rerandomize_uses = uses };
    hf_err e = hf_coffer_new(&spec, &c, &why);
    if (e != HF_OK) {
        fprintf(stderr, "no coffer: %s: %s\n", hf_err_text(e), why);
        exit(125);
    }
    return c;
}

/* No renewal comes by itself. */
static inline hf_coffer *calm_coffer(void)
{
    return coffer_with(UINT32_MAX, UINT32_MAX);
}

static const hf_sealed_id alice = {
    .name = "db/password", .name_len = 11, .owner = "alice", .owner_len = 5, .version = 3, .expires = 1000
};

static inline void assert_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0)
            fail_msg("byte %zu of %zu is %02x and not zero", i, n, p[i]);
}

#endif
